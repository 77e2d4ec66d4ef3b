import { assert, assertEquals } from "@std/assert";
import { type Arguments, CONTRACT, type FunctionName } from "../../services/contract/index.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { insert } from "../../testing/factories.ts";
import { VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
/** A Monday, so that the report of the last week is due. */
const NOW = "2026-06-15T08:00:00.000Z";
const LIVE = "00000000-0000-4000-8000-0000000000c1", ENDED = "00000000-0000-4000-8000-0000000000c2";
const ACTOR = { name: "admin@example.com", role: "admin" as const, address: null, request_id: "r", address_is_claimed: false };

/** Adds a firing and a resolved incident, each with a delivered, a dead and a pending message. */
async function addIncidents(metric: string): Promise<void> {
  const rule_id = await db.value("select id from alert_rules where metric = $1", [metric]);
  const scope = { rule_id, rule_name: "Hidden", metric, entity_type: "system", severity: "LOW", message: "hidden" };
  const early = "2026-06-14T23:50:00Z", late = "2026-06-15T07:55:00Z";
  const times = { began_at: early, opened_at: early, fired_at: early, notified_at: early, updated_at: early };
  const rows = [{ id: LIVE, state: "FIRING", escalated_at: late }, { id: ENDED, state: "RESOLVED", resolved_at: late }];
  for (const row of rows) {
    await insert(db, "alert_incidents", { ...VALID_ROWS.alert_incidents, ...scope, ...times, ...row });
    for (const [status, settled_at] of [["SENT", late], ["DEAD", late], ["PENDING", null]]) {
      const item = { kind: "FIRING", severity: "LOW" };
      const message_id = crypto.randomUUID();
      const state = { channel: "hook", incident_id: row.id, item, status, settled_at, message_id, attempts: 1, created_at: early };
      const sent_at = status === "SENT" ? settled_at : null;
      const { id } = await insert(db, "alert_notifications", { ...VALID_ROWS.alert_notifications, ...state, sent_at });
      const outcome = status === "SENT" ? "SENT" : "RETRY";
      await insert(db, "alert_deliveries", { notification_id: id, attempt: 1, at: late, outcome, error: "no", duration_ms: 5 });
    }
  }
}
const removeIncidents = () => db.query("delete from alert_incidents where id = any ($1::uuid[])", [[LIVE, ENDED]]);

const idOf = (sql: string) => db.value<string>(sql);
const read = <F extends FunctionName>(fn: F, args: Arguments<F>) => async () => await db.rpc(fn, args as never);
const as_of = NOW, span = "31 days", step = "1 day", limit = 50;
/** A call of each read function of the contract, and of the reads that acts and indicators use. */
const READS: Record<string, () => Promise<unknown>> = {
  get_alert_incident: async () => [
    await db.rpc("get_alert_incident", { p: { id: LIVE }, as_of }),
    await db.rpc("get_alert_incident", { p: { id: ENDED }, as_of }),
  ],
  get_alert_notification: async () => {
    const found = await db.query<{ id: string }>("select id from alert_notifications where channel = 'hook' order by seq");
    const answers = await Promise.all(found.map(({ id }) => db.rpc("get_alert_notification", { p: { id } })));
    return answers.filter((answer) => answer !== null).length;
  },
  get_alert_quality: read("get_alert_quality", { p: { span }, as_of }),
  get_alertmanager_alerts: read("get_alertmanager_alerts", { as_of }),
  get_connectivity_test: read("get_connectivity_test", { as_of }),
  get_error_analytics: read("get_error_analytics", { p: { span, step }, as_of }),
  get_execution: read("get_execution", { p: { id: LIVE }, as_of }),
  get_health_overview: read("get_health_overview", { as_of }),
  get_known_season: read("get_known_season", { p: { season: "2026" }, as_of }),
  get_metrics_facts: read("get_metrics_facts", { as_of }),
  get_objective: async () =>
    await db.rpc("get_objective", {
      p: { id: await idOf("select id from sync_objectives where entity_type = 'all' order by name limit 1") },
      as_of,
    }),
  get_performance_history: read("get_performance_history", { p: { span, step }, as_of }),
  get_prometheus_facts: read("get_prometheus_facts", { as_of }),
  get_queue_status: read("get_queue_status", { as_of }),
  get_setup_facts: read("get_setup_facts", { as_of }),
  get_sync_job: read("get_sync_job", { p: { id: LIVE }, as_of }),
  get_sync_statistics: read("get_sync_statistics", { p: { span }, as_of }),
  get_system_facts: async () => {
    const { database: _, ...facts } = await db.rpc("get_system_facts", { as_of });
    return facts;
  },
  get_tournament_state: read("get_tournament_state", { p: { no: "1" }, as_of }),
  get_weekly_report: read("get_weekly_report", { as_of }),
  list_alert_incidents: async () => {
    const pages = [{}, { entity_type: "system" }, { state: "FIRING" }, { severity: "LOW" }];
    return await Promise.all(pages.map((filter) => db.rpc("list_alert_incidents", { p: { limit, ...filter }, as_of })));
  },
  list_alert_rules: read("list_alert_rules", {}),
  list_alert_silences: read("list_alert_silences", { p: { limit }, as_of }),
  list_audit_log: read("list_audit_log", { p: { limit } }),
  list_due_tournaments: read("list_due_tournaments", { p: {}, as_of }),
  list_entities: read("list_entities", {}),
  list_errors: read("list_errors", { p: { limit } }),
  list_executions: read("list_executions", { p: { limit } }),
  list_notification_channels: read("list_notification_channels", {}),
  list_objectives: read("list_objectives", { as_of }),
  list_retention_settings: read("list_retention_settings", {}),
  list_sealed_audit: read("list_sealed_audit", { p: { after: 0, limit } }),
  list_search_results: async () => {
    const texts = ["hidden", LIVE.slice(0, 8), "system"];
    return await Promise.all(
      texts.map((text) => db.rpc("list_search_results", { p: { text, metrics: ["canary", "broken_rules"], codes: [], limit } })),
    );
  },
  list_sync_jobs: read("list_sync_jobs", { p: { limit } }),
  list_tournament_states: read("list_tournament_states", { p: { offset: 0, limit }, as_of }),
  list_unsealed_audit: read("list_unsealed_audit", { p: { limit } }),
  measure_alert_rules: async () => {
    const { measurements } = await db.rpc("measure_alert_rules", { as_of });
    return measurements.filter(({ metric }) => metric !== "canary" && metric !== "broken_rules");
  },
  replay_alert_rule: async () => {
    const replay = async (sql: string) =>
      await db.rpc("replay_alert_rule", { p: { id: await idOf(sql), rule: {}, since: "2026-06-10T00:00:00Z", metrics: [] }, as_of });
    const own =
      "select id from alert_rules where metric = (select coalesce(min(metric), 'canary') from alert_incidents where rule_name = 'Hidden')";
    const { actual } = await replay(own);
    return [await replay("select id from alert_rules where metric = 'shared_failure'"), actual];
  },
  connectivity: () => db.query("select private.connectivity_facts($1)", [NOW]),
  indicators: () => db.query("select * from private.indicator_events(array['delivery'], '2026-06-14', $1, $1)", [NOW]),
};

/** The reads whose answer changes for a real incident in the states of the test incidents. */
const SHOWING = [
  "connectivity",
  "get_alert_incident",
  "get_alert_notification",
  "get_alert_quality",
  "get_alertmanager_alerts",
  "get_health_overview",
  "get_metrics_facts",
  "get_objective",
  "get_prometheus_facts",
  "get_system_facts",
  "get_weekly_report",
  "indicators",
  "list_alert_incidents",
  "list_search_results",
  "measure_alert_rules",
  "replay_alert_rule",
];

const readAll = async () => Object.fromEntries(await Promise.all(Object.entries(READS).map(async ([name, run]) => [name, await run()])));
async function setUp() {
  await db.query("truncate alert_incidents, alert_notifications, alert_evaluations cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query(`insert into notification_channels (name, kind, config) values
    ('hook', 'webhook', '{"url": "https://hook.test/"}'), ('am', 'alertmanager', '{"url": "https://am.test/"}')`);
  await db.query("update alert_rules set is_active = metric in ('undelivered_age', 'canary', 'broken_rules')");
}

Deno.test("the list has each function of the contract that reads", () => {
  const names = Object.keys(CONTRACT).filter((name) => /^(get|list|measure|replay)_/.test(name));
  assertEquals(names.filter((name) => !(name in READS)), []);
});

Deno.test("no read shows or counts a test incident, and each of these shows a real one", async () => {
  await setUp();
  const before = await readAll();
  await addIncidents("canary");
  const withTest = await readAll();
  for (const name of Object.keys(READS)) assertEquals(withTest[name], before[name], name);
  await removeIncidents();
  await addIncidents("broken_rules");
  const withReal = await readAll();
  const showing = Object.keys(READS).filter((name) => JSON.stringify(withReal[name]) !== JSON.stringify(before[name]));
  assertEquals(showing.toSorted(), SHOWING.toSorted());
  await removeIncidents();
});

Deno.test("no act finds a test incident, nor one of its messages", async () => {
  await setUp();
  await addIncidents("canary");
  const message = await idOf("select id from alert_notifications where status = 'DEAD' limit 1");
  const silence = { ends_at: "2026-06-16T00:00:00Z", reason: "test", incident_id: LIVE };
  const acts = [
    ...(["acknowledge", "unacknowledge", "resolve"] as const).map((action) => ["change_alert_incident", { id: LIVE, action }]),
    ["label_alert_incident", { id: LIVE, label: "NOISE" }],
    ["save_alert_silence", silence],
    ...(["resend", "discard"] as const).map((action) => ["change_alert_notification", { id: message, action }]),
  ] as [FunctionName, object][];
  for (const [act, p] of acts) {
    const refused = await db.rpc(act, { p: { ...p, actor: ACTOR }, as_of } as never).then(() => null, (error: unknown) => error);
    assert(String(refused).includes("there is no"), `${act}: ${refused}`);
  }
  await removeIncidents();
});

/** The functions that read incidents or messages and do not exclude tests, each with the reason. */
const EXEMPT: Record<string, string> = {
  "private.apply_alert_transition": "opens and ends test incidents",
  "private.can_open": "opens test incidents",
  "private.canary_progress": "is about the messages of one test",
  "private.claimed_group": "sends test messages",
  "private.close_run": "looks for incidents of an entity, and tests have none",
  "private.due_groups": "sends test messages, whose group is their own",
  "private.failing_tournaments": "looks for incidents of tournaments",
  "private.item_for": "sends test messages",
  "private.live_incident_json": "evaluates the rule of tests",
  "private.measure_rates": "looks for incidents of its own rule",
  "private.mend_parents": "looks for parents, and tests have none",
  "private.opening_deliveries": "is about one incident, which get_alert_incident found",
  "private.prune_batch": "deletes",
  "private.queue_acknowledgement": "is about one incident, which change_alert_incident found",
  "private.queue_end": "queue_notification queues no end of a test",
  "private.replayed_acts": "looks for acts of people, and tests have none",
  "private.resolve_unmeasured_incidents": "ends test incidents with their rule",
  "private.uncovered_rates": "looks for coverage, and tests have none",
  "private.value_changes": "looks for coverage, and tests have none",
  "public.apply_alert_transitions": "opens and ends test incidents",
  "public.claim_alert_notifications": "sends test messages",
  "public.delete_notification_channel": "discards messages",
  "public.replay_alert_rule": "looks for silences of one incident, and tests have none",
};

Deno.test("each SQL function that reads incidents or their messages excludes tests, or has a reason", async () => {
  const names = (await db.query<{ name: string }>(
    `select n.nspname || '.' || p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'private') and p.prosrc ~ '(from|join|update) public\\.alert_(incidents|notifications)' and p.prosrc !~ 'is_test'
    order by 1`,
  )).map(({ name }) => name);
  assertEquals(names, Object.keys(EXEMPT).toSorted());
});

Deno.test.afterAll(() => db.close());
