import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import * as jose from "jose";
import { connect, connectCopy, type Database } from "../platform/database.ts";
import { createKeys, createSigner, type Keys, type TokenSigner } from "../platform/keys.ts";
import { bootstrap, migrate, type SchemaFolder, SUPABASE } from "../platform/migrate.ts";
import { fillVault } from "../platform/seed.ts";
import { createSupabase } from "../platform/supabase.ts";
import { createRpc, type Rpc } from "../services/rpc.ts";

/** A migrated database for one test file; tests reach it as the functions do, over REST and with a role. */
export interface TestDatabase {
  database: Database;
  /** The database calls of the functions, with the secret key. */
  rpc: Rpc;
  keys: Keys;
  /** SQL as the owner of the database. */
  query<T = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<T[]>;
  /** The first column of the first row. */
  value<T>(sql: string, parameters?: unknown[]): Promise<T>;
  /** supabase-js with the secret key, as a user with a role, as a user without a role ("none"), or signed out ("anon"). */
  client(who: "service" | "anon" | "none" | "viewer" | "operator" | "admin"): Promise<SupabaseClient>;
  /** An access token as hosted projects sign it. */
  token(role: string | null, options?: TokenOptions): Promise<string>;
  /** Sends a request to REST or Auth of this database. */
  fetch: typeof fetch;
  /** Empties every table that tests write, and restores the seeded rows. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

interface TokenOptions {
  expires?: string;
  keys?: Keys;
  user?: { id: string; email: string };
  /** Further claims. */
  claims?: Record<string, unknown>;
}

const BASE = "http://127.0.0.1:54321";

/** Migrates an empty database as the platform does. */
export async function prepare(database: Database, keys: Keys, kind: SchemaFolder = "migrations"): Promise<void> {
  await bootstrap(database);
  await createSupabase(database, keys, BASE);
  await database.exec("grant usage on schema auth to anon, authenticated, service_role");
  await migrate(database, SUPABASE, kind);
}

/** Copies a folder with its content. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true, mode: 0o700 });
  for await (const entry of Deno.readDir(from)) {
    if (entry.isDirectory) await copyFolder(`${from}/${entry.name}`, `${to}/${entry.name}`);
    else await Deno.copyFile(`${from}/${entry.name}`, `${to}/${entry.name}`);
  }
}

/** A clone of the template on the server of TEST_DATABASE_URL; without a server, a copy of the embedded template, or a new database. */
async function openCopy(keys: Keys): Promise<{ database: Database; remove: () => Promise<void> }> {
  const server = Deno.env.get("TEST_DATABASE_URL");
  if (server) {
    const name = `t_${crypto.randomUUID().replaceAll("-", "")}`;
    const admin = await connect(server);
    await admin.exec(`create database ${name} template sync_template`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    return {
      database: await connect(url.href),
      remove: async () => {
        await admin.exec(`drop database ${name} with (force)`);
        await admin.close();
      },
    };
  }
  // The database is in memory, where `truncate`, with which most tests begin, takes a quarter of the time.
  const template = Deno.env.get("TEST_TEMPLATE");
  const database = template ? await connectCopy(new Blob([await Deno.readFile(`${template}/dump`)])) : await connect("memory://");
  if (!template) await prepare(database, keys);
  // The module of a test file is never released, so the driver must not keep the 300 MB of a closed database.
  const remove = () => Promise.resolve(void Object.assign(database.connection.driver, { mod: undefined, fs: undefined }));
  return { database, remove };
}

/** Opens a test database with new keys, or with `keys`, so that the functions can serve several databases at once. */
export async function openTestDatabase(keys?: Keys): Promise<TestDatabase> {
  keys ??= await createKeys();
  const { database, remove } = await openCopy(keys);
  const supabase = await createSupabase(database, keys, BASE);
  const signer = await createSigner(keys, `${BASE}/auth/v1`);
  useKeys(keys, signer);
  const client = (headers: Record<string, string>, apikey: string) =>
    createClient(BASE, apikey, {
      auth: { persistSession: false, autoRefreshToken: false },
      global: { headers, fetch: (input, init) => supabase(new Request(input as Request, init)) },
    });
  const service = client({}, keys.secret);
  const query = database.query;
  await fillVault(database, { project_url: BASE, secret_key: keys.secret });
  return {
    database,
    keys,
    query,
    rpc: createRpc(service, { timeoutMs: null }),
    value: async <T>(sql: string, parameters?: unknown[]) => Object.values((await query(sql, parameters))[0] ?? {})[0] as T,
    async client(who) {
      if (who === "service") return service;
      if (who === "anon") return client({}, keys.publishable);
      const hosted = await signToken(keys, who === "none" ? null : who);
      return client({ authorization: `Bearer ${await signer.inward(hosted)}` }, keys.publishable);
    },
    token: (role, options) => signToken(options?.keys ?? keys, role, options),
    fetch: (input, init) => supabase(new Request(input as Request, init)),
    async reset() {
      await query(
        "truncate tournaments, sync_execution_history, sync_error_log, sync_metrics, sync_indicators, private.call_log cascade",
      );
      await query("update private.indicator_rollup set rolled_until = null");
      await query("truncate net.http_request_queue");
      await query("update upstream_slots set token = null, expires_at = null");
      await query(
        "update upstream_state set backoff_until = null, backoff_reason = null, backoff_fingerprint = null, baseline_response_ms = null, in_flight_limit = 4",
      );
      await query(`update sync_status set last_sync = null, last_attempt = null, next_sync = null, success_count = 0, error_count = 0,
        consecutive_failures = 0, last_error = null, last_error_time = null, average_duration = null, last_duration = null,
        records_processed_last = null, records_processed_total = 0, last_memory_usage = null, alert_threshold_failures = null,
        paused_at = null, paused_by = null, paused_reason = null, idle_since = null, created_at = '2026-06-01T00:00:00Z',
        schedule_changed_at = null, dispatched_due_at = null, dispatched_at = null, dispatch_attempt = null`);
      await query("truncate entity_pauses");
    },
    async close() {
      await database.close();
      await remove();
    },
  };
}

/** Sets the environment variables from which the functions under test read the keys of this database. */
function useKeys(keys: Keys, signer: TokenSigner): void {
  Deno.env.set("SUPABASE_URL", BASE);
  Deno.env.set("SUPABASE_PUBLISHABLE_KEYS", JSON.stringify({ default: keys.publishable }));
  Deno.env.set("SUPABASE_SECRET_KEYS", JSON.stringify({ default: keys.secret }));
  Deno.env.set("SUPABASE_JWKS", JSON.stringify(signer.jwks));
}

/** The default user of a token. */
export const USER = { id: "00000000-0000-4000-8000-000000000001", email: "user@example.com" };

async function signToken(keys: Keys, role: string | null, { expires = "1h", user: { id, email } = USER, claims = {} }: TokenOptions = {}) {
  return await new jose.SignJWT({
    ...claims,
    role: "authenticated",
    aud: "authenticated",
    email,
    app_metadata: role ? { role } : {},
  })
    .setProtectedHeader({ alg: "ES256", typ: "JWT", kid: keys.signing.kid })
    .setSubject(id)
    .setIssuer(`${BASE}/auth/v1`)
    .setIssuedAt(expires.startsWith("-") ? "2h ago" : "1s ago")
    .setExpirationTime(expires.startsWith("-") ? `${expires.slice(1)} ago` : expires)
    .sign(await jose.importJWK(keys.signing, "ES256"));
}
