import { AsyncLocalStorage } from "node:async_hooks";
import { App } from "@supabase/lite";
import type { Database } from "./database.ts";
import type { Keys } from "./keys.ts";

interface SqlError {
  code?: string;
  message: string;
  detail?: string;
  hint?: string;
}

/** PostgREST's status for the SQLSTATEs that lite answers with 500 (PostgREST documentation, "Errors"). */
function statusOf(sqlstate: string): number {
  if (sqlstate === "P0001" || sqlstate.startsWith("23")) return sqlstate === "23503" || sqlstate === "23505" ? 409 : 400;
  if (sqlstate === "25006") return 405;
  if (sqlstate.startsWith("08")) return 503;
  return /^(40|53|54|55|57|58|P0|XX)/.test(sqlstate) ? 500 : 400;
}

/** What hosted PostgREST answers for an error of the database that lite answers with 500; null where lite's answer is right already. */
export function answerFor(error: SqlError | undefined): { status: number; body: Record<string, unknown> } | null {
  if (!error?.code || /^(PT|PGRST)/.test(error.code)) return null;
  // Not a SQLSTATE but a code of the driver or the socket: nobody answered.
  if (!/^[0-9A-Z]{5}$/.test(error.code)) {
    return {
      status: 503,
      body: { code: "PGRST001", message: "Database connection error. Retrying the connection.", details: null, hint: null },
    };
  }
  const { code, message, detail = null, hint = null } = error;
  return { status: statusOf(code), body: { code, message, details: detail, hint } };
}

/** REST and Auth over a database, as hosted Supabase answers them; everything there is to know about lite is in this file. */
export async function createSupabase(database: Database, keys: Keys, siteUrl: string): Promise<(request: Request) => Promise<Response>> {
  const failed = new AsyncLocalStorage<{ error?: SqlError }>();
  database.connection.normalizeDbError = (error: SqlError) => {
    const store = failed.getStore();
    if (store) store.error = error;
    if (!error?.code) return error;
    // lite prints the stack of what it gets; one line is enough.
    return Object.assign(new Error(error.message), {
      code: error.code,
      detail: error.detail,
      hint: error.hint,
      stack: `${error.code} ${error.message}`,
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
  } as never);
  await app.ensureSystemSchema();
  return (request) =>
    failed.run({}, async () => {
      const response = await database.exclusively(async () => await app.fetch(request));
      const answer = response.status === 500 ? answerFor(failed.getStore()?.error) : null;
      if (!answer) return response;
      return Response.json(answer.body, { status: answer.status, headers: { "access-control-allow-origin": "*" } });
    });
}
