import type { Database } from "./database.ts";
import { type Keys, randomText } from "./keys.ts";

type Handler = (request: Request) => Promise<Response>;
interface Parts {
  database: Database;
  keys: Keys;
  /** The address of the page; links may lead only to it. */
  siteUrl: string;
  /** Answers the other requests. */
  lite: Handler;
  /** Delivers a mail; the platform prints it. */
  sendMail: (mail: Mail) => void;
}

export interface Mail {
  to: string;
  subject: string;
  text?: string;
}

const json = (body: unknown, headers: Record<string, string> = {}): Response =>
  Response.json(body, { headers: { "access-control-allow-origin": "*", ...headers } });

/** An error response in the form of Auth. */
function refuse(status: number, error_code: string, msg: string): Response {
  return Response.json({ code: status, error_code, msg }, { status, headers: { "access-control-allow-origin": "*" } });
}

const USER = `select id, aud, role, email, email_confirmed_at, invited_at, confirmation_sent_at, last_sign_in_at, created_at, updated_at,
  banned_until, raw_app_meta_data as app_metadata, raw_user_meta_data as user_metadata from auth.users`;

/** The parts of hosted Auth that lite lacks: the admin API for users, invitations, disabled users, and the redirects of links. */
export function createAuth({ database, keys, siteUrl, lite, sendMail }: Parts): Handler {
  const read = async (sql: string, parameters: unknown[]) => (await database.query(`${USER} ${sql}`, parameters))[0];
  const call = (path: string, body: object) =>
    lite(
      new Request(`${siteUrl}/auth/v1${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", apikey: keys.publishable },
        body: JSON.stringify(body),
      }),
    );

  async function list(url: URL): Promise<Response> {
    const page = Number(url.searchParams.get("page") || 1), limit = Number(url.searchParams.get("per_page") || 50);
    if (!(Number.isInteger(page) && page > 0 && Number.isInteger(limit) && limit > 0)) {
      return refuse(400, "validation_failed", "Bad Pagination Parameters");
    }
    const users = await database.query(`${USER} order by created_at desc, id desc limit $1 offset $2`, [limit, (page - 1) * limit]);
    const [total] = await database.query<{ count: number }>("select count(*)::integer as count from auth.users");
    return json({ users, aud: "authenticated" }, { "x-total-count": String(total?.count ?? 0) });
  }

  /** Signs a user up with lite, and removes the session that lite creates. */
  async function signUp(email: string, password: string): Promise<{ id: string } | Response> {
    const response = await call("/signup", { email, password });
    const body = await response.json();
    if (!response.ok) {
      return body.error_code === "user_already_exists"
        ? refuse(422, "email_exists", "A user with this email address has already been registered")
        : Response.json(body, { status: response.status });
    }
    await database.query("delete from auth.sessions where user_id = $1", [body.user.id]);
    await database.query("update auth.users set last_sign_in_at = null where id = $1", [body.user.id]);
    return { id: body.user.id };
  }

  async function create(body: UserAttributes): Promise<Response> {
    const { email = "", password = randomText(24) } = body;
    const user = await signUp(email, password);
    if (user instanceof Response) return user;
    if (!body.email_confirm) await database.query("update auth.users set email_confirmed_at = null where id = $1", [user.id]);
    return await update(user.id, { app_metadata: body.app_metadata, ban_duration: body.ban_duration });
  }

  async function update(id: string, { app_metadata, ban_duration }: UserAttributes): Promise<Response> {
    if (!await read("where id::text = $1", [id])) return refuse(404, "user_not_found", "User not found");
    if (app_metadata) {
      // A value of null removes its key.
      await database.query(
        `update auth.users set updated_at = now(),
          raw_app_meta_data = jsonb_strip_nulls(coalesce(raw_app_meta_data::jsonb, '{}') || $2::jsonb) where id::text = $1`,
        [id, JSON.stringify(app_metadata)],
      );
    }
    if (ban_duration) {
      const hours = ban_duration === "none" ? 0 : Number(/^(\d+)h$/.exec(ban_duration)?.[1]);
      if (Number.isNaN(hours)) return refuse(400, "validation_failed", "invalid format for ban duration");
      await database.query(
        `update auth.users set updated_at = now(),
          banned_until = case when $2 = 0 then null else now() + $2 * interval '1 hour' end where id::text = $1`,
        [id, hours],
      );
    }
    return json(await read("where id::text = $1", [id]));
  }

  async function invite(email: string, redirectTo: string | null): Promise<Response> {
    const known = await read("where email = lower($1)", [email]) as { id: string; email_confirmed_at: string | null } | undefined;
    if (known?.email_confirmed_at) return refuse(422, "email_exists", "A user with this email address has already been registered");
    const user = known ?? await signUp(email, randomText(24));
    if (user instanceof Response) return user;
    const token = crypto.getRandomValues(new Uint8Array(28)).toHex();
    await database.query(
      `update auth.users set encrypted_password = null, email_confirmed_at = null, confirmation_token = $2,
        confirmation_sent_at = now(), invited_at = now(), updated_at = now() where id::text = $1`,
      [user.id, token],
    );
    const query = new URLSearchParams({ token, type: "invite", redirect_to: redirectTo ?? siteUrl });
    sendMail({ to: email, subject: "You have been invited", text: `Accept the invitation: ${siteUrl}/auth/v1/verify?${query}` });
    return json(await read("where id::text = $1", [user.id]));
  }

  /** Ends the sessions of a disabled user and refuses the sign-in, as Auth does. */
  async function refuseBanned(response: Response): Promise<Response> {
    if (!response.ok) return response;
    const { user } = await response.clone().json();
    const banned = user && await read("where id::text = $1 and banned_until > now()", [user.id]);
    if (!banned) return response;
    await database.query("delete from auth.sessions where user_id::text = $1", [user.id]);
    return refuse(400, "user_banned", "User is banned");
  }

  /** Verifies a token; lite has no type `invite`, so the token of an invitation is that of a sign-up. */
  const verify = async (body: Record<string, unknown>): Promise<Response> =>
    await refuseBanned(await call("/verify", { ...body, type: body.type === "invite" ? "signup" : body.type }));

  return async (request) => {
    const url = new URL(request.url);
    const path = url.pathname.slice("/auth/v1".length);
    const isAdmin = request.method !== "OPTIONS" && (path === "/invite" || path.startsWith("/admin/"));
    if (isAdmin && request.headers.get("apikey") !== keys.secret) {
      return refuse(401, "no_authorization", "This endpoint requires a valid Bearer token");
    }
    const body = async () => await request.json().catch(() => ({}));
    const id = /^\/admin\/users\/([^/]+)$/.exec(path)?.[1];
    switch (id === undefined ? `${request.method} ${path}` : `${request.method} user`) {
      case "GET /admin/users":
        return await list(url);
      case "POST /admin/users":
        return await create(await body());
      case "GET user": {
        const user = await read("where id::text = $1", [id]);
        return user ? json(user) : refuse(404, "user_not_found", "User not found");
      }
      case "PUT user":
        return await update(String(id), await body());
      case "POST /invite":
        return await invite(String((await body()).email ?? ""), url.searchParams.get("redirect_to"));
      case "POST /verify":
        return await verify(await body());
      case "POST /token":
        return await refuseBanned(await lite(request));
      default:
        return isAdmin ? refuse(404, "not_found", "404 page not found") : await lite(request);
    }
  };
}

interface UserAttributes {
  email?: string;
  password?: string;
  email_confirm?: boolean;
  app_metadata?: Record<string, unknown>;
  ban_duration?: string;
}
