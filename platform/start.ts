import { parseArgs } from "node:util";
import { type Stack, startStack } from "./stack.ts";
import { SetupError } from "./state.ts";

// deno-lint-ignore no-console -- the output of this program is for a person
const say = (line: string): void => console.log(line);

/** Longer than each part of a stop needs by its own limit. */
const STOP_LIMIT_MS = 20_000;

const USAGE = `usage: deno task start [--port 54321] [--data .local] [--fresh]

  --port    the port on 127.0.0.1; 0 selects a free one
  --data    the folder of the keys, the accounts and the embedded database
  --fresh   deletes that folder first

  DATABASE_URL   a postgres:// address, instead of the embedded database
  VIS_API_URL    the address of VIS, instead of the stand-in`;

/** The value of a variable that must be a URL with one of the schemes; undefined when it is not set. */
function readUrl(name: string, schemes: string[]): string | undefined {
  const value = Deno.env.get(name);
  if (!value) return undefined;
  const scheme = URL.parse(value)?.protocol.slice(0, -1);
  if (scheme === undefined || !schemes.includes(scheme)) {
    throw new SetupError(`${name} must be an address that begins with ${schemes.map((known) => `${known}://`).join(" or ")}`);
  }
  return value;
}

function readOptions() {
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        port: { type: "string", default: "54321" },
        data: { type: "string", default: ".local" },
        fresh: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new SetupError(`--port must be a whole number from 0 to 65535, not ${values.port}`);
    }
    return { port, folder: values.data, isFresh: values.fresh, isHelp: values.help };
  } catch (error) {
    throw new SetupError(`${(error as Error).message}\n${USAGE}`);
  }
}

function describe(stack: Stack, seconds: string): string {
  const { base, state, database, visUrl, standIns } = stack;
  const [secretKey] = Object.values(stack.secretKeys.all());
  const db = database.isEmbedded ? "embedded Postgres" : "the server of DATABASE_URL";
  return `
Ready in ${seconds} s on ${base}

  Page        ${base}/
  Functions   ${base}/functions/v1/<name>   (started on first use)
  REST, Auth  ${base}/rest/v1  ${base}/auth/v1
  Database    ${db}${standIns.length ? `; stand-ins for ${standIns.join(", ")}` : ""}
  SQL         deno task sql "select * from sync_status"
  Mail        printed here; deno task people invites people
  Upstream    ${visUrl}
${
    visUrl.startsWith(base)
      ? `              fail: curl -X POST ${base}/vis/control -d '{"kind":"server_error"}'   recover: curl -X DELETE ${base}/vis/control\n`
      : ""
  }
  Publishable key  ${state.keys.publishable}
  Secret key       ${secretKey}
  Sign-ins
${state.accounts.map(({ role, email, password }) => `    ${role.padEnd(9)} ${email.padEnd(22)} ${password}`).join("\n")}

Try it:
  curl -s -H 'apikey: ${secretKey}' ${base}/functions/v1/sync-monitoring/health-overview

Ctrl-C stops it; the data stays.`;
}

async function main(): Promise<void> {
  const { port, folder, isFresh, isHelp } = readOptions();
  if (isHelp) return say(USAGE);
  const databaseUrl = readUrl("DATABASE_URL", ["postgres", "postgresql"]);
  const visUrl = readUrl("VIS_API_URL", ["http", "https"]);
  if (isFresh) await Deno.remove(folder, { recursive: true }).catch((error) => ignoreMissing(error, folder));
  const stack = await startStack({
    port,
    folder,
    databaseUrl,
    visUrl,
    onTaken: () => Deno.exit(1),
    write: say,
  });
  say(describe(stack, (performance.now() / 1000).toFixed(1)));
  let isStopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      if (isStopping) Deno.exit(130);
      isStopping = true;
      say("Stopping …");
      setTimeout(() => Deno.exit(1), STOP_LIMIT_MS);
      void stack.stop().then(() => Deno.exit(0), () => Deno.exit(1));
    });
  }
}

function ignoreMissing(error: unknown, folder: string): void {
  if (!(error instanceof Deno.errors.NotFound)) throw new SetupError(`${folder} cannot be removed: ${(error as Error).message}`);
}

try {
  await main();
} catch (error) {
  // deno-lint-ignore no-console -- the reason of a failed start belongs on stderr
  console.error(error instanceof SetupError ? error.message : error);
  Deno.exit(1);
}
