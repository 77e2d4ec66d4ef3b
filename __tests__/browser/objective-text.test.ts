import { assert, assertEquals } from "@std/assert";
import { budgetText, causeAddress, causeText, endText, shareText, worstFirst } from "../../dashboard/src/objective/budget.ts";
import { courseOf, ticksDownTo } from "../../dashboard/src/objective/course.ts";
import { fieldsOf, requestOf } from "../../dashboard/src/objective/fields.ts";
import { fieldsOf as ruleFieldsOf, requestOf as ruleRequestOf, settle } from "../../dashboard/src/rule-fields.ts";
import { ChangeObjectiveRequest, CreateObjectiveRequest, type Objective } from "../../types/objectives.ts";

const OBJECTIVE: Objective = {
  id: "00000000-0000-4000-8000-000000000001",
  name: "Results",
  description: "",
  entity_type: "all",
  indicator: "sync_success",
  target: 0.995,
  rolling_window: "28 days",
  owner: "",
  created_at: "2026-06-01T00:00:00Z",
  updated_at: "2026-06-01T00:00:00Z",
  from: "2026-06-01T10:00:00Z",
  until: "2026-06-05T10:30:00Z",
  events: 1_000,
  bad_events: 1,
  attainment: 0.999,
  budget_events: 5,
  budget_left_events: 4,
  budget_left: 0.8,
  burn_rate: 0.1,
  runs_out_at: null,
  causes: [],
  course: [],
  status: "MET",
};
const budget = (changes: Partial<Objective>) => budgetText({ ...OBJECTIVE, ...changes });

Deno.test("a share is never rounded up to the target that it misses", () => {
  assertEquals([0.98999, 0.99, 0.9999, 1, 0.29, 0.57, null].map(shareText), ["98.99 %", "99 %", "99.99 %", "100 %", "29 %", "57 %", "–"]);
});

Deno.test("a budget is a share that is left, a number of events that it lacks, or nothing without an event", () => {
  assertEquals(budget({}), "80 % of the budget left");
  assertEquals(budget({ budget_left: 0.004, budget_left_events: 0.02 }), "less than 1 % of the budget left");
  assertEquals(budget({ budget_left: 0, budget_left_events: 0 }), "0 % of the budget left");
  assertEquals(budget({ budget_left: -0.1, budget_left_events: -0.5 }), "overspent by 1 result");
  assertEquals(budget({ budget_left: -2.4, budget_left_events: -12, indicator: "timeliness" }), "overspent by 12 due times");
  assertEquals(budget({ budget_left: null, indicator: "delivery" }), "no notifications in 28 days");
});

Deno.test("the end of a budget is a span from now, and nothing where none is near", () => {
  const until = OBJECTIVE.until;
  assertEquals(endText({ until, runs_out_at: "2026-06-06T22:30:00Z" }), "runs out in 1 d 12 h at the rate of the last day");
  assertEquals(endText({ until, runs_out_at: until }), "the next bad event overspends it");
  assertEquals(endText({ until, runs_out_at: null }), null);
});

Deno.test("the worst objective comes first: by status, then by the rest of its budget", () => {
  const of = (name: string, status: Objective["status"], budget_left: number | null) => ({ ...OBJECTIVE, name, status, budget_left });
  const sorted = worstFirst([
    of("e", "NO_DATA", null),
    of("d", "MET", 0.9),
    of("b", "AT_RISK", 0.2),
    of("c", "MET", 0.3),
    of("a", "MISSED", -1),
  ]);
  assertEquals(sorted.map(({ name }) => name).join(""), "abcde");
});

Deno.test("a cause is its message, its code without one, or its channel, with the address of its view", () => {
  const none = { fingerprint: null, channel: null, bad_events: 1, error_code: null, message: null };
  const error = { ...none, fingerprint: "VIS_TIMEOUT:a/b", error_code: "VIS_TIMEOUT", message: "no answer" };
  assertEquals(causeText(error), { text: "No answer", code: "VIS_TIMEOUT" });
  assertEquals(causeText({ ...error, error_code: null, message: null }), { text: "VIS_TIMEOUT", code: null });
  assertEquals(causeText({ ...none, channel: "hook" }).text, "Channel hook");
  assertEquals(causeText(none).text, "No known cause");
  assertEquals([error, none].map((cause) => causeAddress(cause, true)), ["/errors/VIS_TIMEOUT%3Aa%2Fb", null]);
  assertEquals([true, false].map((isAdmin) => causeAddress({ ...none, channel: "hook" }, isAdmin)), ["/alerts/channels", null]);
});

Deno.test("the course begins with the whole budget, and a day without an event keeps what was left", () => {
  const day = (from: string, budget_left: number) => ({ from, events: 10, bad_events: 1, budget_left });
  const { times, values } = courseOf({ ...OBJECTIVE, course: [day("2026-06-02T00:00:00Z", 0.5), day("2026-06-05T00:00:00Z", -0.2)] });
  assertEquals(values, [1, 1, 0.5, 0.5, 0.5, -0.2]);
  assertEquals(times.map((time) => new Date(time * 1_000).toISOString().slice(5, 16)), [
    ...["06-01T10:00", "06-02T00:00", "06-03T00:00", "06-04T00:00", "06-05T00:00", "06-05T10:30"],
  ]);
});

Deno.test("the axis of a budget has the zero line, at most 7 ticks, and no point below it", () => {
  assertEquals(ticksDownTo(0.2), [0, 0.25, 0.5, 0.75, 1]);
  assertEquals(ticksDownTo(-1.2), [-1.5, -1, -0.5, 0, 0.5, 1]);
  for (const lowest of [-0.01, -0.26, -3, -9.9, -11, -123, -4_000]) {
    const ticks = ticksDownTo(lowest);
    assert(ticks.includes(0) && (ticks[0] ?? 0) <= lowest && ticks.length <= 7, `${lowest}: ${ticks}`);
  }
});

Deno.test("the form has percentages and sends shares, and of a stored objective only what changed", () => {
  const fields = fieldsOf(OBJECTIVE);
  assertEquals([fields.target, requestOf(fields, OBJECTIVE)], ["99.5", {}]);
  assertEquals(ChangeObjectiveRequest.parse(requestOf({ ...fields, target: "99.9" }, OBJECTIVE)), { target: 0.999 });
  assertEquals(CreateObjectiveRequest.parse(requestOf({ ...fieldsOf(null), name: "New one", target: "57" }, null)).target, 0.57);
  const { error } = CreateObjectiveRequest.safeParse(requestOf({ ...fieldsOf(null), name: "New one", target: "" }, null));
  assertEquals(error?.issues.map(({ path }) => path.join(".")), ["target"]);
});

Deno.test("a burn-rate rule has the sync of its objective, and loses the objective with the metric", () => {
  const objectives = [{ id: "o1", entity_type: "all" }, { id: "o2", entity_type: "matches_schedule" }];
  const burn = settle({ ...ruleFieldsOf(null), metric: "burn_rate", scope: "TOURNAMENT" }, ["matches_schedule"], objectives);
  assertEquals([burn.objective_id, burn.entity_type, burn.scope], ["o1", "all", "ENTITY"]);
  const other = settle({ ...burn, objective_id: "o2" }, ["matches_schedule"], objectives);
  assertEquals([other.entity_type, ruleRequestOf(other, null).objective_id], ["matches_schedule", "o2"]);
  const { objective_id } = settle({ ...other, metric: "memory_usage" }, ["matches_schedule"], objectives);
  assertEquals(objective_id, "");
});
