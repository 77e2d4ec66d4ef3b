import { AsyncLocalStorage } from "node:async_hooks";
import { App } from "@supabase/lite";
import { createAuth, type Mail } from "./auth.ts";
import type { Database } from "./database.ts";
import type { Keys } from "./keys.ts";

interface SqlError {
  code?: string;
  message: string;
  detail?: string;
  hint?: string;
}

/** The HTTP status of a SQLSTATE in PostgREST (PostgREST documentation, "Errors"); lite answers 500. */
function statusOf(sqlstate: string): number {
  if (sqlstate === "P0001" || sqlstate.startsWith("23")) return sqlstate === "23503" || sqlstate === "23505" ? 409 : 400;
  if (sqlstate === "25006") return 405;
  if (/^(08|53(?!400))/.test(sqlstate)) return 503;
  return /^(40|53|54|55|57|58|P0|XX)/.test(sqlstate) ? 500 : 400;
}

/** The answer of hosted PostgREST to a database error that lite answers with 500; null when the answer of lite is right. */
export function answerFor(error: SqlError | undefined): { status: number; body: Record<string, unknown> } | null {
  if (!error?.code || /^(PT|PGRST)/.test(error.code)) return null;
  // The code is not a SQLSTATE but a code of the driver or the socket, so the database did not answer.
  if (!/^[0-9A-Z]{5}$/.test(error.code)) {
    return {
      status: 503,
      body: { code: "PGRST001", message: "Database connection error. Retrying the connection.", details: null, hint: null },
    };
  }
  const { code, message, detail = null, hint = null } = error;
  return { status: statusOf(code), body: { code, message, details: detail, hint } };
}

/** REST and Auth of a database with the answers of hosted Supabase; only this file, `auth.ts` and `database.ts` know lite. */
export async function createSupabase(
  database: Database,
  keys: Keys,
  siteUrl: string,
  sendMail: (mail: Mail) => void = () => {},
): Promise<(request: Request) => Promise<Response>> {
  const failed = new AsyncLocalStorage<{ error?: SqlError }>();
  database.connection.normalizeDbError = (error: SqlError) => {
    const store = failed.getStore();
    if (store) store.error = error;
    if (!error?.code) return error;
    // lite prints the error, so its stack is one line, and its other properties are not enumerable.
    return Object.defineProperties(new Error(error.message), {
      code: { value: error.code, writable: true },
      detail: { value: error.detail, writable: true },
      hint: { value: error.hint, writable: true },
      stack: { value: `${error.code} ${error.message}`, writable: true },
    });
  };
  const app = new App({
    connection: database.connection,
    api: { schemas: ["public"], max_rows: 1000 },
    auth: {
      enabled: true,
      site_url: siteUrl,
      jwt_secret: keys.jwtSecret,
      publishable_key: keys.publishable,
      secret_key: keys.secret,
    },
    options: { drivers: { email: { send: (mail: Mail) => Promise.resolve(sendMail(mail)) } } },
  } as never);
  await app.ensureSystemSchema();
  const lite = (request: Request): Promise<Response> =>
    failed.run({}, async () => {
      const response = await database.exclusively(async () => await app.fetch(request));
      const answer = response.status === 500 ? answerFor(failed.getStore()?.error) : null;
      return answer ? respond(answer) : response;
    });
  const auth = createAuth({ database, keys, siteUrl, lite, sendMail });
  const handle = (request: Request) => new URL(request.url).pathname.startsWith("/auth/v1/") ? auth(request) : lite(request);
  return async (request) => {
    try {
      return await database.answer(() => handle(request));
    } catch (error) {
      const answer = answerFor(error as SqlError);
      if (!answer) throw error;
      return respond(answer);
    }
  };
}

const respond = ({ status, body }: { status: number; body: Record<string, unknown> }): Response =>
  Response.json(body, { status, headers: { "access-control-allow-origin": "*" } });
