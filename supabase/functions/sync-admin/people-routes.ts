import type { Context } from "hono";
import type { z } from "zod";
import {
  ChangePersonRequest,
  ChangePersonResponse,
  CreatePersonRequest,
  PeopleQuery,
  PeopleResponse,
  Person,
} from "../../../types/people.ts";
import { actorOf, type AppVariables, type FunctionApp, parse, readBody, requireRole } from "../_shared/app.ts";
import { actsOf, type AdminDeps, idOf } from "./acts.ts";
import { createAuthAdmin, isOutcomeUnknown } from "./auth-admin.ts";
import { addPerson, changePerson, type PersonChange, refuseFormerAdmin } from "./people.ts";

/** The time limit of all requests to Auth for one request, shorter than a claim in the database. */
const TIMEOUT_MS = 30_000;

interface PersonAct {
  action: "create-person" | "invite-person" | "change-person";
  object_id: string;
  changes: Record<string, unknown>;
  reason?: string | undefined;
}

/** Adds the routes that list, create, invite and change the people who may sign in. */
export function addPeopleRoutes(app: FunctionApp, deps: AdminDeps): void {
  const { rpc, clock, env } = deps;
  const { actor, by, as_of } = actsOf(deps);
  const authAdmin = (c: Context<AppVariables>) =>
    createAuthAdmin({ env, fetch: c.get("access").keys.fetch, now: () => clock.now(), signal: AbortSignal.timeout(TIMEOUT_MS) });

  /** Makes one change of people at a time, so that two admins cannot remove each other, and writes its audit row. */
  async function act<T extends { before: Person | null; after: Person | null }>(
    c: Context<AppVariables>,
    claim: PersonAct,
    change: (auth: ReturnType<typeof authAdmin>) => Promise<T>,
  ): Promise<T> {
    const { token } = await rpc("claim_people_change", await by(c, [claim.action, "person", claim.object_id], claim));
    const attempt = async () => {
      const auth = authAdmin(c);
      await refuseFormerAdmin(auth, actorOf(c).id);
      return await change(auth);
    };
    const done = await attempt().catch(async (error: unknown) => {
      // The claim of a change with an unknown outcome stays until it expires, and its expiry writes the audit row.
      if (!isOutcomeUnknown(error)) await rpc("finish_people_change", { p: { token }, as_of: as_of() });
      throw error;
    });
    const { before, after } = done;
    const voucher = after ? (await actor(c, [claim.action, "person", after.id])).vouchers?.[claim.action] : undefined;
    await rpc("finish_people_change", { p: { token, ...after ? { object_id: after.id, before, after, voucher } : {} }, as_of: as_of() });
    return done;
  }

  app.get("/people", ...requireRole("admin"), async (c) => {
    const { limit, cursor } = parse(PeopleQuery, c.req.query());
    const page = Number(cursor ?? 1);
    const { people, hasMore } = await authAdmin(c).list(page, limit);
    return c.json({ people, next_cursor: hasMore ? String(page + 1) : null } satisfies z.infer<typeof PeopleResponse>);
  });
  app.post("/people", ...requireRole("admin"), async (c) => {
    const request = await readBody(c.req.raw, CreatePersonRequest);
    const { email, role, password, reason } = request;
    const action = password === undefined ? "invite-person" : "create-person";
    // The email is masked, because viewers read the audit log.
    const object_id = email.replace(/^(.).*@/, "$1***@");
    const claim = { action, object_id, changes: { email, role }, reason } as const;
    const { after } = await act<PersonChange>(c, claim, (auth) => addPerson(auth, request));
    return c.json(after, 201);
  });
  app.patch("/people/:id", ...requireRole("admin"), async (c) => {
    const request = await readBody(c.req.raw, ChangePersonRequest);
    const id = idOf(c);
    const { reason, ...changes } = request;
    const claim = { action: "change-person", object_id: id, changes, reason } as const;
    const { before, after } = await act(c, claim, (auth) => changePerson(auth, id, request, actorOf(c).id));
    const caller = c.get("caller");
    // A token that Auth issues now has the same lifetime as the token of the caller.
    const { iat, exp } = "user" in caller ? caller.user : {};
    const expiry = iat === undefined || exp === undefined ? null : new Date(clock.now() + (exp - iat) * 1000).toISOString();
    return c.json({ ...after ?? before, old_tokens_expire_by: expiry } satisfies ChangePersonResponse);
  });
}
