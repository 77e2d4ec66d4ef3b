import { assertEquals } from "@std/assert";
import { type Fields, fieldsOf, requestOf } from "../../dashboard/src/rule-fields.ts";
import { conditionOf } from "../../dashboard/src/rule-text.ts";
import { ChangeRuleRequest, CreateRuleRequest } from "../../types/admin.ts";
import type { AlertRule } from "../../types/alerts.ts";

const RULE: AlertRule = {
  id: "00000000-0000-4000-8000-000000000001",
  name: "Slow answers",
  description: "d",
  entity_type: "matches_schedule",
  scope: "ENTITY",
  lowest_priority: null,
  metric: "api_response_time",
  threshold: 2_000,
  recovery_threshold: 1_000,
  evaluation_window: "2 hours",
  for_duration: "5 minutes",
  minimum_runs: 2,
  no_data: "KEEP",
  error_type: null,
  severity: "LOW",
  notification_channels: ["dashboard"],
  repeat_interval: "4 hours",
  escalation_delay: "30 minutes",
  escalation_channels: [["team", "hook"], ["chief"]],
  runbook_url: "https://example.com/",
  is_active: true,
  broken_since: null,
  broken_reason: null,
  created_at: "2026-06-10T00:00:00Z",
  updated_at: "2026-06-10T00:00:00Z",
};
const changed = (fields: Partial<Fields>) => requestOf({ ...fieldsOf(RULE), ...fields }, RULE);

Deno.test("the form of a new rule sends a rule that the server accepts, with the values of the form", () => {
  const fields = { ...fieldsOf(null), name: "New rule", threshold: "5", escalation_channels: "team, hook\n\nchief" };
  const request = CreateRuleRequest.parse(requestOf(fields, null));
  assertEquals([request.threshold, request.escalation_channels, request.recovery_threshold], [5, [["team", "hook"], ["chief"]], null]);
});

Deno.test("the form of a stored rule sends nothing that was not changed", () => assertEquals(changed({}), {}));

for (
  const [field, text, request] of [
    ["name", "Other", { name: "Other" }],
    ["severity", "HIGH", { severity: "HIGH" }],
    ["is_active", false, { is_active: false }],
    ["escalation_delay", "", { escalation_delay: null }],
    ["escalation_channels", "team", { escalation_channels: [["team"]] }],
    // The server checks these fields against the metric.
    ["threshold", "3000", { threshold: 3_000, metric: RULE.metric }],
    ["recovery_threshold", "", { recovery_threshold: null, metric: RULE.metric }],
    ["scope", "TOURNAMENT", { scope: "TOURNAMENT", metric: RULE.metric }],
    ["error_type", "API", { error_type: "API", metric: RULE.metric }],
  ] as const
) {
  Deno.test(`the form of a stored rule sends a changed ${field} ${"metric" in request ? "with the metric" : "alone"}`, () => {
    assertEquals<unknown>(changed({ [field]: text }), request);
    if (!["scope", "error_type"].includes(field)) ChangeRuleRequest.parse(request);
  });
}

Deno.test("the form sends the lowest priority of a rule about tournaments, and removes it with that scope", () => {
  const rule: AlertRule = { ...RULE, metric: "consecutive_failures", threshold: 3, recovery_threshold: null, scope: "TOURNAMENT" };
  const request = requestOf({ ...fieldsOf(rule), lowest_priority: "TODAY" }, rule);
  assertEquals<unknown>(ChangeRuleRequest.parse(request), { lowest_priority: "TODAY" });
  const limited: AlertRule = { ...rule, lowest_priority: "TODAY" };
  assertEquals<unknown>(requestOf({ ...fieldsOf(limited), scope: "ENTITY" }, limited), {
    scope: "ENTITY",
    lowest_priority: null,
    metric: "consecutive_failures",
  });
  assertEquals(
    conditionOf({ ...limited, for_duration: "0 seconds" }),
    "consecutive failures is at least 3 runs, for tournaments with the priority today or a higher one",
  );
});

Deno.test("a number that cannot be read is sent as text, so that the server names its field", () => {
  const { error } = ChangeRuleRequest.safeParse(changed({ threshold: "many" }));
  assertEquals(error?.issues.map(({ path }) => path.join(".")), ["threshold"]);
});

Deno.test("the condition of a rule names the metric, the side of its threshold, the unit, for, and the window where it has an effect", () => {
  const texts = [
    { ...RULE, threshold: 200 },
    { ...RULE, metric: "success_rate" as const, threshold: 0.9, for_duration: "0 seconds" },
    { ...RULE, metric: "consecutive_failures" as const, threshold: 1, for_duration: "0 seconds", evaluation_window: "1 hour" },
  ].map(conditionOf);
  assertEquals(texts, [
    "api response time is at least 200 ms for 5 minutes, over 2 hours",
    "success rate is below 90 %, over 2 hours",
    "consecutive failures is at least 1 run",
  ]);
});
