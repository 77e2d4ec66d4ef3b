import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { insert } from "../../testing/factories.ts";
import { VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const ENTITY = { ...VALID_ROWS.sync_status, entity_type: "venues", title: "Venues", function_name: "venue-sync" };
const addVenues = (changes: object = {}) => insert(db, "sync_status", { ...ENTITY, ...changes });
const removeVenues = () => db.query("delete from sync_status where entity_type = 'venues'");

const DEFAULT_RULES = `select r.name, r.metric, r.threshold::float8 as threshold, r.severity,
  private.in_words(r.evaluation_window) as "window", private.in_words(r.escalation_delay) as escalation, r.minimum_runs, r.runbook_url
  from alert_rules r where r.entity_type = $1 and r.metric in ('consecutive_failures', 'duration_exceeded', 'sync_overdue')
  and r.scope = 'ENTITY' order by r.metric`;
const rulesOf = (
  title: string,
  { seconds = 100, window = "1 hour", escalation = "30 minutes" }: { seconds?: number; window?: string; escalation?: string },
) => {
  const common = { minimum_runs: 0, runbook_url: "docs/runbook.md#" };
  return [
    {
      name: `${title} Consecutive Failures`,
      metric: "consecutive_failures",
      threshold: 3,
      severity: "HIGH",
      window,
      escalation: "30 minutes",
    },
    {
      name: `${title} Duration Exceeded`,
      metric: "duration_exceeded",
      threshold: seconds,
      severity: "MEDIUM",
      window: "15 minutes",
      escalation: null,
    },
    { name: `${title} Overdue`, metric: "sync_overdue", threshold: 1, severity: "HIGH", window: "15 minutes", escalation },
  ].map((rule) => ({
    ...rule,
    ...common,
    runbook_url: common.runbook_url + rule.name.slice(title.length + 1).toLowerCase().replace(" ", "-"),
  }));
};

Deno.test("each entity has rules for consecutive failures, overdue and duration, with the values that fit its schedule", async () => {
  for (
    const [entity, expected] of [
      ["tournaments", rulesOf("Tournament Sync", {})],
      ["matches_schedule", rulesOf("Match Schedule", { window: "45 minutes", escalation: "15 minutes" })],
      ["matches_live", rulesOf("Live Matches", { seconds: 48, window: "90 seconds", escalation: "15 minutes" })],
    ] as const
  ) assertEquals(await db.query(DEFAULT_RULES, [entity]), expected);
});

Deno.test("a new entity gets its rules, each with its first version", async () => {
  await addVenues();
  assertEquals(await db.query(DEFAULT_RULES, ["venues"]), rulesOf("Venues", {}));
  const versions = await db.query(
    `select v.changed_by, v.rule ->> 'name' as name from alert_rule_versions v join alert_rules r on r.id = v.rule_id
    where r.entity_type = 'venues' and v.valid_until is null order by 2`,
  );
  assertEquals(versions.map(({ changed_by, name }) => `${changed_by} ${name}`), [
    "installation Venues Consecutive Failures",
    "installation Venues Duration Exceeded",
    "installation Venues Overdue",
  ]);
  await removeVenues();
});

Deno.test("the rules of an inactive entity measure nothing, and those of an active one its values", async () => {
  const values = async () => {
    const { measurements } = await db.value<{ measurements: { entity_type: string; metric: string; value: number | null }[] }>(
      "select measure_alert_rules()",
    );
    const ofVenues = measurements.filter(({ entity_type }) => entity_type === "venues");
    return Object.fromEntries(ofVenues.map(({ metric, value }) => [metric, value]));
  };
  await addVenues({ is_active: false, consecutive_failures: 9 });
  assertEquals(Object.values(await values()).filter((value) => value !== null), []);
  await db.query("update sync_status set is_active = true where entity_type = 'venues'");
  assertEquals((await values()).consecutive_failures, 9);
  await removeVenues();
});

Deno.test("a title that another entity or a rule has is refused with its reason, and nothing is written", async () => {
  const taken = await assertRejects(() => addVenues({ title: "Tournament Sync" }), Error);
  assertMatch(taken.message, /sync_status_title_is_unique/);
  await insert(db, "alert_rules", { ...VALID_ROWS.alert_rules, name: "Venues Overdue" });
  const rule = await assertRejects(() => addVenues(), Error);
  assertMatch(rule.message, /title: a rule whose name begins with 'Venues' exists; choose another title or rename the rule/);
  assertEquals(await db.value("select count(*)::int from sync_status where entity_type = 'venues'"), 0);
  assertEquals(await db.value("select count(*)::int from alert_rules where entity_type = 'venues'"), 0);
  await db.query("delete from alert_rules where name = 'Venues Overdue'");
});

Deno.test("the rules of a deleted entity are deleted with it, their incidents end, and their versions stay", async () => {
  await addVenues();
  const rule = await db.value<string>("select id from alert_rules where name = 'Venues Overdue'");
  const incident = await insert(db, "alert_incidents", {
    ...VALID_ROWS.alert_incidents,
    rule_id: rule,
    rule_name: "Venues Overdue",
    metric: "sync_overdue",
    entity_type: "venues",
  });
  await removeVenues();
  assertEquals(await db.value("select count(*)::int from alert_rules where name like 'Venues%'"), 0);
  const [ended] = await db.query("select state, resolved_at is not null as is_ended, rule_id from alert_incidents where id = $1", [
    incident.id,
  ]);
  assertEquals(ended, { state: "RESOLVED", is_ended: true, rule_id: null });
  assertMatch(
    await db.value<string>("select reason from alert_events where incident_id = $1", [incident.id]),
    /deleted by the deletion of its entity/,
  );
  assertEquals(await db.value("select count(*)::int from alert_rule_versions where rule_id = $1 and valid_until is not null", [rule]), 1);
});

Deno.test("an entity with runs cannot be deleted, and keeps its rules", async () => {
  await addVenues();
  await insert(db, "sync_execution_history", { ...VALID_ROWS.sync_execution_history, entity_type: "venues" });
  assertMatch((await assertRejects(removeVenues, Error)).message, /sync_execution_history/);
  assertEquals((await db.query(DEFAULT_RULES, ["venues"])).length, 3);
  await db.query("delete from sync_execution_history where entity_type = 'venues'");
  await removeVenues();
});

Deno.test.afterAll(() => db.close());
