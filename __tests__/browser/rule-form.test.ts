import { assert, assertEquals, assertMatch } from "@std/assert";
import { refusalOf } from "../../dashboard/src/refusals.ts";
import { type Fields, fieldsOf, requestOf, settle } from "../../dashboard/src/rule-fields.ts";
import { sentenceOf } from "../../dashboard/src/rule-text.ts";
// The import sets the words of refusals, as in each function.
import "../../supabase/functions/_shared/app.ts";
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
  objective_id: null,
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
const sentence = (rule: AlertRule) => sentenceOf(rule).map((part) => typeof part === "string" ? part : part.channel).join("");
const changed = (fields: Partial<Fields>) => requestOf({ ...fieldsOf(RULE), ...fields }, RULE);

Deno.test("the form of a new rule sends a rule that the server accepts, with the values of the form", () => {
  const fields = { ...fieldsOf(null), name: "New rule", threshold: "5", escalation_channels: [["team", "hook"], [], ["chief"]] };
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
    ["escalation_channels", [["team"]], { escalation_channels: [["team"]] }],
    // The server checks these fields against the metric.
    ["threshold", "3000", { threshold: 3_000, metric: RULE.metric }],
    ["recovery_threshold", "", { recovery_threshold: null, metric: RULE.metric }],
    ["scope", "TOURNAMENT", { scope: "TOURNAMENT", metric: RULE.metric }],
    ["error_type", "API", { error_type: "API", metric: RULE.metric }],
  ] as const
) {
  Deno.test(`the form of a stored rule sends a changed ${field} ${"metric" in request ? "with the metric" : "alone"}`, () => {
    assertEquals<unknown>(changed({ [field]: text } as Partial<Fields>), request);
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
    sentence({ ...limited, for_duration: "0 seconds", escalation_delay: null }),
    "When the sync of a tournament fails 3 times in a row (priority today or higher), show it on this page.",
  );
});

Deno.test("a number that cannot be read is sent as text, so that the server names its field", () => {
  const { error } = ChangeRuleRequest.safeParse(changed({ threshold: "many" }));
  assertEquals(error?.issues.map(({ path }) => path.join(".")), ["threshold"]);
});

Deno.test("a rule as a sentence has the side of its threshold, the unit, for, and the window where it has an effect", () => {
  const rule = { ...RULE, escalation_delay: null };
  const texts = [
    { ...rule, threshold: 200 },
    { ...rule, metric: "success_rate" as const, threshold: 0.9, for_duration: "0 seconds" },
    { ...rule, metric: "consecutive_failures" as const, threshold: 1, for_duration: "0 seconds", evaluation_window: "1 hour" },
    { ...rule, metric: "sync_overdue" as const, threshold: 1, for_duration: "0 seconds" },
    { ...rule, metric: "broken_rules" as const, threshold: 1, for_duration: "0 seconds" },
  ].map(sentence);
  assertEquals(texts, [
    "When VIS takes 200 ms or longer to answer on average in 2 hours for 5 minutes, show it on this page.",
    "When fewer than 90 % of the full runs in 2 hours succeed, show it on this page.",
    "When a full run fails, show it on this page.",
    "When a run is overdue, show it on this page.",
    "When a rule cannot be measured, show it on this page.",
  ]);
});

Deno.test("the form shows a ratio as a percentage and sends it as a ratio", () => {
  const rule: AlertRule = { ...RULE, metric: "success_rate", threshold: 0.57, recovery_threshold: 0.29 };
  const fields = fieldsOf(rule);
  assertEquals([fields.threshold, fields.recovery_threshold, requestOf(fields, rule)], ["57", "29", {}]);
  assertEquals(requestOf({ ...fields, threshold: "29" }, rule), { threshold: 0.29, metric: "success_rate" });
});

for (
  const [change, expected] of [
    [{ metric: "processor_late" }, ["ENTITY", "system"]],
    [{ metric: "tournament_staleness" }, ["TOURNAMENT", "matches_schedule"]],
    [{ metric: "consecutive_failures", scope: "TOURNAMENT", entity_type: "all" }, ["TOURNAMENT", "matches_live"]],
    [{ metric: "memory_usage", scope: "TOURNAMENT" }, ["ENTITY", "matches_schedule"]],
    [{ metric: "memory_usage", entity_type: "system" }, ["ENTITY", "all"]],
  ] as const
) {
  Deno.test(`a form with ${JSON.stringify(change)} gets the scope and the sync ${expected.join(" and ")}`, () => {
    const { scope, entity_type } = settle({ ...fieldsOf(RULE), ...change }, ["matches_live", "matches_schedule"]);
    assertEquals([scope, entity_type], [...expected]);
  });
}

const LABELS = new Map([["recurs_every", "Recurs every"], ["config.to", "Recipients"], ["name", "Name (optional)"]]);
for (
  const [field, message, expected] of [
    ["name", "must have 3 to 200 characters", "Name must have 3 to 200 characters."],
    ["config.to.1", "must be an email address", "Entry 2 of recipients must be an email address."],
    ["lasts", "must be given with recurs_every, and only with it", "Lasts must be given with recurs every, and only with it."],
    ["notification_channels", "there is no channel x_y", "There is no channel x_y."],
    ["body", "must change at least one field", "Must change at least one field."],
    [
      "scope",
      "must be TOURNAMENT for the metric tournament_staleness",
      "Scope must be “each tournament” for the metric tournament staleness.",
    ],
    [
      "schedule_anchor",
      "must be a time with its offset from UTC, such as 2026-06-10T12:00:00Z",
      "Schedule anchor must be a date and a time, such as 2026-06-10 12:00.",
    ],
    ["Password", "The new password must differ from the old one.", "The new password must differ from the old one."],
  ] as const
) {
  Deno.test(`a form says "${expected}"`, () => assertEquals(refusalOf(field, message, LABELS), expected));
}

Deno.test("each refusal of a changed rule is in words of the form: no name of a field, value or time of the API", () => {
  const wrong = [undefined, null, true, -1, 1e12, "", "?", "x".repeat(3_000), [], [1], ["?"], {}];
  for (const field of Object.keys(fieldsOf(null))) {
    for (const value of wrong) {
      for (const metric of ["success_rate", "tournament_staleness", "stuck_execution", "processor_late"]) {
        const { error } = ChangeRuleRequest.safeParse({ metric, scope: "ENTITY", entity_type: "all", [field]: value });
        for (const { path, message } of error?.issues ?? []) {
          const text = refusalOf(path.join("."), message);
          assertMatch(text, /^[A-Z].*[.]$/);
          assert(!/[a-z]_[a-z]|[A-Z]_[A-Z]|ENTITY|TOURNAMENT|\dT\d/.test(text), text);
        }
      }
    }
  }
});
