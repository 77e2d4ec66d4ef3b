import { assertEquals } from "@std/assert";
import { replayRule } from "../alert-replay.ts";
import type { ReplayFacts } from "../contract/replay.ts";
import { at, evaluations, facts, iso, MINUTE, START, values } from "../../testing/replay-facts.ts";

/** The incidents as minutes, and the notifications by kind. */
function replayed(...args: Parameters<typeof facts>) {
  const { incidents, notifications } = replayRule(facts(...args));
  const minutes = (moment: string | null) => moment === null ? null : (Date.parse(moment) - START) / MINUTE;
  return [incidents.map(({ opened_at, resolved_at }) => [minutes(opened_at), minutes(resolved_at)]), notifications.by_kind];
}

Deno.test("an incident opens and ends at the evaluations that found its values", () => {
  assertEquals(replayed({ 0: 0, 10: 3, 25: 0, 40: 2, 50: 0 }), [[[10, 25]], { FIRING: 1, RESOLVED: 1 }]);
});

Deno.test("`for` counts, without a gap of the evaluations, before an incident fires", () => {
  const rule = { for_ms: 20 * MINUTE };
  assertEquals(replayed({ 0: 0, 10: 3, 25: 0 }, {}, rule), [[], {}]);
  assertEquals(replayed({ 0: 0, 10: 3, 45: 0 }, {}, rule), [[[10, 45]], { FIRING: 1, RESOLVED: 1 }]);
  const gap = { evaluations: evaluations([20, 40]) };
  assertEquals(replayed({ 0: 0, 10: 3, 48: 0 }, gap, rule), [[], {}]);
  assertEquals(replayed({ 0: 0, 10: 3, 55: 0 }, gap, rule), [[[10, 55]], { FIRING: 1, RESOLVED: 1 }]);
});

Deno.test("escalation and repetition happen when their clocks run out, and an acknowledgement stops the first", () => {
  const rule = { escalation_ms: 30 * MINUTE, repeat_ms: 60 * MINUTE };
  const by = { 0: 0, 10: 3, 150: 0 };
  assertEquals(replayed(by, {}, rule)[1], { FIRING: 1, ESCALATED: 1, REPEAT: 1, RESOLVED: 1 });
  const acts: ReplayFacts["acts"] = [{ at: at(20), action: "acknowledge", until: null }];
  assertEquals(replayed(by, { acts }, rule)[1], { FIRING: 1, RESOLVED: 1 });
  const until = [{ ...acts[0]!, until: iso(60) }];
  assertEquals(replayed(by, { acts: until }, rule)[1], { FIRING: 2, ESCALATED: 1, RESOLVED: 1 });
  const shorter = { 0: 0, 10: 3, 95: 0 };
  assertEquals(replayed(shorter, { acts: until }, rule)[1], { FIRING: 2, ESCALATED: 1, RESOLVED: 1 }, "it expires at its minute 60");
});

Deno.test("an incident that a person resolves stays closed until the value has recovered once", () => {
  const acts: ReplayFacts["acts"] = [{ at: at(20), action: "resolve", until: null }];
  assertEquals(replayed({ 0: 0, 10: 3, 30: 4, 40: 0, 50: 3, 55: 0 }, { acts })[0], [[10, 20], [50, 55]]);
});

Deno.test("a silence, also a recurring one, mutes until it ends", () => {
  const silence = {
    ...{ id: "s", entity_type: "matches_schedule", severity: null, incident_id: null },
    ...{ starts_at: iso(0), ends_at: iso(300), recurs_ms: null, lasts_ms: null },
  };
  const by = { 0: 0, 130: 3, 170: 0 };
  assertEquals(replayed(by, { silences: [silence] })[1], {});
  const recurring = { ...silence, recurs_ms: 120 * MINUTE, lasts_ms: 20 * MINUTE };
  assertEquals(replayed(by, { silences: [recurring] })[1], { FIRING: 1, RESOLVED: 1 });
  assertEquals(replayed({ 0: 0, 125: 3, 135: 0 }, { silences: [recurring] })[1], {});
});

Deno.test("the fourth incident within the flap window is flapping and ends after a long recovery", () => {
  const by = Object.fromEntries(Array.from({ length: 4 }, (_, index) => [[index * 10, 3], [index * 10 + 5, 0]]).flat());
  assertEquals(replayed(by), [[[0, 5], [10, 15], [20, 25], [30, 65]], { FIRING: 3, RESOLVED: 4, FLAPPING: 1 }]);
});

Deno.test("a recorded incident of the same cause inhibits, and the end of it notifies", () => {
  const other = {
    ...{ rule_id: "other", rule_name: "Other", entity_type: "all", tournament_no: null, metric: "shared_failure" as const },
    ...{
      window_ms: 1_800_000,
      severity: "HIGH" as const,
      threshold: 3,
      channels: ["dashboard"],
      cause: "down",
      evidence: { fingerprint: "down" },
    },
    ...{ fired_at: iso(5), notified_at: iso(5), resolved_at: iso(60), bad_runs: [] },
    states: [{ at: iso(5), channel: "dashboard", recipient: "", severity: "HIGH" as const, cause: "down", dead_at: null }],
  };
  const alike = values({ 0: 0, 10: 3, 30: 0 }).map((value) => ({ ...value, fingerprint: "down" }));
  assertEquals(replayed({}, { others: [other], values: alike })[1], {});
  const longer = values({ 0: 0, 10: 3, 90: 0 }).map((value) => ({ ...value, fingerprint: "down" }));
  assertEquals(replayed({}, { others: [other], values: longer })[1], { FIRING: 1, RESOLVED: 1 });
  const dead = { ...other, states: other.states.map((state) => ({ ...state, dead_at: iso(20) })) };
  const { notifications } = replayRule(facts({}, { others: [dead], values: alike }, { repeat_ms: 5 * MINUTE }));
  assertEquals(notifications.by_kind, { FIRING: 1, REPEAT: 1, RESOLVED: 1 }, "a message inhibits only until it is DEAD");
});

Deno.test("states that are queued within the group window, or over the hourly limit, are one message", () => {
  const { notifications } = replayRule(
    facts({ 0: 3, 1: 0, 2: 3, 3: 0 }, { channels: { dashboard: { group_window_ms: 180_000, hourly_limit: 60 } } }),
  );
  assertEquals([notifications.total, notifications.messages], [4, 2]);
  const limited = replayRule(facts({ 0: 3, 1: 0, 2: 3, 3: 0 }, { channels: { dashboard: { group_window_ms: 0, hourly_limit: 2 } } }));
  assertEquals([limited.notifications.total, limited.notifications.messages], [4, 3]);
});

Deno.test("a chart has at most 500 values, with the highest and the lowest ones", () => {
  const many = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, index) => [index / 10, index === 3_333 ? 90 : index === 1_234 ? -5 : index % 7]),
  );
  const { values, instants } = replayRule(facts(many, {}, { threshold: 100 }));
  assertEquals([instants, values.length], [5_000, 500]);
  const known = values.map(({ value }) => value ?? 0);
  assertEquals([Math.max(...known), Math.min(...known)], [90, -5]);
  assertEquals(values.map(({ at }) => at), values.map(({ at }) => at).toSorted());
});

Deno.test("a sync becomes more overdue between two measurements", () => {
  const since = iso(10), overdue = values({ 0: 0, 10: 0, 40: 0 }).map((value) => value.at === at(10) ? { ...value, since } : value);
  const { incidents, values: chart } = replayRule(
    facts({}, { values: overdue }, { metric: "sync_overdue", threshold: 600, repeat_ms: 15 * MINUTE }),
  );
  assertEquals(chart.map(({ value }) => value), [0, 0, 1_800, 0]);
  assertEquals(incidents.map(({ opened_at }) => opened_at), [iso(39)], "the last evaluation of a value");
  const measured = overdue.flatMap((value) => value.at === at(10) ? [value, { ...value, at: at(20) }] : [value]);
  const replay = replayRule(facts({}, { values: measured }, { metric: "sync_overdue", threshold: 600, repeat_ms: 15 * MINUTE }));
  assertEquals(replay.incidents.map(({ opened_at, peak }) => [opened_at, peak]), [[iso(20), 1_740]]);
});
