import { assert, assertEquals } from "@std/assert";
import { readEnv } from "../../services/env.ts";
import { SecretKeys } from "../../services/secret-keys.ts";
import { createAccess } from "../../supabase/functions/_shared/access.ts";
import { requireRole } from "../../supabase/functions/_shared/app.ts";
import { createApp as createLiveSync } from "../../supabase/functions/match-live-sync/app.ts";
import { createApp as createMatchSync } from "../../supabase/functions/match-schedule-sync/app.ts";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { createApp as createProcessor } from "../../supabase/functions/sync-alert-processor/app.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import { createApp as createTournamentSync } from "../../supabase/functions/tournament-master-sync/app.ts";
import { createCredentials, findRouteHoles, TOKENS } from "../../testing/access-matrix.ts";
import { openTestDatabase, USER } from "../../testing/database.ts";
import { aTournament, aUser } from "../../testing/factories.ts";
import { document } from "../../testing/openapi.ts";
import { testEnv } from "../../testing/env.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";
import { everyKind } from "../../testing/senders.ts";

const db = await openTestDatabase();
const env = testEnv({ AUDIT_KEY: "a key of thirty-two characters or so", SUPABASE_SERVICE_ROLE_KEY: db.keys.secret, ...TOKENS });
const deps = {
  ...createSyncHarness(db, { start: "2026-06-10T12:00:00.000Z" }).deps,
  log: () => {},
  env,
  access: createAccess(readEnv(), new SecretKeys(env.secretKeys, { fetch: db.fetch })),
  fetch: () => Promise.resolve(new Response(null, { status: 204 })),
};
const send = () => Promise.resolve({ outcome: "SENT" as const, is_answered: true });
const senders = everyKind(send);
const APPS = {
  "sync-monitoring": createMonitoring(deps),
  "sync-admin": createAdmin(deps),
  "sync-alert-processor": createProcessor({
    ...deps,
    channels: { messages: senders, reports: senders },
    heartbeat: () => Promise.resolve(),
  }),
  "tournament-master-sync": createTournamentSync(deps),
  "match-schedule-sync": createMatchSync(deps),
  "match-live-sync": createLiveSync(deps),
};
await Promise.all([aUser(db, { ...USER, role: "admin" }), aTournament(db, { no: "8104" })]);
const credentials = await createCredentials(db);

Deno.test("the matrix has every function", async () => {
  const folders = (await Array.fromAsync(Deno.readDir("supabase/functions"))).filter(({ isDirectory, name }) =>
    isDirectory && name !== "_shared"
  );
  assertEquals(Object.keys(APPS).sort(), folders.map(({ name }) => name).sort());
});

Deno.test("each route is documented with its access, and answers every credential as it states", async () => {
  assertEquals(await findRouteHoles(document, APPS, credentials), []);
});

Deno.test("the matrix finds a route without a stated access, one that is not documented, and one that admits or refuses others", async () => {
  const changed = structuredClone(document) as { paths: Record<string, Record<string, Record<string, unknown>>> };
  const state = (path: string, access: unknown) => Object.assign(changed.paths[path]?.get ?? {}, { "x-access": access });
  state("/sync-admin/jobs", undefined);
  state("/sync-admin/entities", "admin");
  state("/sync-admin/people", "viewer");
  changed.paths["/sync-admin/gone"] = { get: { "x-access": "viewer" } };
  const admin = createAdmin(deps);
  admin.get("/door", ...requireRole("viewer"), (c) => c.json({}));
  // This route wrongly checks the body before the role.
  admin.post(
    "/upstream/early",
    async (c, next) => {
      return await c.req.text() === "[" ? c.json({ code: "BAD_REQUEST" }, 400) : await next();
    },
    ...requireRole("admin"),
    (c) => c.json({}),
  );
  changed.paths["/sync-admin/upstream/early"] = { post: { "x-access": "admin" } };
  const few = Object.fromEntries(
    ["no credential", "viewer", "admin", "the secret key"].map((who) => [who, credentials[who]]),
  ) as typeof credentials;
  const apps = Object.fromEntries(Object.entries({ ...APPS, "sync-admin": admin }).filter(([name]) => name === "sync-admin"));
  const holes = (await findRouteHoles(changed, apps, few)).filter((hole) => !/served by no function/.test(hole) || /gone/.test(hole));
  assertEquals(holes, [
    "get /sync-admin/jobs states no access",
    "get /sync-admin/entities (admin) answers admitted instead of 403 to viewer",
    "get /sync-admin/people (viewer) answers 403 instead of admitted to viewer",
    "get /sync-admin/door is not in the document",
    "post /sync-admin/upstream/early (admin) answers admitted instead of 401 to no credential",
    "post /sync-admin/upstream/early (admin) answers admitted instead of 403 to viewer",
    "get /sync-admin/gone is served by no function",
  ]);
  assert(holes.length > 0);
});

Deno.test.afterAll(() => db.close());
