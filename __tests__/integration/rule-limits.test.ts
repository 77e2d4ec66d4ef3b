import { assertEquals, assertMatch } from "@std/assert";
import { ChangeEntityRequest, ChangeRetentionRequest, CreateRuleRequest, SilenceRequest } from "../../types/admin.ts";
import { ChannelRequest } from "../../types/channel-request.ts";
import { ALERT_METRICS, AlertMetric, SYSTEM_METRICS } from "../../types/alerts.ts";
import { DURATIONS } from "../../types/duration.ts";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { STATES, type Table, VALID_ROWS } from "../../testing/rows.ts";
import { createTryWrites } from "../../testing/try-writes.ts";

const db = await openTestDatabase();
const tryWrites = await createTryWrites(db);
const app = createApp({ rpc: db.rpc, clock: new TestClock("2026-06-10T12:00:00Z"), log: () => {}, env: testEnv(), waitUntil: () => {} });
const token = await db.token("admin");

async function call(method: string, path: string, body: object) {
  const headers = { authorization: `Bearer ${token}` };
  const response = await app.fetch(new Request(`http://functions.test/sync-admin${path}`, { method, headers, body: JSON.stringify(body) }));
  return { status: response.status, body: await response.json() };
}
const RULE = { ...VALID_ROWS.alert_rules, name: "Test limits" };
const ruleOf = (metric: AlertMetric, threshold: number) => ({
  ...RULE,
  metric,
  threshold,
  entity_type: SYSTEM_METRICS.includes(metric) ? "system" : "tournaments",
  scope: metric === "tournament_staleness" ? "TOURNAMENT" : "ENTITY",
  ...metric === "burn_rate" ? STATES.alert_rules.of_objective : {},
});
const fieldsOf = (parsed: { error?: { issues: { path: PropertyKey[] }[] } }): string =>
  (parsed.error?.issues ?? []).map(({ path }) => path.join(".")).join(", ");

for (const [metric, { min, max }] of Object.entries(ALERT_METRICS)) {
  Deno.test(`the API and the table accept a threshold of ${metric} from ${min} to ${max}, and no other`, async () => {
    const rules = [min, max, min * 0.99, max * 1.01, 0, -1, 9_999_999_999_999_999].map((threshold) =>
      ruleOf(metric as AlertMetric, threshold)
    );
    const allowed = ["", "", ...Array(5).fill("threshold")];
    assertEquals(rules.map((rule) => fieldsOf(CreateRuleRequest.safeParse(rule))), allowed);
    const check = "23514 alert_rules_threshold_is_within_its_metric";
    assertEquals(await tryWrites("alert_rules", rules.map((rule) => [rule])), allowed.map((field) => field ? check : "written"));
  });
}

Deno.test("the table knows the metrics of the API and no other", async () => {
  const writes = await tryWrites("alert_rules", AlertMetric.options.map((metric) => [ruleOf(metric, ALERT_METRICS[metric].max)]));
  assertEquals(writes, writes.map(() => "written"));
  const known = await db.value<string>("select prosrc from pg_proc where proname = 'threshold_range'");
  assertEquals([...known.matchAll(/\('(\w+)'/g)].map(([, metric]) => metric).sort(), [...AlertMetric.options].sort());
});

Deno.test("a run reaches the thresholds of the shipped rules about durations at the wall-clock limit of every plan", async () => {
  const thresholds = await db.query<{ s: number }>("select threshold::int as s from alert_rules where metric = 'duration_exceeded'");
  // A run stops 30 s before the limit, which is 150 s by default.
  const reached = testEnv().SYNC_WALL_CLOCK_MS / 1_000 - 30;
  assertEquals(thresholds.map(({ s }) => s < reached), thresholds.map(() => true));
});

const SILENCE = { entity_type: "tournaments", ends_at: "2026-06-10T13:00:00Z", reason: "test" };
/**
 * For each duration: its table with the other columns of the row, and the fields of a request that the API refuses because of the
 * duration.
 */
const OWNERS: Record<keyof typeof DURATIONS, [table: Table, row: object, refused: (length: string) => string]> = {
  ...Object.fromEntries(
    ["evaluation_window", "for_duration", "escalation_delay", "repeat_interval"].map((field) => [
      field,
      ["alert_rules", {}, (length: string) => fieldsOf(CreateRuleRequest.safeParse({ ...RULE, [field]: length }))],
    ]),
  ) as Record<"evaluation_window" | "for_duration" | "escalation_delay" | "repeat_interval", [Table, object, (length: string) => string]>,
  recurs_every: [
    "alert_silences",
    { lasts: "1 second" },
    (recurs_every) => fieldsOf(SilenceRequest.safeParse({ ...SILENCE, lasts: "1 second", recurs_every })),
  ],
  lasts: [
    "alert_silences",
    { recurs_every: "366 days" },
    (lasts) => fieldsOf(SilenceRequest.safeParse({ ...SILENCE, recurs_every: "366 days", lasts })),
  ],
  group_window: ["notification_channels", {}, (group_window) => fieldsOf(ChannelRequest.safeParse({ kind: "dashboard", group_window }))],
  canary_every: [
    "notification_channels",
    { kind: "slack", secret: "https://slack.example/hook" },
    (canary_every) => fieldsOf(ChannelRequest.safeParse({ kind: "slack", canary_every })),
  ],
  sync_frequency: ["sync_status", {}, (sync_frequency) => fieldsOf(ChangeEntityRequest.safeParse({ reason: "test", sync_frequency }))],
  keep: ["retention_settings", {}, (keep) => fieldsOf(ChangeRetentionRequest.safeParse({ keep }))],
  grace: ["sync_status", {}, (grace) => fieldsOf(ChangeEntityRequest.safeParse({ reason: "test", grace }))],
  max_runtime: ["sync_status", {}, (max_runtime) => fieldsOf(ChangeEntityRequest.safeParse({ reason: "test", max_runtime }))],
};

for (const [field, [table, row, refused]] of Object.entries(OWNERS)) {
  const [shortest, longest] = DURATIONS[field as keyof typeof DURATIONS];
  Deno.test(`the API and the table accept a ${field} from ${shortest} to ${longest}, and no other`, async () => {
    const secondsOf = async (length: string) => Number(await db.value("select extract(epoch from $1::interval)::int", [length]));
    const [least, most] = [await secondsOf(shortest), await secondsOf(longest)];
    // A silence that lasts as long as its recurrence is refused for another reason.
    const top = field === "lasts" ? most - 1 : most;
    const seconds = [least, top, ...least > 0 ? [least - 1] : [], most + 1, 999_999_999];
    const isAllowed = (length: number) => length >= least && length <= top;
    assertEquals(
      seconds.map((length) => refused(`${length} seconds`).split(",")[0] === field),
      seconds.map((length) => !isAllowed(length)),
    );
    const writes = await tryWrites(table, seconds.map((length) => [{ ...row, [field]: `${length} seconds` }]));
    assertEquals(writes.map((result) => result === "written"), seconds.map(isAllowed), writes.join(", "));
  });
}

Deno.test("a threshold that cannot be reached is refused with the range and the reason", async () => {
  const { status, body } = await call("POST", "/alert-rules", { ...ruleOf("stuck_execution", 61) });
  assertEquals([status, body.details], [400, [{
    field: "threshold",
    message: "must be between 1 and 60 s for the metric stuck_execution, because a run without a heartbeat is closed after 60 s",
  }]]);
  const window = await call("POST", "/alert-rules", { ...RULE, evaluation_window: "32 days" });
  assertEquals(window.body.details, [{ field: "evaluation_window", message: "must be between 1 minute and 31 days" }]);
});

for (
  const [change, field, problem] of [
    [{ metric: "stuck_execution" }, "threshold", "must be between 1 and 60 for the metric stuck_execution"],
    [{ metric: "success_rate", threshold: 0.9 }, "recovery_threshold", "must be between 0.01 and 1 for the metric success_rate"],
    [{ metric: "duration_exceeded", threshold: 50 }, "recovery_threshold", "must be at most the threshold"],
    [{ entity_type: "system" }, "entity_type", "cannot be system for the metric duration_exceeded"],
    [{ metric: "processor_late" }, "entity_type", "must be system for the metric processor_late"],
    [
      { metric: "duration_exceeded", scope: "TOURNAMENT" },
      "scope",
      "can be TOURNAMENT only for success_rate, consecutive_failures and tournament_staleness",
    ],
    [{ metric: "tournament_staleness" }, "scope", "must be TOURNAMENT for the metric tournament_staleness"],
    [{ lowest_priority: "LIVE" }, "lowest_priority", "can be set only for the scope TOURNAMENT"],
  ] as const
) {
  Deno.test(`a change to ${JSON.stringify(change)} that the stored rule does not allow is refused with the field, also in a preview`, async () => {
    await db.query("delete from alert_rules where name = 'Test limits'");
    const stored = { ...ruleOf("duration_exceeded", 100), recovery_threshold: 80 };
    const { body: { id } } = await call("POST", "/alert-rules", stored);
    for (const [method, path] of [["PATCH", ""], ["POST", "/preview"]] as const) {
      const { status, body } = await call(method, `/alert-rules/${id}${path}`, change);
      assertEquals([status, body.details?.[0]?.field], [400, field], JSON.stringify(body));
      assertMatch(body.details[0].message, new RegExp(problem));
    }
  });
}

Deno.test.afterAll(() => db.close());
