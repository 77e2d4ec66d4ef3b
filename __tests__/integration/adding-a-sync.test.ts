import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { connect } from "../../platform/database.ts";
import { startStack } from "../../platform/stack.ts";
import { copyFolder } from "../../testing/database.ts";
import { until } from "../../testing/wait.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = await Deno.readTextFile(new URL("docs/adding-a-sync.md", ROOT));
const folder = await Deno.makeTempDir({ prefix: "sync-added-" });
const sources = new URL(`file://${folder}/`);

/** Writes each code block of the page into a copy of the project, to the file that the text before the block names. */
async function followThePage(): Promise<void> {
  for (const layer of ["supabase", "services", "types"]) await copyFolder(new URL(layer, ROOT).pathname, `${folder}/${layer}`);
  const written: string[] = [];
  let file = "";
  for (const [, named, block] of PAGE.matchAll(/`(supabase\/[^`]+)`|^```\w+\n([^]*?)^```$/gm)) {
    if (named) file = named;
    else {
      const url = new URL(file, sources);
      await Deno.mkdir(new URL(".", url), { recursive: true });
      await Deno.writeTextFile(url, `\n${block}`, { append: true });
      // In place of the migration that `deno task migration` creates, the statement is appended to an existing one.
      if (file.startsWith("supabase/schemas/")) {
        await Deno.writeTextFile(new URL(file.replace("schemas", "migrations"), sources), `\n${block}`, { append: true });
      }
      written.push(file);
    }
  }
  assertEquals(written, [
    "supabase/schemas/003_sync_status.sql",
    "supabase/functions/past-season-sync/index.ts",
    "supabase/functions/past-season-sync/app.ts",
    "supabase/config.toml",
  ]);
}

/** A new database on the server of the tests, with stand-ins for the extensions; without a server, the embedded database. */
async function openDatabase(): Promise<{ url?: string; remove: () => Promise<void> }> {
  const server = Deno.env.get("TEST_DATABASE_URL");
  if (!server) return { remove: () => Promise.resolve() };
  const admin = await connect(server);
  const name = `added_${crypto.randomUUID().replaceAll("-", "")}`;
  await admin.exec(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const remove = async () => {
    await admin.exec(`drop database ${name} with (force)`);
    await admin.close();
  };
  return { url: url.href, remove };
}

const TOKENS = { PROMETHEUS_TOKEN: "p".repeat(32), BADGE_TOKEN: "b".repeat(32) };
for (const [name, value] of Object.entries(TOKENS)) Deno.env.set(name, value);
await followThePage();
const own = await openDatabase();
const stack = await startStack({
  port: 0,
  folder: `${folder}/data`,
  databaseUrl: own.url,
  supabase: new URL("supabase/", sources),
  write: () => {},
});
const FN = `${stack.base}/functions/v1`;
const secret = { apikey: stack.state.keys.secret };
const get = async (path: string) => {
  const response = await fetch(`${FN}/${path}`, { headers: secret });
  assertEquals(response.status, 200, path);
  return await response.json();
};
const send = async (method: string, path: string, body: object) => {
  const response = await fetch(`${FN}/sync-admin/${path}`, { method, headers: secret, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
};
const control = async (method: string, body?: object) => {
  await (await fetch(`${stack.base}/vis/control`, { method, headers: secret, body: body && JSON.stringify(body) })).body?.cancel();
};
/** The runs of the entity, oldest first. */
const runs = async (): Promise<{ id: string; status: string; trigger: string; records_processed: number }[]> =>
  (await get("sync-monitoring/executions?entity=past_season")).executions.toReversed();
const ended = (what: string, isWanted: (run: { status: string; trigger: string }) => boolean) =>
  until(what, async () => (await runs()).find((run) => run.status !== "RUNNING" && isWanted(run)));
const SEASON = String(new Date().getUTCFullYear() - 1);

Deno.test("the code of the page has no type error", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--config", new URL("deno.json", ROOT).pathname, `${folder}/supabase/functions/past-season-sync/index.ts`],
    env: { NO_COLOR: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
});

Deno.test("an entity that was added by the page runs on its schedule, at first at once", async () => {
  const first = await ended("the first run", () => true);
  assertObjectMatch(first, { status: "SUCCEEDED", trigger: "CRON" });
  assert(first.records_processed > 50);
  const listed = (await get("sync-admin/entities")).entities.find(({ entity_type }: { entity_type: string }) =>
    entity_type === "past_season"
  );
  assertObjectMatch(listed, {
    title: "Past Season",
    function_name: "past-season-sync",
    is_active: true,
    sync_frequency: "1 day",
    grace: "1 hour",
    consecutive_failures: 0,
  });
});

Deno.test("it is triggered by hand through the queue, and a misspelt name is refused with the entities that exist", async () => {
  const { status, body } = await send("POST", "manual-trigger", { entity_type: "past_season", reason: "shown in a test" });
  assertEquals(status, 202, JSON.stringify(body));
  const job = await until("the end of the job", async () => {
    const found = await get(`sync-admin/jobs/${body.sync_job_id}`);
    return found.status === "COMPLETED" && found;
  });
  assertObjectMatch(job, { entity_type: "past_season", final_status: "SUCCEEDED" });
  const misspelt = await send("POST", "manual-trigger", { entity_type: "past_seasons", reason: "shown in a test" });
  assertEquals([misspelt.status, misspelt.body.details], [400, [{
    field: "entity_type",
    message: "past_seasons cannot be triggered; the active entities are matches_schedule, past_season, tournaments",
  }]]);
});

Deno.test("a new interval counts at once, and its failure opens an incident that notifies, and ends with the next success", async () => {
  const arrivals: { status: string; groupLabels: Record<string, string>; commonAnnotations: Record<string, string> }[] = [];
  const receiver = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    arrivals.push(await request.json());
    return new Response();
  });
  const hook = {
    kind: "webhook",
    config: { url: `http://127.0.0.1:${receiver.addr.port}/` },
    secret: `whsec_${btoa("a secret of twenty-four by")}`,
    group_window: "0 seconds",
  };
  assertEquals((await send("PUT", "channels/hook", hook)).status, 200);
  await control("POST", { kind: "access_denied", season: SEASON });
  const changes = { sync_frequency: "PT10S", alert_threshold_failures: 1, notification_channels: ["hook"], reason: "shown in a test" };
  const changed = await send("PATCH", "entities/past_season", changes);
  assertEquals([changed.status, changed.body.sync_frequency], [200, "10 seconds"]);

  assertObjectMatch(await ended("a scheduled failure", ({ status }) => status === "FAILED"), { trigger: "CRON" });
  const firing = await until("the notification", () => Promise.resolve(arrivals.find(({ status }) => status === "firing")));
  assertObjectMatch(firing, {
    groupLabels: { alertname: "Past Season Consecutive Failures", entity_type: "past_season" },
    commonAnnotations: { runbook_url: `${stack.base}/#/runbook/consecutive-failures` },
  });
  assertObjectMatch((await get("sync-monitoring/health-overview")).sync_entities.past_season, { status: "CRITICAL" });
  const [incident] = (await get("sync-monitoring/alerts?entity=past_season")).alerts;
  assertObjectMatch(incident, { rule_name: "Past Season Consecutive Failures", state: "FIRING" });
  assertEquals((await get("sync-monitoring/error-analytics?period=24h&entity=past_season")).by_type.AUTH > 0, true);

  await control("DELETE");
  await until("the end of the incident", () => Promise.resolve(arrivals.find(({ status }) => status === "resolved")));
  await receiver.shutdown();
});

Deno.test("every read shows it", async () => {
  const overview = (await get("sync-monitoring/health-overview")).sync_entities.past_season;
  assert(overview.runs_24h > 2 && overview.last_successful_sync);
  const history = await get("sync-monitoring/performance-history?period=24h&entity=past_season");
  assert(history.aggregated_metrics.runs > 2 && history.aggregated_metrics.success_rate < 1);
  const { statistics } = await get("sync-monitoring/sync-statistics?period=24h");
  const figures = statistics.find(({ entity_type }: { entity_type: string }) => entity_type === "past_season").current;
  assert(figures.succeeded > 1 && figures.failed > 0 && figures.by_trigger.MANUAL === 1);
  assert((await get("sync-monitoring/error-analytics?period=24h")).by_entity.past_season > 0);
  const shown = await get("sync-monitoring/metrics");
  assert(shown.monitoring.successRateByEntity.past_season < 1);
  const component = (await get("sync-monitoring/system-status")).components.find(({ name }: { name: string }) => name === "past_season");
  assertEquals(component.status, "OK", component.message);
  const scrape = await fetch(`${FN}/sync-monitoring/prometheus`, { headers: { authorization: `Bearer ${TOKENS.PROMETHEUS_TOKEN}` } });
  assertMatch(await scrape.text(), /^sync_runs_total\{entity_type="past_season",status="failed"\} [1-9]/m);
  const badge = await fetch(`${FN}/sync-monitoring/badge/past_season.svg?token=${TOKENS.BADGE_TOKEN}`);
  assertMatch(await badge.text(), /^<svg[^]*past_season/);
  const { body: connectivity } = await send("POST", "test-connectivity", {});
  assertObjectMatch(connectivity.checks.find(({ name }: { name: string }) => name === "past-season-sync"), { status: "OK" });
});

Deno.test.afterAll(async () => {
  await stack.pageReady;
  await stack.stop();
  await own.remove();
  await Deno.remove(folder, { recursive: true });
});
