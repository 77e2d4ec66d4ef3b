import { fileURLToPath } from "node:url";
import { connect, type Database } from "./database.ts";
import { buildDashboard, createDashboard } from "./dashboard.ts";
import { createFunctionHost, type OnProcess, WALL_CLOCK_MS } from "./functions.ts";
import { secureFolder } from "./folder.ts";
import { createGateway } from "./gateway.ts";
import { createSigner, type SecretKeyStore } from "./keys.ts";
import { bootstrap, migrate, NewerSchemaError, OtherSchemaError, SUPABASE } from "./migrate.ts";
import { startCron, startNet } from "./scheduler.ts";
import { createAccounts, fillVault } from "./seed.ts";
import { loadState, lockFolder, secretKeysOf, SetupError, type State } from "./state.ts";
import { createSupabase } from "./supabase.ts";
import { createVisStandIn, type VisStandIn } from "./vis/stand-in.ts";

interface StackOptions {
  /** The port; 0 selects a free one. */
  port: number;
  /** The folder of the keys, the accounts and the embedded database. */
  folder: string;
  /** A `postgres://` address; by default the embedded database. */
  databaseUrl?: string;
  /** The address of VIS; by default the stand-in. */
  visUrl?: string;
  /** The folder of the functions and the migrations; by default that of this project. */
  supabase?: URL;
  onProcess?: OnProcess;
  /** Called after the stack has stopped because another one claimed its database. */
  onTaken?: () => void;
  write: (line: string) => void;
}

export interface Stack {
  base: string;
  state: State;
  secretKeys: SecretKeyStore;
  database: Database;
  vis: VisStandIn;
  visUrl: string;
  /** The extensions that have a stand-in. */
  standIns: string[];
  migrationsApplied: number;
  /** Resolves when the page is built. */
  pageReady: Promise<void>;
  stop(): Promise<void>;
}

/** Starts database, REST and Auth, functions, scheduler and the stand-in VIS service. @throws SetupError with one sentence for a person */
export async function startStack(options: StackOptions): Promise<Stack> {
  const state = await loadState(options.folder);
  const undo: (() => unknown)[] = [];
  // The other parts do not wait for the build of the page.
  const pageReady = buildDashboard(() => options.write("Building the page (the first build downloads its packages) …")).catch((
    error: Error,
  ) => options.write(`the page could not be built: ${error.message}`));
  const unavailable = (message: string) => () => Promise.resolve(Response.json({ code: "UNAVAILABLE", message }, { status: 503 }));
  let serve: (request: Request) => Promise<Response> = unavailable("starting");
  const stop = async () => {
    // A request during the shutdown must not start a function again.
    serve = unavailable("stopping");
    for (let last = undo.pop(); last; last = undo.pop()) await last();
  };
  try {
    const lock = await lockFolder(options.folder);
    undo.push(lock.release);
    const server = listen(options.port, (request) => serve(request));
    undo.push(() => server.shutdown());
    const base = `http://127.0.0.1:${server.addr.port}`;

    const database = await open(options);
    undo.push(() => database.close());
    await claim(database, options, stop);
    const { standIns } = await bootstrap(database);
    const supabase = await createSupabase(
      database,
      state.keys,
      base,
      ({ to, subject, text }) => options.write(`mail to ${to}: ${subject}\n${text}`),
    );
    // The schema auth exists only after createSupabase; SQL functions call auth.* as the caller.
    await database.exec("grant usage on schema auth to anon, authenticated, service_role");
    const migrationsApplied = await migrate(database, options.supabase).catch((error) => refuseOtherSchema(error, options));
    const secretKeys = secretKeysOf(options.folder, state);
    await fillVault(database, { project_url: base, secret_key: firstOf(secretKeys.all()) });
    await createAccounts(supabase, base, state);

    const signer = await createSigner(state.keys, `${base}/auth/v1`);
    const vis = createVisStandIn();
    const visUrl = options.visUrl ?? `${base}/vis/XmlRequest.asmx`;
    const functions = createFunctionHost({
      folder: fileURLToPath(new URL("functions", options.supabase ?? SUPABASE)),
      env: () => functionEnv(base, { state, secretKeys: secretKeys.all(), jwks: signer.jwks, visUrl, databaseUrl: options.databaseUrl }),
      write: options.write,
      onProcess(name, pid, isAlive) {
        lock.onProcess(pid, isAlive);
        options.onProcess?.(name, pid, isAlive);
      },
    });
    undo.push(() => functions.stop());
    const dashboard = createDashboard(state.keys.publishable);
    const innerKey = (key: string) => Object.values(secretKeys.all()).includes(key) ? state.keys.secret : null;
    serve = createGateway({ base, supabase, innerKey, signer, functions, vis, dashboard });
    const sql = await database.serveSql(`${options.folder}/sql`).catch((error: Error) => {
      // The path of a socket may have about 100 bytes.
      options.write(`deno task sql cannot be used: the socket in ${options.folder}/sql cannot be opened (${error.message})`);
      return null;
    });
    if (sql) undo.push(() => sql.stop());
    lock.onAddress(base, sql?.url);

    if (standIns.includes("net")) undo.push(await startNet(database));
    if (standIns.includes("cron")) undo.push(await startCron(database));
    await database.query("select private.dispatch_due_syncs()");
    return { base, state, secretKeys, database, vis, visUrl, standIns, migrationsApplied, pageReady, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function listen(port: number, handler: (request: Request) => Promise<Response>): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, handler);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new SetupError(`port ${port} is in use; stop the program that uses it, or choose another port with --port`);
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new SetupError(`this user may not use port ${port}; choose a port above 1023 with --port`);
    }
    throw error;
  }
}

async function open({ databaseUrl, folder, write }: StackOptions): Promise<Database> {
  try {
    if (databaseUrl) write("Connecting to the database, and migrating it …");
    else if (await Deno.stat(`${folder}/db`).catch(() => null)) write(`Opening the database in ${folder}/db …`);
    else write(`Creating the database in ${folder}/db …`);
    const database = await connect(databaseUrl ?? `${folder}/db`);
    // The embedded Postgres creates files that every user can read.
    await secureFolder(folder);
    return database;
  } catch (error) {
    const message = String((error as Error).message || error).split("\n")[0];
    if (databaseUrl) throw new SetupError(`the database ${withoutPassword(databaseUrl)} cannot be reached: ${message}`);
    throw new SetupError(
      `the embedded database in ${folder}/db cannot be opened (${message}); start with --fresh to delete the data and create it anew`,
    );
  }
}

/** Claims a database on a server, which two programs of different folders can share. @throws SetupError when another one uses it */
async function claim(database: Database, { databaseUrl = "", write, onTaken }: StackOptions, stop: () => Promise<void>): Promise<void> {
  const name = `the database ${withoutPassword(databaseUrl)}`;
  const holder = await database.claim(async (taker) => {
    write(`${name} was taken by ${taker} while the connection was lost; this program stops`);
    await stop();
    onTaken?.();
  });
  if (holder) throw new SetupError(`${name} is in use by ${holder}; stop that program, or use another database`);
}

function refuseOtherSchema(error: unknown, { databaseUrl, folder }: StackOptions): never {
  if (error instanceof NewerSchemaError) {
    throw new SetupError(
      `${databaseUrl ? `the database ${withoutPassword(databaseUrl)}` : `the data in ${folder}`} ${error.message}: start a newer release`,
    );
  }
  if (!(error instanceof OtherSchemaError)) throw error;
  const cause = `was created with another version of the schema (${error.message})`;
  throw new SetupError(
    databaseUrl
      ? `the database ${withoutPassword(databaseUrl)} ${cause}; use an empty one`
      : `the data in ${folder} ${cause}; start with --fresh to delete it and create it anew`,
  );
}

const withoutPassword = (url: string): string => url.replace(/:[^:@/]+@/, ":***@");

const firstOf = (keys: Record<string, string>): string => Object.values(keys)[0] ?? "";

interface FunctionEnvParts {
  state: State;
  secretKeys: Record<string, string>;
  jwks: unknown;
  visUrl: string;
  databaseUrl: string | undefined;
}

/** The environment that hosted Supabase gives a function. */
function functionEnv(
  base: string,
  { state: { keys }, secretKeys, jwks, visUrl, databaseUrl = "" }: FunctionEnvParts,
): Record<string, string> {
  return {
    SUPABASE_URL: base,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: keys.publishable }),
    SUPABASE_SECRET_KEYS: JSON.stringify(secretKeys),
    SUPABASE_JWKS: JSON.stringify(jwks),
    SUPABASE_ANON_KEY: keys.publishable,
    SUPABASE_DB_URL: databaseUrl,
    SYNC_WALL_CLOCK_MS: String(WALL_CLOCK_MS),
    VIS_API_URL: visUrl,
    AUDIT_KEY: keys.audit,
    ALERT_ALLOW_PRIVATE_URLS: "true",
    DASHBOARD_URL: `${base}/`,
  };
}
