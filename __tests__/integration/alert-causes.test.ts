// Over 300 lines, because each way in which incidents have a common cause has a case.
import { assertEquals, assertObjectMatch } from "@std/assert";
import { Webhook } from "standardwebhooks";
import { evaluateRules } from "../../supabase/functions/sync-alert-processor/alert-processor.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { aResult, aRun, aTournament } from "../../testing/factories.ts";
import { testEnv } from "../../testing/env.ts";

const db = await openTestDatabase();
const DEFAULTS = await db.value<string[]>("select jsonb_agg(name) from alert_rules");

async function setUp(...active: string[]) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences cascade");
  await db.query("update alert_rules set is_active = name = any ($1)", [active]);
  const clock = new TestClock("2026-06-10T12:03:00.000Z");
  await db.query("update sync_status set last_attempt = $1, last_sync = $1", [clock.asOf()]);
  const evaluate = () => evaluateRules(db.rpc, clock, () => {}, "cron");
  const minutes = async (count: number) => {
    for (let minute = 0; minute < count; minute++) {
      clock.advance(60_000);
      await evaluate();
    }
  };
  return { clock, evaluate, minutes };
}
const notified = async () =>
  (await db.query<{ item: { kind: string; rule_name: string; tournament_no: string | null } }>(
    "select item from alert_notifications order by seq",
  )).map(({ item }) => `${item.kind} ${item.rule_name}${item.tournament_no ? ` ${item.tournament_no}` : ""}`);
const tick = async (time: string, results: Record<string, string | null>, status = "PARTIAL") => {
  const run = await aRun(db, { execution_start: `2026-06-10T${time}:00Z`, status });
  for (const [tournament_no, error_fingerprint] of Object.entries(results)) {
    await aResult(
      db,
      run,
      error_fingerprint === null ? { tournament_no } : { tournament_no, success: false, error_type: "NETWORK", error_fingerprint },
    );
  }
};

Deno.test("a shared failure inhibits the tournaments with its fingerprint, and a tournament with another fingerprint is notified", async () => {
  const { clock, evaluate } = await setUp("Tournaments Failing Alike", "Match Schedule Tournament Failing");
  for (const no of ["1", "2", "3", "4"]) await aTournament(db, { no });
  for (const time of ["11:35", "11:48", "12:00"]) await tick(time, { 1: "down", 2: "down", 3: "down", 4: "broken" });
  await evaluate();
  assertEquals(await notified(), ["FIRING Match Schedule Tournament Failing 4", "FIRING Tournaments Failing Alike"]);
  const incidents = await db.query(
    "select c.tournament_no, c.state, p.rule_name as parent, (c.notified_at is null) as is_muted from alert_incidents c left join alert_incidents p on p.id = c.parent_id order by 1",
  );
  assertEquals(
    incidents.filter((child) => child.parent).map((child) => `${child.tournament_no} ${child.state} ${child.parent} ${child.is_muted}`),
    [
      "1 FIRING Tournaments Failing Alike true",
      "2 FIRING Tournaments Failing Alike true",
      "3 FIRING Tournaments Failing Alike true",
    ],
  );
  await tick("12:15", { 1: null, 2: null, 3: "down", 4: "broken" });
  clock.moveTo("2026-06-10T12:16:00Z");
  await evaluate();
  assertEquals(
    (await notified()).slice(2),
    ["FIRING Match Schedule Tournament Failing 3", "RESOLVED Tournaments Failing Alike"],
    "an incident that still fires after its parent resolved is notified",
  );
  await tick("12:30", { 1: null, 2: null, 3: null, 4: null }, "SUCCEEDED");
  clock.moveTo("2026-06-10T12:31:00Z");
  await evaluate();
  assertEquals((await notified()).slice(4).sort(), [
    "RESOLVED Match Schedule Tournament Failing 3",
    "RESOLVED Match Schedule Tournament Failing 4",
  ]);
  assertEquals(await db.value("select count(*)::int from alert_incidents where state <> 'RESOLVED'"), 0);
});

Deno.test("of the rules that one failed run breaches the nearest to the cause is notified, and so are its length and memory", async () => {
  const { clock, evaluate } = await setUp(
    "Match Schedule Consecutive Failures",
    "Overall Sync Success Rate Drop",
    "Match Schedule Duration Exceeded",
    "Memory Usage Exceeded",
  );
  for (const hour of [1, 2, 3]) await aRun(db, { execution_start: `2026-06-10T0${hour}:00:00Z` });
  await aRun(db, {
    execution_start: "2026-06-10T11:55:00Z",
    execution_end: "2026-06-10T12:02:00Z",
    status: "TIMED_OUT",
    memory_usage_mb: 230,
  });
  await db.query("update sync_status set consecutive_failures = 3 where entity_type = 'matches_schedule'");
  await evaluate();
  assertEquals((await notified()).sort(), [
    "FIRING Match Schedule Consecutive Failures",
    "FIRING Match Schedule Duration Exceeded",
    "FIRING Memory Usage Exceeded",
  ]);
  assertEquals(await db.value("select count(*)::int from alert_incidents where state = 'FIRING'"), 4);
  assertEquals(await db.value("select muted_by from alert_incidents where rule_name = 'Overall Sync Success Rate Drop'"), "PARENT");
  await db.query("update sync_status set consecutive_failures = 0");
  for (let run = 0; run < 40; run++) await aRun(db, { execution_start: `2026-06-10T12:${10 + run}:00Z`, memory_usage_mb: 60 });
  clock.moveTo("2026-06-10T12:51:00Z");
  await evaluate();
  assertEquals((await notified()).slice(3).sort(), [
    "RESOLVED Match Schedule Consecutive Failures",
    "RESOLVED Match Schedule Duration Exceeded",
    "RESOLVED Memory Usage Exceeded",
  ]);
  assertEquals(await db.value("select count(*)::int from alert_incidents where state = 'RESOLVED'"), 4);
});

Deno.test("a sync that is overdue in an upstream backoff has the cause of the refusal, and names the backoff", async () => {
  const { clock, evaluate } = await setUp("Match Schedule Overdue", "Tournaments Failing Alike");
  for (const no of ["1", "2", "3"]) await aTournament(db, { no });
  await tick("11:40", { 1: "down", 2: "down", 3: "down" });
  await db.query("update sync_status set last_attempt = '2026-06-10T11:40:00Z' where entity_type = 'matches_schedule'");
  await db.query(
    "update upstream_state set backoff_until = '2026-06-10T12:10:00Z', backoff_reason = 'VIS answered HTTP 503', backoff_fingerprint = 'down'",
  );
  await evaluate();
  assertEquals(await notified(), ["FIRING Tournaments Failing Alike"]);
  const overdue = () =>
    db.query("select evidence ->> 'backoff_reason' as reason, muted_by from alert_incidents where rule_name = 'Match Schedule Overdue'");
  assertEquals(await overdue(), [{ reason: "VIS answered HTTP 503", muted_by: "PARENT" }]);
  clock.moveTo("2026-06-10T12:10:00Z");
  await evaluate();
  assertEquals((await notified()).slice(1), ["FIRING Match Schedule Overdue"], "the backoff has ended and no run started");
  await db.query("update upstream_state set backoff_until = null, backoff_reason = null, backoff_fingerprint = null");
});

Deno.test("after a gap in the evaluations two evaluators report each missed run once, with its due time", async () => {
  const { clock, evaluate } = await setUp("Match Schedule Overdue", "Alert Processor Late");
  await aRun(db, { execution_start: "2026-06-10T12:00:01Z" });
  await evaluate();
  // Runs are due at 12:15, 12:30 and 12:45, and one started at 12:40, so the first two due times are missed and the third is overdue.
  await aRun(db, { execution_start: "2026-06-10T12:40:00Z" });
  await db.query("update sync_status set last_attempt = '2026-06-10T12:40:00Z' where entity_type = 'matches_schedule'");
  clock.moveTo("2026-06-10T12:55:00.000Z");
  await Promise.all([evaluate(), evaluate()]);
  clock.advance(60_000);
  await evaluate();
  const incidents = await db.query<{ rule_name: string; state: string; began: string; missed: string[] | null }>(
    "select rule_name, state, to_char(began_at at time zone 'UTC', 'HH24:MI') as began, evidence -> 'missed' as missed from alert_incidents order by began_at, rule_name",
  );
  assertEquals(incidents.map(({ rule_name, state, began }) => `${began} ${rule_name} ${state}`), [
    "12:08 Alert Processor Late RESOLVED",
    "12:20 Match Schedule Overdue RESOLVED",
    "12:50 Match Schedule Overdue FIRING",
  ]);
  assertEquals(incidents[1]?.missed?.map((due) => new Date(due).toISOString()), ["2026-06-10T12:15:00.000Z", "2026-06-10T12:30:00.000Z"]);
  assertEquals((await notified()).sort(), [
    "FIRING Alert Processor Late",
    "FIRING Match Schedule Overdue",
    "MISSED Match Schedule Overdue",
    "RESOLVED Alert Processor Late",
  ]);
});

Deno.test("due times that an overdue incident covers are not also reported as missed, and later ones are", async () => {
  const { clock, evaluate } = await setUp("Match Schedule Overdue");
  const start = async (at: string) => {
    await aRun(db, { execution_start: at });
    await db.query("update sync_status set last_attempt = $1 where entity_type = 'matches_schedule'", [at]);
  };
  await start("2026-06-10T12:00:01Z");
  clock.moveTo("2026-06-10T12:21:00Z");
  await evaluate();
  // The overdue incident covers 12:30 until the run at 12:40; 12:45 is missed, and its run starts at 12:55.
  await start("2026-06-10T12:40:00Z");
  await start("2026-06-10T12:55:00Z");
  clock.moveTo("2026-06-10T12:56:00Z");
  await evaluate();
  const incidents = await db.query<{ state: string; missed: string[] | null }>(
    "select state, evidence -> 'missed' as missed from alert_incidents order by began_at",
  );
  assertEquals(incidents.map(({ state, missed }) => `${state} ${missed?.map((due) => due.slice(11, 16)) ?? ""}`), [
    "RESOLVED ",
    "RESOLVED 12:45",
  ]);
});

Deno.test("a flapping incident is notified once, and resolves when the recovery is long enough", async () => {
  const { evaluate, minutes } = await setUp("Match Schedule Consecutive Failures");
  const failures = (count: number) =>
    db.query("update sync_status set consecutive_failures = $1 where entity_type = 'matches_schedule'", [count]);
  await evaluate();
  for (let round = 0; round < 6; round++) {
    await failures(3);
    await minutes(3);
    await failures(0);
    await minutes(3);
  }
  const kinds = (await notified()).map((line) => line.split(" ")[0]);
  assertEquals(kinds, ["FIRING", "RESOLVED", "FIRING", "RESOLVED", "FIRING", "RESOLVED", "FLAPPING"]);
  await minutes(95);
  assertEquals((await notified()).slice(7), ["RESOLVED Match Schedule Consecutive Failures"]);
  assertEquals(await db.value("select is_flapping from alert_incidents order by opened_at desc limit 1"), true);
});

Deno.test("a silence and each of its windows include their start and exclude their end", async () => {
  const isSilencing = (at: string, recurs_every: string | null = null, lasts: string | null = null) =>
    db.value("select private.is_silencing(jsonb_populate_record(null::alert_silences, $1), $2)", [
      { starts_at: "2026-06-10T10:00:00Z", ends_at: "2026-06-12T10:00:00Z", recurs_every, lasts },
      at,
    ]);
  for (
    const [at, once, nightly] of [
      ["2026-06-10T09:59:59.999Z", false, false],
      ["2026-06-10T10:00:00Z", true, true],
      ["2026-06-10T10:59:59.999Z", true, true],
      ["2026-06-10T11:00:00Z", true, false],
      ["2026-06-11T09:59:59.999Z", true, false],
      ["2026-06-11T10:00:00Z", true, true],
      ["2026-06-11T11:00:00Z", true, false],
      ["2026-06-12T09:59:59.999Z", true, false],
      ["2026-06-12T10:00:00Z", false, false],
    ] as const
  ) assertEquals([await isSilencing(at), await isSilencing(at, "1 day", "1 hour")], [once, nightly], at);
});

Deno.test("a recurring silence is active only in its windows, and a silence of a tournament does not mute another", async () => {
  const { clock, evaluate } = await setUp("Match Schedule Tournament Failing");
  for (const no of ["1", "2"]) await aTournament(db, { no });
  for (const time of ["11:35", "11:48", "12:00"]) await tick(time, { 1: "a", 2: "b" });
  await db.query(
    `insert into alert_silences (tournament_no, starts_at, ends_at, recurs_every, lasts, created_by, reason)
    values ('1', '2026-06-03T12:00:00Z', '2027-01-01T00:00:00Z', '7 days', '30 minutes', 'operator@example.com', 'weekly works')`,
  );
  await evaluate();
  assertEquals(await notified(), ["FIRING Match Schedule Tournament Failing 2"]);
  clock.moveTo("2026-06-10T12:31:00Z");
  await evaluate();
  assertEquals((await notified()).slice(1), ["FIRING Match Schedule Tournament Failing 1"]);
  const isActive = (at: string) => db.value<boolean>("select private.is_silencing(s, $1) from alert_silences s", [at]);
  assertEquals(
    await Promise.all(["2026-06-09T12:10:00Z", "2026-06-17T12:29:59Z", "2026-06-17T12:30:00Z", "2027-01-06T12:10:00Z"].map(isActive)),
    [false, true, false, false],
  );
});

Deno.test("a preview measures and decides as the alert processor, and writes nothing", async () => {
  const { clock, evaluate } = await setUp("Match Schedule Consecutive Failures");
  await evaluate();
  await db.query("update sync_status set consecutive_failures = 2 where entity_type = 'matches_schedule'");
  const { createApp } = await import("../../supabase/functions/sync-admin/app.ts");
  const app = createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv(), waitUntil: () => {} });
  const id = await db.value("select id from alert_rules where name = 'Match Schedule Consecutive Failures'");
  const preview = async (path: string, body: object) => {
    const request = { method: "POST", headers: { authorization: `Bearer ${await db.token("admin")}` }, body: JSON.stringify(body) };
    return await (await app.fetch(new Request(`http://functions.test/sync-admin/alert-rules/${path}`, request))).json();
  };
  assertObjectMatch((await preview(`${id}/preview`, {})).scopes[0], { value: 2, threshold: 3, verdict: "RECOVERED", would: null });
  const stricter = await preview(`${id}/preview`, { metric: "consecutive_failures", threshold: 2 });
  assertObjectMatch(stricter.scopes[0].would, { to_state: "FIRING", severity: "HIGH", notify: "FIRING", channels: ["dashboard"] });
  const fresh = {
    name: "Test new",
    entity_type: "all",
    metric: "consecutive_failures",
    threshold: 1,
    evaluation_window: "1 hour",
    severity: "LOW",
  };
  assertObjectMatch((await preview("preview", { ...fresh, minimum_runs: 0 })).scopes[0], { value: 2, verdict: "BREACH" });
  assertObjectMatch(await preview("preview", { ...fresh, entity_type: "ghosts" }), { code: "ENTITY_UNKNOWN" });
  assertEquals(await db.value("select count(*)::int from alert_incidents"), 0);
  assertEquals(await db.value("select threshold::int from alert_rules where id = $1", [id]), 3);
});

Deno.test("five minutes after the last evaluation SQL calls the watchdog URL, signed, once an hour and once after the next evaluation", async () => {
  const { clock, evaluate } = await setUp();
  const secret = `whsec_${btoa("a secret of twenty-four by")}`;
  for (const [name, value] of [["watchdog_url", "https://watch.test/x"], ["watchdog_secret", secret]]) {
    await db.query("select vault.create_secret($1, $2)", [value, name]);
  }
  const watch = () => db.value<string | null>("select private.watch_processor($1)", [clock.asOf()]);
  await evaluate();
  clock.advance(299_000);
  assertEquals(await watch(), null);
  clock.advance(1_000);
  assertEquals([await watch(), await watch()], ["late", null]);
  clock.advance(3_600_000);
  assertEquals(await watch(), "late");
  await evaluate();
  assertEquals([await watch(), await watch()], ["back", null]);
  const posts = await db.query<{ url: string; headers: Record<string, string>; body: string }>(
    "select url, headers, convert_from(body, 'UTF8') as body from net.http_request_queue where url like '%watch.test%' order by id",
  );
  assertEquals(posts.map(({ body }) => JSON.parse(body).status), ["late", "late", "back"]);
  for (const { headers, body } of posts) {
    const signed = new Webhook(secret).sign(String(headers["webhook-id"]), new Date(Number(headers["webhook-timestamp"]) * 1000), body);
    assertEquals(headers["webhook-signature"], signed);
  }
  await db.query("delete from vault.secrets where name like 'watchdog%'");
});

Deno.test("the mean times to detect, acknowledge and resolve equal those of the rows", async () => {
  const { clock } = await setUp();
  const incident = (began: string, notified_at: string, acknowledged: string | null, resolved: string | null) =>
    db.query(
      `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, notified_at, acknowledged_at, resolved_at, updated_at)
      values ('R', 'memory_usage', 'all', $1, 'LOW', 1, 'm', $2, $3, $3, $3, $4, $5, $3)`,
      [resolved ? "RESOLVED" : "FIRING", began, notified_at, acknowledged, resolved],
    );
  await incident("2026-06-10T10:00:00Z", "2026-06-10T10:01:00Z", "2026-06-10T10:11:00Z", "2026-06-10T11:00:00Z");
  await incident("2026-06-10T11:00:00Z", "2026-06-10T11:03:00Z", null, null);
  await incident("2026-05-01T10:00:00Z", "2026-05-01T10:59:00Z", null, "2026-05-02T10:00:00Z");
  const { mean_times } = await db.value<{ mean_times: object }>("select list_alert_incidents($1, $2)", [{ limit: 10 }, clock.asOf()]);
  assertEquals(mean_times, { incidents: 2, detect_ms: 120_000, acknowledge_ms: 600_000, resolve_ms: 3_600_000 });
});

Deno.test("each default rule links to a section of the runbook, of its name, of the end of its name, or of the burn rate", async () => {
  const runbook = await Deno.readTextFile(new URL("../../docs/runbook.md", import.meta.url));
  const sections = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title = ""]) => title);
  const links = await db.query<{ name: string; runbook_url: string }>("select name, runbook_url from alert_rules where name = any ($1)", [
    DEFAULTS,
  ]);
  for (const { name, runbook_url } of links) {
    const subject = name.replace(/ Burn( Fast| Slow)?$/, " Error Budget Burn");
    const section = sections.find((title) => subject === title || subject.endsWith(` ${title}`));
    assertEquals(runbook_url, `docs/runbook.md#${section?.toLowerCase().replaceAll(" ", "-")}`, name);
  }
  assertEquals(links.length, DEFAULTS.length);
});

Deno.test.afterAll(() => db.close());
