import { parseArgs } from "node:util";
import { type Stack, startStack } from "./stack.ts";
import { SetupError } from "./state.ts";

// deno-lint-ignore no-console -- the output of this program is for a person
const say = (line: string): void => console.log(line);

const USAGE = "usage: deno task start [--port 54321] [--data .local] [--fresh]";

function readOptions() {
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        port: { type: "string", default: "54321" },
        data: { type: "string", default: ".local" },
        fresh: { type: "boolean", default: false },
      },
    });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new SetupError(`--port must be a whole number from 0 to 65535, not ${values.port}`);
    }
    return { port, folder: values.data, isFresh: values.fresh };
  } catch (error) {
    throw new SetupError(`${(error as Error).message}\n${USAGE}`);
  }
}

function describe(stack: Stack, seconds: string): string {
  const { base, state, database, visUrl, standIns } = stack;
  const db = database.isEmbedded ? "embedded Postgres" : "the server of DATABASE_URL";
  return `
Ready in ${seconds} s on ${base}

  Page        ${base}/
  Functions   ${base}/functions/v1/<name>   (started on first use)
  REST, Auth  ${base}/rest/v1  ${base}/auth/v1
  Database    ${db}${standIns.length ? `; stand-ins for ${standIns.join(", ")}` : ""}
  Mail        printed here; deno task people invites people
  Upstream    ${visUrl}
${
    visUrl.startsWith(base)
      ? `              fail: curl -X POST ${base}/vis/control -d '{"kind":"server_error"}'   recover: curl -X DELETE ${base}/vis/control\n`
      : ""
  }
  Publishable key  ${state.keys.publishable}
  Secret key       ${state.keys.secret}
  Sign-ins
${state.accounts.map(({ role, email, password }) => `    ${role.padEnd(9)} ${email.padEnd(22)} ${password}`).join("\n")}

Try it:
  curl -s -H 'apikey: ${state.keys.secret}' ${base}/functions/v1/sync-monitoring/health-overview

Ctrl-C stops it; the data stays.`;
}

async function main(): Promise<void> {
  const { port, folder, isFresh } = readOptions();
  if (isFresh) await Deno.remove(folder, { recursive: true }).catch((error) => ignoreMissing(error, folder));
  const stack = await startStack({
    port,
    folder,
    databaseUrl: Deno.env.get("DATABASE_URL") || undefined,
    visUrl: Deno.env.get("VIS_API_URL") || undefined,
    write: say,
  });
  say(describe(stack, (performance.now() / 1000).toFixed(1)));
  let isStopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      if (isStopping) Deno.exit(130);
      isStopping = true;
      say("Stopping …");
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
