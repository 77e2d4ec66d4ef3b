// Over 300 lines: a case for each state and each input of the decision.
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { ALERT_METRICS, type AlertMetric } from "../../types/alerts.ts";
import { SEVERITIES } from "../../types/sync.ts";
import { decideAll } from "../alert-causes.ts";
import { decide, decideMissed, type EvaluationContext, inWords, judge } from "../alert-decision.ts";
import type { Measurement } from "../contract/alerts.ts";

const NOW = Date.parse("2026-06-10T12:00:00Z");
const ID = "00000000-0000-4000-8000-000000000001";
const ago = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString();
const MEASURED: Measurement = {
  rule_id: ID,
  rule_name: "Rule",
  metric: "consecutive_failures",
  entity_type: "matches_schedule",
  tournament_no: null,
  severity: "HIGH",
  threshold: 3,
  recovery_threshold: null,
  minimum_runs: 0,
  no_data: "KEEP",
  for_ms: 0,
  escalation_ms: 1_800_000,
  escalation_channels: [],
  value: 3,
  runs: 10,
  since: null,
  execution_id: null,
  fingerprint: null,
  evidence: {},
  resolved_recently: 0,
  missed: [],
  repeat_ms: 4 * 3_600_000,
  flap_ms: 3_600_000,
  channels: ["dashboard"],
  runbook_url: null,
  silenced_by: null,
  incident: null,
};
const FIRING: NonNullable<Measurement["incident"]> = {
  id: ID,
  version: 4,
  state: "FIRING",
  severity: "HIGH",
  opened_at: ago(10),
  began_at: ago(10),
  fired_at: ago(10),
  escalated_at: null,
  escalation_step: 0,
  acknowledged_until: null,
  notified_at: ago(10),
  last_notified_at: ago(10),
  attempted_channels: ["dashboard"],
  evidence: { peak: 3 },
  is_flapping: false,
  recovered_at: null,
  parent: null,
};
const at = (now: number, context: Partial<EvaluationContext> = {}): EvaluationContext => ({
  now,
  evaluatedSince: null,
  parent: null,
  inherited: null,
  ...context,
});

for (
  const [ms, words] of [
    [0, "0 seconds"],
    [1_000, "1 second"],
    [59_940, "59.9 seconds"],
    [59_990, "1 minute"],
    [60_000, "1 minute"],
    [57 * 60_000, "57 minutes"],
    [59.9 * 60_000, "59.9 minutes"],
    [59.98 * 60_000, "1 hour"],
    [90 * 60_000, "1.5 hours"],
    [23.97 * 3_600_000, "1 day"],
    [26 * 3_600_000, "1.1 days"],
  ] as const
) {
  Deno.test(`${ms} ms are ${words}`, () => assertEquals(inWords(ms), words));
}

Deno.test("a duration never has a count that completes the next larger unit", () => {
  const largest: Record<string, number> = { second: 60, minute: 60, hour: 24, day: Infinity };
  fc.assert(fc.property(fc.integer({ min: 0, max: 40 * 86_400_000 }), (ms) => {
    const [count = "", unit = ""] = inWords(ms).split(" ");
    return Number(count) < (largest[unit.replace(/s$/, "")] ?? 0) && (Number(count) === 1) === !unit.endsWith("s");
  }));
});

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
  ["of fewer runs than minimum_runs", { value: 9, runs: 3, minimum_runs: 4 }, "UNKNOWN"],
];
for (const [name, measured, verdict] of VERDICTS) {
  Deno.test(`a value ${name} is ${verdict}`, () => assertEquals(judge({ ...MEASURED, ...measured }), verdict as never));
}

const TRANSITIONS: [string, Partial<Measurement>, string | null, string?, RegExp?][] = [
  ["a breach fires", {}, "FIRING", "HIGH", /^consecutive failures of matches_schedule: 3 runs, at or above the threshold of 3 runs$/],
  ["a breach of a rule with for is pending", { for_ms: 60_000 }, "PENDING", "HIGH", /fires when the condition is met for 1 minute$/],
  ["no breach opens nothing", { value: 0 }, null],
  ["an unknown value opens nothing", { value: null }, null],
  [
    "a pending incident fires after its for",
    { for_ms: 300_000, incident: { ...FIRING, state: "PENDING", fired_at: null } },
    "FIRING",
    "HIGH",
    /for 10 minutes/,
  ],
  ["a pending incident does not change before its for has passed", {
    for_ms: 900_000,
    incident: { ...FIRING, state: "PENDING", fired_at: null },
  }, null],
  ["a pending incident that recovers is discarded", { value: 0, incident: { ...FIRING, state: "PENDING", fired_at: null } }, "DISCARDED"],
  [
    "a pending incident does not change on an unknown value",
    { value: null, incident: { ...FIRING, state: "PENDING", fired_at: null } },
    null,
  ],
  [
    "a firing incident that recovers is resolved",
    { value: 0, incident: FIRING },
    "RESOLVED",
    "HIGH",
    /recovered to 0 runs after 10 minutes/,
  ],
  ["a firing incident does not change between the thresholds", { value: 2, recovery_threshold: 1, incident: FIRING }, null],
  ["a firing incident does not change on an unknown value", { value: null, incident: FIRING }, null],
  ["a firing incident does not change on a breach", { incident: FIRING }, null],
  [
    "a firing incident without acknowledgement escalates",
    { incident: { ...FIRING, notified_at: ago(31) } },
    "FIRING",
    "CRITICAL",
    /not acknowledged for 31 minutes/,
  ],
  [
    "a firing incident escalates again only after the delay",
    { incident: { ...FIRING, severity: "MEDIUM", notified_at: ago(60), escalated_at: ago(29) } },
    null,
  ],
  ["a CRITICAL incident does not escalate", { incident: { ...FIRING, severity: "CRITICAL", notified_at: ago(99) } }, null],
  ["an incident of a rule without escalation delay does not escalate", {
    escalation_ms: null,
    incident: { ...FIRING, notified_at: ago(9999) },
  }, null],
  ["an acknowledged incident does not escalate", { incident: { ...FIRING, state: "ACKNOWLEDGED", notified_at: ago(99) } }, null],
  ["an acknowledged incident that recovers is resolved", { value: 0, incident: { ...FIRING, state: "ACKNOWLEDGED" } }, "RESOLVED"],
  [
    "an incident fires again when its acknowledgement expires",
    { incident: { ...FIRING, state: "ACKNOWLEDGED", acknowledged_until: ago(1) } },
    "FIRING",
    "HIGH",
    /acknowledgement expired/,
  ],
  ["an incident does not change before its acknowledgement expires", {
    incident: { ...FIRING, state: "ACKNOWLEDGED", acknowledged_until: ago(-1) },
  }, null],
  ["a clock that moved back changes nothing", { incident: { ...FIRING, notified_at: ago(-600), last_notified_at: ago(-600) } }, null],
];
for (const [name, measured, state, severity, reason] of TRANSITIONS) {
  Deno.test(`decision: ${name}`, () => {
    const transition = decide({ ...MEASURED, ...measured }, at(NOW));
    assertEquals(transition?.to_state ?? null, state as never);
    if (severity) assertEquals(transition?.severity, severity as never);
    if (reason) assertMatch(String(transition?.reason), reason);
    if (transition && measured.incident) assertEquals([transition.incident_id, transition.version], [ID, 4]);
  });
}

const NOTIFICATIONS: [string, Partial<Measurement>, string | null][] = [
  ["an incident that fires is notified", {}, "FIRING"],
  ["a pending incident is not notified", { for_ms: 60_000 }, null],
  ["an incident that fires in a silence is not notified", { silenced_by: ID }, null],
  [
    "an incident that still fires after a silence is notified",
    { incident: { ...FIRING, notified_at: null, last_notified_at: null } },
    "FIRING",
  ],
  ["an escalation is notified", { incident: { ...FIRING, notified_at: ago(31) } }, "ESCALATED"],
  ["an escalation in a silence is not notified", { silenced_by: ID, incident: { ...FIRING, notified_at: ago(31) } }, null],
  [
    "an incident that still fires after the repeat interval is notified again",
    { escalation_ms: null, incident: { ...FIRING, last_notified_at: ago(241) } },
    "REPEAT",
  ],
  ["a silence mutes the repetition", { silenced_by: ID, escalation_ms: null, incident: { ...FIRING, last_notified_at: ago(241) } }, null],
  ["the resolution of a notified incident is notified", { value: 0, incident: FIRING }, "RESOLVED"],
  ["a silence does not mute the resolution", { value: 0, silenced_by: ID, incident: FIRING }, "RESOLVED"],
  [
    "the resolution of an incident without notifications is not notified",
    { value: 0, incident: { ...FIRING, notified_at: null, last_notified_at: null } },
    null,
  ],
  [
    "the expiry of an acknowledgement is notified",
    { incident: { ...FIRING, state: "ACKNOWLEDGED", acknowledged_until: ago(1) } },
    "FIRING",
  ],
];
for (const [name, measured, notify] of NOTIFICATIONS) {
  Deno.test(`notification: ${name}`, () => assertEquals(decide({ ...MEASURED, ...measured }, at(NOW))?.notify ?? null, notify as never));
}

/** Decides on a history of values, and keeps the incident between decisions as the database does. */
function play(
  rule: Partial<Measurement>,
  history: { value: number | null; minutes: number; acknowledge: boolean; silenced_by?: string | null }[],
) {
  let now = NOW;
  let incident = null as Measurement["incident"];
  const states: { from: string | null; to: string; severity: string; was: string; notify: string | null }[] = [];
  for (const { value, minutes, acknowledge, silenced_by = null } of history) {
    now += minutes * 60_000;
    if (acknowledge && incident?.state === "FIRING") incident = { ...incident, state: "ACKNOWLEDGED" };
    const transition = decide({ ...MEASURED, ...rule, value, incident, silenced_by }, at(now));
    if (!transition) continue;
    states.push({
      from: transition.from_state,
      to: transition.to_state,
      severity: transition.severity,
      was: incident?.severity ?? transition.severity,
      notify: transition.notify,
    });
    const moment = new Date(now).toISOString();
    incident = transition.to_state === "DISCARDED" || transition.to_state === "RESOLVED" ? null : {
      ...(incident ??
        {
          id: ID,
          version: 1,
          opened_at: moment,
          began_at: moment,
          fired_at: null,
          escalated_at: null,
          escalation_step: 0,
          is_flapping: false,
          attempted_channels: [],
          evidence: {},
          recovered_at: null,
          parent: null,
          acknowledged_until: null,
          notified_at: null,
          last_notified_at: null,
        }),
      state: transition.to_state,
      severity: transition.severity,
      evidence: transition.evidence,
      attempted_channels: transition.notify ? transition.channels : incident?.attempted_channels ?? [],
      is_flapping: transition.is_flapping,
      recovered_at: transition.recovered_at,
      escalation_step: transition.escalation_step,
      fired_at: incident?.fired_at ?? (transition.to_state === "FIRING" ? moment : null),
      notified_at: incident?.notified_at ?? (transition.notify ? moment : null),
      last_notified_at: transition.notify ? moment : incident?.last_notified_at ?? null,
      escalated_at: incident && incident.severity !== transition.severity ? moment : incident?.escalated_at ?? null,
    };
  }
  return { states, incident };
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
      for (const transition of states) {
        if (transition.to === "RESOLVED") assertEquals(transition.notify === "RESOLVED", isNotified);
        isNotified = transition.to !== "RESOLVED" && transition.to !== "DISCARDED" && (isNotified || transition.notify !== null);
        if (transition.from !== state) {
          assert(state === "FIRING" && transition.from === "ACKNOWLEDGED", `${state} then from ${transition.from}`);
        }
        assert(SEVERITIES.indexOf(transition.severity as never) >= SEVERITIES.indexOf(transition.was as never));
        if (transition.to === "RESOLVED") assert(transition.from === "FIRING" || transition.from === "ACKNOWLEDGED");
        if (transition.to === "DISCARDED") assertEquals(transition.from, "PENDING");
        state = transition.to === "DISCARDED" || transition.to === "RESOLVED" ? null : transition.to;
      }
    }),
    { numRuns: 2_000, seed: 7 },
  );
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
      assertEquals(states.map((transition) => transition.to), ["FIRING"]);
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

const RULE = (name: string, changes: Partial<Measurement>): Measurement => ({
  ...MEASURED,
  rule_id: crypto.randomUUID(),
  rule_name: name,
  ...changes,
});
const RUN = "00000000-0000-4000-8000-00000000000a", OTHER_RUN = "00000000-0000-4000-8000-00000000000b";
const notificationsOf = (measurements: Measurement[]) =>
  decideAll(measurements, NOW, null).map(({ rule_name, notify, parent }) =>
    `${rule_name}: ${notify ?? `inhibited by ${parent?.rule_name}`}`
  );

Deno.test("the incident nearest to the cause inhibits the four others of a stuck run and takes the highest severity", () => {
  const breach = { value: 9, threshold: 1, execution_id: RUN } as const;
  const rules = [
    RULE("failures", { ...breach, severity: "CRITICAL" }),
    RULE("rate", { ...breach, metric: "success_rate", value: 0, entity_type: "all" }),
    RULE("stuck", { ...breach, metric: "stuck_execution", severity: "LOW" }),
    RULE("duration", { ...breach, metric: "duration_exceeded" }),
    RULE("memory", { ...breach, metric: "memory_usage" }),
  ];
  assertEquals(notificationsOf(rules), [
    "stuck: FIRING",
    "failures: inhibited by stuck",
    "rate: inhibited by stuck",
    "duration: inhibited by stuck",
    "memory: inhibited by stuck",
  ]);
  assertEquals(decideAll(rules, NOW, null)[0]?.severity, "CRITICAL");
});

Deno.test("an incident of another run, one without a run and a pending one inhibit nothing and are not inhibited", () => {
  const breach = { value: 9, threshold: 1, execution_id: RUN } as const;
  assertEquals(
    notificationsOf([
      RULE("stuck", { ...breach, metric: "stuck_execution", for_ms: 60_000 }),
      RULE("failures", breach),
      RULE("duration", { ...breach, metric: "duration_exceeded", execution_id: OTHER_RUN }),
      RULE("overdue", { ...breach, metric: "sync_overdue", execution_id: null }),
    ]).filter((line) => !line.startsWith("stuck")),
    ["failures: FIRING", "duration: FIRING", "overdue: FIRING"],
  );
});

Deno.test("a shared failure inhibits the incidents with its fingerprint and no other", () => {
  const tournament = (no: string, fingerprint: string) =>
    RULE(`tournament ${no}`, { tournament_no: no, fingerprint, execution_id: RUN, severity: "MEDIUM" });
  const rules = [
    tournament("1", "down"),
    tournament("2", "down"),
    tournament("3", "bad data"),
    RULE("failures", { fingerprint: "down", execution_id: RUN }),
    RULE("shared", { metric: "shared_failure", entity_type: "all", fingerprint: "down", execution_id: RUN }),
  ];
  assertEquals(notificationsOf(rules), [
    "tournament 3: FIRING",
    "shared: FIRING",
    "tournament 1: inhibited by shared",
    "tournament 2: inhibited by shared",
    "failures: inhibited by shared",
  ]);
});

Deno.test("of two shared failures with one fingerprint the one of all syncs inhibits the tournaments", () => {
  const shared = { metric: "shared_failure", fingerprint: "down", execution_id: RUN } as const;
  const rules = [
    RULE("a of one", { ...shared, entity_type: "matches_schedule" }),
    RULE("b of all", { ...shared, entity_type: "all" }),
    RULE("tournament", { tournament_no: "1", fingerprint: "down", execution_id: RUN }),
  ];
  assertEquals(notificationsOf(rules), ["a of one: FIRING", "b of all: FIRING", "tournament: inhibited by b of all"]);
});

Deno.test("a parent does not notify the channels of a silenced child", () => {
  const child = RULE("failures", { execution_id: RUN, channels: ["hook"], silenced_by: ID });
  const parent = RULE("stuck", { metric: "stuck_execution", execution_id: RUN, channels: ["dashboard"] });
  assertEquals(decideAll([child, parent], NOW, null)[0]?.channels, ["dashboard"]);
});

Deno.test("a parent also notifies the channels of its children, and of children that open later", () => {
  const child = RULE("failures", { execution_id: RUN, channels: ["hook"] });
  const parent = RULE("stuck", { metric: "stuck_execution", execution_id: RUN, channels: ["dashboard"] });
  assertEquals(decideAll([child, parent], NOW, null)[0]?.channels, ["dashboard", "hook"]);
  const later = decideAll([child, { ...parent, incident: FIRING }], NOW, null)[0];
  assertEquals([later?.notify, later?.channels], ["FIRING", ["hook"]]);
  const known = decideAll([child, { ...parent, incident: { ...FIRING, attempted_channels: ["dashboard", "hook"] } }], NOW, null);
  assertEquals(known.map((transition) => transition.rule_name), ["failures"]);
});

Deno.test("an inhibited incident notifies only its resolution if its opening was notified, and is notified when no longer inhibited", () => {
  const parent = { rule_id: ID, rule_name: "Parent", entity_type: "all", tournament_no: null };
  const old = { ...FIRING, notified_at: ago(9999), last_notified_at: ago(9999), parent };
  const inhibited = at(NOW, { parent });
  assertEquals(decide({ ...MEASURED, incident: old }, inhibited), null);
  assertEquals(decide({ ...MEASURED, incident: { ...old, parent: null } }, inhibited)?.notify, null);
  assertEquals(decide({ ...MEASURED, value: 0, incident: old }, inhibited)?.notify, "RESOLVED");
  assertEquals(decide({ ...MEASURED, value: 0, incident: { ...old, notified_at: null } }, inhibited)?.notify, null);
  assertEquals(decide({ ...MEASURED, incident: { ...old, notified_at: null } }, at(NOW))?.notify, "FIRING");
  assertMatch(String(decide({ ...MEASURED, incident: old }, at(NOW))?.reason), /no longer inhibited by Parent/);
});

Deno.test("a notified incident stays the parent and escalates when a more severe incident has the same cause", () => {
  const rules = [
    RULE("duration", { metric: "duration_exceeded", execution_id: RUN, severity: "MEDIUM", incident: { ...FIRING, severity: "MEDIUM" } }),
    RULE("stuck", { metric: "stuck_execution", execution_id: RUN, severity: "CRITICAL" }),
  ];
  assertEquals(notificationsOf(rules), ["duration: ESCALATED", "stuck: inhibited by duration"]);
  const silenced = rules.map((rule) => rule.rule_name === "duration" ? { ...rule, silenced_by: ID } : rule);
  assertEquals(notificationsOf(silenced)[0], "stuck: FIRING", "a silenced incident inhibits no other");
});

Deno.test("each escalation step adds its channels to those of earlier steps, up to the last step", () => {
  const rule = { ...MEASURED, escalation_channels: [["team"], ["chief"]] };
  const late = { ...FIRING, notified_at: ago(31) };
  assertEquals(decide({ ...rule, incident: late }, at(NOW))?.channels, ["dashboard", "team"]);
  const second = {
    ...late,
    severity: "CRITICAL" as const,
    escalation_step: 1,
    escalated_at: ago(31),
    attempted_channels: ["dashboard", "team"],
  };
  assertEquals(decide({ ...rule, incident: second }, at(NOW))?.channels, ["dashboard", "team", "chief"]);
  const third = { ...second, escalation_step: 2, attempted_channels: ["dashboard", "team", "chief"] };
  assertEquals(decide({ ...rule, incident: third }, at(NOW)), null);
  assertEquals(decide({ ...rule, value: 0, incident: third }, at(NOW))?.channels, [
    "dashboard",
    "team",
    "chief",
  ]);
});

Deno.test("a flapping incident is notified once and resolves after a recovery of half the window", () => {
  const values = [3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 0, 0];
  const resolved: number[] = [];
  let incident: Measurement["incident"] = null;
  const notified: string[] = [];
  values.forEach((value, index) => {
    const now = NOW + index * 12 * 60_000;
    const resolved_recently = incident ? 0 : resolved.length;
    const transition = decide({ ...MEASURED, value, incident, resolved_recently, flap_ms: 3_600_000 }, at(now));
    if (!transition) return;
    if (transition.notify) notified.push(transition.notify);
    if (transition.to_state === "RESOLVED") {
      resolved.push(now);
      incident = null;
      return;
    }
    const moment = new Date(now).toISOString();
    const before: NonNullable<Measurement["incident"]> = incident ??
      { ...FIRING, opened_at: moment, notified_at: moment, last_notified_at: moment };
    incident = { ...before, is_flapping: transition.is_flapping, recovered_at: transition.recovered_at };
  });
  assertEquals(notified, ["FIRING", "RESOLVED", "FIRING", "RESOLVED", "FIRING", "RESOLVED", "FLAPPING"]);
  const recovered = { ...MEASURED, value: 0, incident: { ...FIRING, is_flapping: true, recovered_at: ago(31) } };
  assertEquals(decide(recovered, at(NOW))?.notify, "RESOLVED");
});

Deno.test("the time before a gap in the evaluations does not count towards for", () => {
  const pending = { ...MEASURED, for_ms: 300_000, incident: { ...FIRING, state: "PENDING" as const, fired_at: null } };
  assertEquals(decide(pending, at(NOW, { evaluatedSince: NOW })), null);
  assertEquals(decide(pending, at(NOW, { evaluatedSince: Date.parse(ago(5)) }))?.to_state, "FIRING");
});

Deno.test("runs missed while no rules were evaluated are one resolved incident with the time of the due runs", () => {
  const run = (minutes: number) => ({ due_at: ago(minutes), overdue_at: ago(minutes - 5), started_at: ago(10) });
  const transition = decideMissed({ ...MEASURED, metric: "sync_overdue", value: 0, missed: [run(60), run(45)] }, at(NOW));
  assertEquals([transition?.to_state, transition?.notify, transition?.began_at, transition?.resolved_at, transition?.missed_due_at], [
    "RESOLVED",
    "MISSED",
    ago(55),
    ago(10),
    ago(60),
  ]);
  assertMatch(
    String(transition?.reason),
    /2 runs of matches_schedule did not start when due \(2026-06-10 11:00:00 UTC, 2026-06-10 11:15:00 UTC\)/,
  );
  assertEquals(decideMissed(MEASURED, at(NOW)), null);
});
