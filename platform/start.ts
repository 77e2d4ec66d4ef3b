import project from "../deno.json" with { type: "json" };
import { removeFolder, secureFolder } from "./folder.ts";
import { readOptions, readUrl, USAGE } from "./options.ts";
import { SetupError, UsageError } from "./setup-error.ts";
import type { Stack } from "./stack.ts";

// This file and its imports need no package, so that the program can print a line before it downloads packages.

// deno-lint-ignore no-console -- the output of this program is for a person
const say = (line: string): void => console.log(line);

/** The limit of a stop, longer than the own limit of each of its parts. */
const STOP_LIMIT_MS = 20_000;

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
      ? `              fail: curl -H 'apikey: ${secretKey}' ${base}/vis/control -d '{"kind":"server_error"}'
              recover: curl -X DELETE -H 'apikey: ${secretKey}' ${base}/vis/control\n`
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
  const { port, folder, isFresh, isHelp, isVersion } = readOptions(Deno.args);
  if (isHelp) return say(USAGE);
  if (isVersion) return say(project.version);
  const databaseUrl = readUrl("DATABASE_URL", ["postgres", "postgresql"]);
  const visUrl = readUrl("VIS_API_URL", ["http", "https"]);
  if (isFresh) await removeFolder(folder);
  if (await secureFolder(folder)) say(`Other users of this machine could enter ${folder}; now only you can.`);
  say("Loading the packages (the first start downloads them from npm) …");
  const { startStack } = await loadStack();
  const starting = startStack({ port, folder, databaseUrl, visUrl, onTaken: () => Deno.exit(1), write: say });
  stopOnSignals(starting);
  say(describe(await starting, (performance.now() / 1000).toFixed(1)));
}

async function loadStack(): Promise<typeof import("./stack.ts")> {
  try {
    return await import(new URL("./stack.ts", import.meta.url).href);
  } catch (error) {
    const [first] = (error as Error).message.split("\n");
    if (!first?.includes("npm package")) throw error;
    throw new SetupError(`the packages cannot be downloaded, which the first start needs: ${first}`);
  }
}

function stopOnSignals(starting: Promise<Stack>): void {
  let isStopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (isStopping) {
        // The terminal can close after Ctrl-C.
        if (signal !== "SIGHUP") Deno.exit(130);
        return;
      }
      isStopping = true;
      say("Stopping … (Ctrl-C again stops at once)");
      setTimeout(() => Deno.exit(1), STOP_LIMIT_MS);
      void starting.then((stack) => stack.stop()).then(() => Deno.exit(0), () => Deno.exit(1));
    });
  }
}

try {
  await main();
} catch (error) {
  // deno-lint-ignore no-console -- the reason of a failed start belongs on stderr
  console.error(error instanceof SetupError ? error.message : error);
  Deno.exit(error instanceof UsageError ? 2 : 1);
}
