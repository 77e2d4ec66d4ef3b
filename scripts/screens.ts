import { findChromium, launch, visit } from "../testing/browser.ts";
import { runInterruptible } from "../testing/interruptible.ts";
import { seedStackHistory } from "../testing/stack-history.ts";
import { until } from "../testing/wait.ts";
import { startStack } from "../platform/stack.ts";

const OUT = "docs/screens";
// deno-lint-ignore no-console -- a command-line program
const say = (line: string): void => console.log(line);

/** Takes a picture of each view, light and dark, of a stack with two days of history. */
async function main(): Promise<void> {
  const executable = await findChromium();
  if (!executable) throw new Error("install Chromium first");
  const folder = await Deno.makeTempDir({ prefix: "sync-screens-" });
  const stack = await startStack({ port: 0, folder, write: () => {} });
  const browser = await launch(executable);
  try {
    await seedStackHistory(stack);
    await until(
      "a tick of cron",
      async () => (await stack.database.query("select 1 from cron.job j join cron.job_run_details d using (jobid)")).length,
    );
    const idOf = async (sql: string) => {
      const [row] = await stack.database.query<{ id: string }>(sql);
      if (!row) throw new Error(`no row to show: ${sql}`);
      return encodeURIComponent(row.id);
    };
    const views: Record<string, string> = {
      overview: "/",
      entity: "/entities/matches_schedule?period=24h",
      run: `/runs/${await idOf("select id from sync_execution_history where trigger = 'MANUAL' limit 1")}`,
      tournaments: "/tournaments",
      tournament: `/tournaments/${await idOf("select tournament_no as id from alert_incidents where tournament_no is not null limit 1")}`,
      errors: "/errors",
      "error-group": `/errors/${await idOf("select fingerprint as id from sync_error_log limit 1")}`,
      alerts: "/alerts",
      alert: `/alerts/${await idOf(
        "select id from alert_incidents where state = 'FIRING' and tournament_no is not null and parent_id is null limit 1",
      )}`,
      rules: "/alerts/rules",
      rule: `/alerts/rules/${await idOf("select id from alert_rules where name = 'Match Schedule Consecutive Failures'")}`,
      silences: "/alerts/silences",
      quality: "/alerts/quality",
      channels: "/alerts/channels",
      sync: "/sync",
      job: `/jobs/${await idOf("select id from sync_jobs limit 1")}`,
      objectives: "/objectives",
      objective: `/objectives/${await idOf("select id from sync_objectives where indicator = 'sync_success'")}`,
      audit: "/audit",
      system: "/system",
      people: "/people",
    };
    await Deno.mkdir(OUT, { recursive: true });
    for (const colorScheme of ["light", "dark"] as const) {
      const { page, open, leave } = await visit(browser, stack, "admin", { colorScheme, timezoneId: "Europe/Vienna" });
      for (const [name, address] of Object.entries(views)) {
        await open(address);
        // Some views read further data after their heading, such as the incidents of their charts.
        await page.waitForTimeout(800);
        await page.screenshot({ path: `${OUT}/${name}-${colorScheme}.png`, animations: "disabled" });
        say(`${OUT}/${name}-${colorScheme}.png`);
      }
      await leave();
    }
  } finally {
    await browser.close();
    await stack.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

await runInterruptible(() => main().then(() => 0));
