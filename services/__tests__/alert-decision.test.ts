// Over 300 lines, because each state and each input of the decision has a case.
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { SEVERITIES } from "../../types/sync.ts";
import { ALERT_METRICS, type AlertMetric } from "../../types/alerts.ts";
import { judge } from "../alert-decision.ts";
import { decideAll } from "../alert-evaluation.ts";
import type { LiveIncident, Measurement, Transition } from "../contract/alerts.ts";
import { ago, aLiveIncident, aMeasurement, anEvaluation, EVALUATED_AT, known, RULE_ID } from "../../testing/alerts.ts";

const VERDICTS: [string, Partial<Measurement>, string][] = [
  ["at the threshold", { value: 3 }, "BREACH"],
  ["below the threshold", { value: 2.9 }, "RECOVERED"],
  ["between threshold and recovery threshold", { value: 2, recovery_threshold: 1 }, "BETWEEN"],
  ["below the recovery threshold", { value: 0.9, recovery_threshold: 1 }, "RECOVERED"],
  ["of a ratio below the threshold", { metric: "success_rate", threshold: 0.95, value: 0.94 }, "BREACH"],
  ["of a ratio at the threshold", { metric: "success_rate", threshold: 0.95, value: 0.95 }, "RECOVERED"],
  ["of a ratio between the thresholds", { metric: "success_rate", threshold: 0.95, recovery_threshold: 0.97, value: 0.96 }, "BETWEEN"],
  ["that is unknown with no_data KEEP", { value: null }, "UNKNOWN"],
  ["that is unknown with no_data OK", { value: null, no_data: "OK" }, "RECOVERED"],
  ["that is unknown with no_data ALERT", { value: null, no_data: "ALERT" }, "BREACH"],
  ["of a rate over fewer runs than minimum_runs", { metric: "success_rate", value: 0, runs: 3, minimum_runs: 4 }, "UNKNOWN"],
  ["that needs no runs, with fewer than minimum_runs", { metric: "sync_overdue", value: 9, runs: 0, minimum_runs: 4 }, "BREACH"],
  ["of a paused entity with no_data ALERT", { value: null, no_data: "ALERT", is_paused: true }, "UNKNOWN"],
];
for (const [name, measured, verdict] of VERDICTS) {
  Deno.test(`a value ${name} is ${verdict}`, () => assertEquals(judge(aMeasurement(measured)), verdict as never));
}

type Case = Omit<Partial<Measurement>, "incident"> & { incident?: Partial<LiveIncident> };
const measured = ({ incident, ...changes }: Case) =>
  aMeasurement({ ...changes, ...(incident ? { incident: aLiveIncident(incident) } : {}) });
const TRANSITIONS: [string, Case, string | null, string?, RegExp?][] = [
  ["a breach fires", {}, "FIRING", "HIGH", /^consecutive failures of matches_schedule: 3 runs, at or above the threshold of 3 runs$/],
  ["a breach of a rule with for is pending", { for_ms: 60_000 }, "PENDING", "HIGH", /fires when the condition is met for 1 minute$/],
  ["no breach opens nothing", { value: 0 }, null],
  ["an unknown value opens nothing", { value: null }, null],
  [
    "a pending incident fires after its for",
    { for_ms: 300_000, incident: { state: "PENDING", fired_at: null, met_ms: 240_000, met_at: ago(1) } },
    "FIRING",
    "HIGH",
    /for 5 minutes$/,
  ],
  ["a pending incident does not fire before its for has passed", {
    for_ms: 900_000,
    incident: { state: "PENDING", fired_at: null, met_ms: 600_000, met_at: ago(1) },
  }, "PENDING"],
  ["a pending incident that recovers is discarded", { value: 0, incident: { state: "PENDING", fired_at: null } }, "DISCARDED"],
  [
    "a pending incident stays pending on an unknown value",
    { value: null, for_ms: 60_000, incident: { state: "PENDING", fired_at: null, met_ms: 500_000, met_at: ago(1) } },
    "PENDING",
  ],
  [
    "a firing incident that recovers is resolved",
    { value: 0, incident: {} },
    "RESOLVED",
    "HIGH",
    /recovered to 0 runs after 10 minutes/,
  ],
  ["a firing incident keeps its state between the thresholds", { value: 2, recovery_threshold: 1, incident: {} }, "FIRING"],
  ["a firing incident does not change on an unknown value", { value: null, incident: {} }, null],
  ["a firing incident does not change on a breach", { incident: {} }, null],
  [
    "a firing incident without acknowledgement escalates",
    { incident: { unacknowledged_since: ago(31) } },
    "FIRING",
    "CRITICAL",
    /not acknowledged for 31 minutes/,
  ],
  [
    "a firing incident escalates again only after the delay",
    { severity: "MEDIUM", incident: { severity: "MEDIUM", notified_at: ago(60), unacknowledged_since: ago(29) } },
    null,
  ],
  ["a CRITICAL incident does not escalate", {
    incident: { severity: "CRITICAL", unacknowledged_since: ago(99), destinations: [known("dashboard", { severity: "CRITICAL" })] },
  }, null],
  ["an incident of a rule without escalation delay does not escalate", {
    escalation_ms: null,
    incident: { unacknowledged_since: ago(9999) },
  }, null],
  [
    "an acknowledged incident does not escalate",
    { incident: { state: "ACKNOWLEDGED", unacknowledged_since: null, notified_at: ago(99) } },
    null,
  ],
  ["an acknowledged incident that recovers is resolved", { value: 0, incident: { state: "ACKNOWLEDGED" } }, "RESOLVED"],
  [
    "an incident fires again when its acknowledgement expires",
    { incident: { state: "ACKNOWLEDGED", acknowledged_until: ago(1) } },
    "FIRING",
    "HIGH",
    /acknowledgement expired/,
  ],
  ["an incident does not change before its acknowledgement expires", {
    incident: { state: "ACKNOWLEDGED", unacknowledged_since: null, acknowledged_until: ago(-1) },
  }, null],
  [
    "a clock that moved back changes nothing",
    { incident: { unacknowledged_since: ago(-600), notified_at: ago(-600), last_notified_at: ago(-600) } },
    null,
  ],
  [
    "a pending incident between the thresholds is discarded",
    { value: 2, recovery_threshold: 1, incident: { state: "PENDING", fired_at: null } },
    "DISCARDED",
  ],
  [
    "the escalation clock does not run in an acknowledgement",
    { incident: { state: "ACKNOWLEDGED", acknowledged_until: ago(0), unacknowledged_since: null, notified_at: ago(500) } },
    "FIRING",
    "HIGH",
  ],
  ["an unknown value does not escalate", { value: null, incident: { unacknowledged_since: ago(500) } }, null],
  ["a stale value does not escalate", { is_stale: true, incident: { unacknowledged_since: ago(500) } }, null],
  ["an unknown value does not repeat", { value: null, escalation_ms: null, incident: { last_notified_at: ago(500) } }, null],
  ["a stale value does not repeat", { is_stale: true, escalation_ms: null, incident: { last_notified_at: ago(500) } }, null],
  [
    "a higher severity of the rule reaches its incident",
    { severity: "CRITICAL", incident: {} },
    "FIRING",
    "CRITICAL",
    /the rule now has the severity CRITICAL/,
  ],
  ["a lower severity of the rule leaves its incident", { severity: "LOW", incident: {} }, null],
  [
    "an incident whose scope is no longer measured is resolved",
    { value: 9, ended: "the entity was deactivated", incident: {} },
    "RESOLVED",
    "HIGH",
    /^the entity was deactivated$/,
  ],
  [
    "a pending incident whose scope is no longer measured is discarded",
    { ended: "the entity was deactivated", incident: { state: "PENDING", fired_at: null } },
    "DISCARDED",
  ],
  ["a scope that is no longer measured opens nothing", { ended: "the entity was deactivated" }, null],
  ["an incident that a person closed does not open again before it recovers", { closed_incident: RULE_ID }, null],
];
for (const [name, changes, state, severity, reason] of TRANSITIONS) {
  Deno.test(`decision: ${name}`, () => {
    const [transition] = decideAll(anEvaluation([measured(changes)])).transitions;
    assertEquals(transition?.to_state ?? null, state as never);
    if (severity) assertEquals(transition?.severity, severity as never);
    if (reason) assertMatch(String(transition?.reason), reason);
    if (transition && changes.incident) assertEquals([transition.incident_id, transition.version], [RULE_ID, 4]);
  });
}

const NOTIFICATIONS: [string, Case, string | null][] = [
  ["an incident that fires is notified", {}, "FIRING"],
  ["a pending incident is not notified", { for_ms: 60_000 }, null],
  ["an incident that fires in a silence is not notified", { silenced_by: RULE_ID }, null],
  [
    "an incident that still fires after a silence is notified",
    { incident: { notified_at: null, last_notified_at: null, unacknowledged_since: null, destinations: [], muted_by: "SILENCE" } },
    "FIRING",
  ],
  ["an escalation is notified", { incident: { unacknowledged_since: ago(31) } }, "ESCALATED"],
  ["an escalation in a silence is not notified", { silenced_by: RULE_ID, incident: { unacknowledged_since: ago(31) } }, null],
  [
    "an incident that still fires after the repeat interval is notified again",
    { escalation_ms: null, incident: { last_notified_at: ago(241) } },
    "REPEAT",
  ],
  ["a silence mutes the repetition", { silenced_by: RULE_ID, escalation_ms: null, incident: { last_notified_at: ago(241) } }, null],
  ["the resolution of a notified incident is notified", { value: 0, incident: {} }, "RESOLVED"],
  ["a silence does not mute the resolution", { value: 0, silenced_by: RULE_ID, incident: {} }, "RESOLVED"],
  [
    "the resolution of an incident without notifications is not notified",
    {
      value: 0,
      incident: { notified_at: null, last_notified_at: null, unacknowledged_since: null, destinations: [], muted_by: "SILENCE" },
    },
    null,
  ],
  [
    "the expiry of an acknowledgement is notified",
    { incident: { state: "ACKNOWLEDGED", acknowledged_until: ago(1) } },
    "FIRING",
  ],
];
for (const [name, changes, kind] of NOTIFICATIONS) {
  Deno.test(`notification: ${name}`, () => {
    const [transition] = decideAll(anEvaluation([measured(changes)])).transitions;
    assertEquals(transition?.notifications.map((notification) => notification.kind) ?? [], kind === null ? [] : [kind] as never);
  });
}

/** Decides on a history of values, and keeps the incident between decisions as the database does. */
function play(
  rule: Partial<Measurement>,
  history: { value: number | null; minutes: number; acknowledge: boolean; silenced_by?: string | null }[],
) {
  let now = EVALUATED_AT;
  let incident = null as LiveIncident | null;
  const states: Pick<Transition, "from_state" | "to_state" | "severity" | "notifications">[] = [];
  for (const { value, minutes, acknowledge, silenced_by = null } of history) {
    now += minutes * 60_000;
    if (acknowledge && incident?.state === "FIRING") incident = { ...incident, state: "ACKNOWLEDGED", unacknowledged_since: null };
    const as_of = new Date(now).toISOString();
    const { transitions: [transition] }: { transitions: Transition[] } = decideAll(
      anEvaluation([aMeasurement({ ...rule, value, incident, silenced_by })], { as_of }),
    );
    if (!transition) continue;
    states.push(transition);
    incident = transition.to_state === "DISCARDED" || transition.to_state === "RESOLVED" ? null : after(incident, transition, as_of);
  }
  return { states, incident };
}

/** The incident after a transition, as `private.apply_alert_transition` stores it. */
function after(incident: LiveIncident | null, transition: Transition, as_of: string): LiveIncident {
  const { to_state, notifications, notification: _, ...fields } = { ...transition, notification: null };
  const queued = notifications.map(({ channel, recipient }) => ({
    ...known(channel, { severity: fields.severity, cause: fields.cause }),
    recipient,
  }));
  const others = incident?.destinations.filter(({ channel }) => !queued.some((state) => state.channel === channel)) ?? [];
  return {
    ...(incident ?? aLiveIncident({ opened_at: as_of, began_at: as_of, fired_at: null, notified_at: null, last_notified_at: null })),
    ...fields,
    state: to_state as LiveIncident["state"],
    began_at: incident?.began_at ?? as_of,
    destinations: [...others, ...queued],
    notified_at: incident?.notified_at ?? (queued.length ? as_of : null),
    last_notified_at: queued.length ? as_of : incident?.last_notified_at ?? null,
  } as LiveIncident;
}

const evaluation = fc.record({
  value: fc.option(fc.integer({ min: 0, max: 6 })),
  minutes: fc.integer({ min: 0, max: 40 }),
  acknowledge: fc.boolean(),
});
const rule = fc.record({
  for_ms: fc.constantFrom(0, 300_000, 1_800_000),
  recovery_threshold: fc.constantFrom(null, 1, 2),
  escalation_ms: fc.constantFrom(null, 600_000),
});

Deno.test("over any history each incident ends when the value recovers, transitions chain, the severity never falls and RESOLVED follows FIRING", () => {
  fc.assert(
    fc.property(rule, fc.array(evaluation, { maxLength: 60 }), (limits, history) => {
      const recovery = { value: 0, minutes: 1, acknowledge: false };
      const { states, incident } = play(limits, [...history, recovery]);
      assertEquals(incident, null);
      let state: string | null = null;
      let isNotified = false;
      let severity = 0;
      for (const { from_state: from, to_state: to, notifications, ...transition } of states) {
        if (to === "RESOLVED") assertEquals(notifications.length > 0, isNotified);
        isNotified = to !== "RESOLVED" && to !== "DISCARDED" && (isNotified || notifications.length > 0);
        if (from !== state) assert(state === "FIRING" && from === "ACKNOWLEDGED", `${state} then from ${from}`);
        assert(from === null || SEVERITIES.indexOf(transition.severity) >= severity);
        severity = SEVERITIES.indexOf(transition.severity);
        if (to === "RESOLVED") assert(from === "FIRING" || from === "ACKNOWLEDGED");
        if (to === "DISCARDED") assertEquals(from, "PENDING");
        state = to === "DISCARDED" || to === "RESOLVED" ? null : to;
      }
    }),
    { numRuns: 2_000, seed: 7 },
  );
});

Deno.test("for counts only the time between evaluations that found the condition met", () => {
  const pending = (met_ms: number, met_at: string | null) =>
    aLiveIncident({ state: "PENDING", fired_at: null, destinations: [], notified_at: null, last_notified_at: null, met_ms, met_at });
  const metAfter = (changes: Partial<Measurement>, evaluated_since = ago(600)) => {
    const [transition] = decideAll(anEvaluation([aMeasurement({ for_ms: 300_000, ...changes })], { evaluated_since })).transitions;
    return [transition?.to_state, transition?.met_ms, transition?.met_at];
  };
  assertEquals(metAfter({ incident: pending(60_000, ago(1)) }), ["PENDING", 120_000, ago(0)]);
  assertEquals(metAfter({ incident: pending(60_000, ago(1)), value: null }), ["PENDING", 60_000, null]);
  assertEquals(metAfter({ incident: pending(60_000, null) }), ["PENDING", 60_000, ago(0)], "the time of the unknown value");
  assertEquals(metAfter({ incident: pending(60_000, ago(30)) }, ago(0)), ["PENDING", 60_000, ago(0)], "the time without evaluations");
  assertEquals(metAfter({ incident: pending(240_000, ago(1)) })[0], "FIRING");
});

Deno.test("an acknowledged incident never escalates", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 40 }), (gaps) => {
      const breaches = gaps.map((minutes) => ({ value: 5, minutes, acknowledge: false }));
      const { states } = play({ escalation_ms: 600_000 }, [{ value: 5, minutes: 0, acknowledge: false }, {
        value: 5,
        minutes: 1,
        acknowledge: true,
      }, ...breaches]);
      assertEquals(states.flatMap(({ notifications }) => notifications.map(({ kind }) => kind)), ["FIRING"]);
    }),
    { numRuns: 500, seed: 7 },
  );
});

Deno.test("repeated decisions on the same value make at most one transition", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(ALERT_METRICS) as AlertMetric[]),
      fc.double({ min: 0, max: 10, noNaN: true }),
      (metric, value) => {
        const { states } = play(
          { metric, threshold: 0.9, escalation_ms: null },
          [0, 0, 0].map(() => ({ value, minutes: 0, acknowledge: false })),
        );
        assert(states.length <= 1);
      },
    ),
    { numRuns: 1_000, seed: 7 },
  );
});
