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
      const error = failed.getStore()?.error;
      if (response.status !== 500 || !error?.code || /^(PT|PGRST)/.test(error.code)) return response;
      const body = { code: error.code, message: error.message, details: error.detail ?? null, hint: error.hint ?? null };
      return Response.json(body, { status: statusOf(error.code), headers: { "access-control-allow-origin": "*" } });
    });
}
