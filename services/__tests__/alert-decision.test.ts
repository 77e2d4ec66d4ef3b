// Past 300 lines, because each state and each input of the decision has its case here.
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { ALERT_METRICS, type AlertMetric } from "../../types/alerts.ts";
import { SEVERITIES } from "../../types/sync.ts";
import { decideAll } from "../alert-causes.ts";
import { decide, decideMissed, type EvaluationContext, judge, type Measurement } from "../alert-decision.ts";

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
  notified_channels: ["dashboard"],
  is_flapping: false,
  recovered_at: null,
  parent: null,
};
const at = (now: number, context: Partial<EvaluationContext> = {}): EvaluationContext => ({
  now,
  watchedSince: null,
  parent: null,
  inherited: null,
  ...context,
});

const VERDICTS: [string, Partial<Measurement>, string][] = [
  ["at its threshold", { value: 3 }, "BREACH"],
  ["under it", { value: 2.9 }, "RECOVERED"],
  ["between threshold and recovery", { value: 2, recovery_threshold: 1 }, "BETWEEN"],
  ["under its recovery threshold", { value: 0.9, recovery_threshold: 1 }, "RECOVERED"],
  ["a ratio under its threshold", { metric: "success_rate", threshold: 0.95, value: 0.94 }, "BREACH"],
  ["a ratio at its threshold", { metric: "success_rate", threshold: 0.95, value: 0.95 }, "RECOVERED"],
  ["a ratio between", { metric: "success_rate", threshold: 0.95, recovery_threshold: 0.97, value: 0.96 }, "BETWEEN"],
  ["unknown", { value: null }, "UNKNOWN"],
  ["unknown, which counts as well", { value: null, no_data: "OK" }, "RECOVERED"],
  ["unknown, which is an alert", { value: null, no_data: "ALERT" }, "BREACH"],
  ["over too few runs", { value: 9, runs: 3, minimum_runs: 4 }, "UNKNOWN"],
];
for (const [what, measured, verdict] of VERDICTS) {
  Deno.test(`a value ${what} is ${verdict}`, () => assertEquals(judge({ ...MEASURED, ...measured }), verdict as never));
}

const STEPS: [string, Partial<Measurement>, string | null, string?, RegExp?][] = [
  ["a breach fires", {}, "FIRING", "HIGH", /consecutive failures of matches_schedule is 3 runs, at or above 3 runs/],
  ["a breach that must hold is pending", { for_ms: 60_000 }, "PENDING", "HIGH", /must hold for 1 minutes/],
  ["no breach opens nothing", { value: 0 }, null],
  ["nothing known opens nothing", { value: null }, null],
  [
    "pending that held fires",
    { for_ms: 300_000, incident: { ...FIRING, state: "PENDING", fired_at: null } },
    "FIRING",
    "HIGH",
    /for 10 minutes/,
  ],
  ["pending that has not held yet stays", { for_ms: 900_000, incident: { ...FIRING, state: "PENDING", fired_at: null } }, null],
  ["pending that recovered is gone", { value: 0, incident: { ...FIRING, state: "PENDING", fired_at: null } }, "DISCARDED"],
  ["pending with nothing known stays", { value: null, incident: { ...FIRING, state: "PENDING", fired_at: null } }, null],
  ["firing that recovered is resolved", { value: 0, incident: FIRING }, "RESOLVED", "HIGH", /it is 0 runs again, after 10 minutes/],
  ["firing between the thresholds stays", { value: 2, recovery_threshold: 1, incident: FIRING }, null],
  ["firing with nothing known stays", { value: null, incident: FIRING }, null],
  ["firing that holds stays", { incident: FIRING }, null],
  [
    "firing nobody heard escalates",
    { incident: { ...FIRING, notified_at: ago(31) } },
    "FIRING",
    "CRITICAL",
    /nobody acknowledged it for 31 minutes/,
  ],
  [
    "firing escalates again only after the delay",
    { incident: { ...FIRING, severity: "MEDIUM", notified_at: ago(60), escalated_at: ago(29) } },
    null,
  ],
  ["critical does not escalate further", { incident: { ...FIRING, severity: "CRITICAL", notified_at: ago(99) } }, null],
  ["without a delay nothing escalates", { escalation_ms: null, incident: { ...FIRING, notified_at: ago(9999) } }, null],
  ["acknowledged does not escalate", { incident: { ...FIRING, state: "ACKNOWLEDGED", notified_at: ago(99) } }, null],
  ["acknowledged that recovered is resolved", { value: 0, incident: { ...FIRING, state: "ACKNOWLEDGED" } }, "RESOLVED"],
  [
    "an acknowledgement that ran out fires again",
    { incident: { ...FIRING, state: "ACKNOWLEDGED", acknowledged_until: ago(1) } },
    "FIRING",
    "HIGH",
    /ran out/,
  ],
  ["an acknowledgement that has not run out stays", { incident: { ...FIRING, state: "ACKNOWLEDGED", acknowledged_until: ago(-1) } }, null],
  ["a clock that jumped back does nothing", { incident: { ...FIRING, notified_at: ago(-600), last_notified_at: ago(-600) } }, null],
];
for (const [what, measured, state, severity, reason] of STEPS) {
  Deno.test(`decision: ${what}`, () => {
    const step = decide({ ...MEASURED, ...measured }, at(NOW));
    assertEquals(step?.to_state ?? null, state as never);
    if (severity) assertEquals(step?.severity, severity as never);
    if (reason) assertMatch(String(step?.reason), reason);
    if (step && measured.incident) assertEquals([step.incident_id, step.version], [ID, 4]);
  });
}

const NOTICES: [string, Partial<Measurement>, string | null][] = [
  ["what fires is told", {}, "FIRING"],
  ["what is pending is not told", { for_ms: 60_000 }, null],
  ["what fires in a silence is not told", { silenced_by: ID }, null],
  [
    "what still holds when the silence is over is told then",
    { incident: { ...FIRING, notified_at: null, last_notified_at: null } },
    "FIRING",
  ],
  ["what rises is told as such", { incident: { ...FIRING, notified_at: ago(31) } }, "ESCALATED"],
  ["what rises in a silence is not told", { silenced_by: ID, incident: { ...FIRING, notified_at: ago(31) } }, null],
  [
    "what still holds after the repeat interval is told again",
    { escalation_ms: null, incident: { ...FIRING, last_notified_at: ago(241) } },
    "REPEAT",
  ],
  ["in a silence nothing is repeated", { silenced_by: ID, escalation_ms: null, incident: { ...FIRING, last_notified_at: ago(241) } }, null],
  ["what is over is told to who heard of it", { value: 0, incident: FIRING }, "RESOLVED"],
  ["also in a silence", { value: 0, silenced_by: ID, incident: FIRING }, "RESOLVED"],
  ["the end of what nobody heard of is not told", { value: 0, incident: { ...FIRING, notified_at: null, last_notified_at: null } }, null],
  ["an acknowledgement that ran out is told", { incident: { ...FIRING, state: "ACKNOWLEDGED", acknowledged_until: ago(1) } }, "FIRING"],
];
for (const [what, measured, notify] of NOTICES) {
  Deno.test(`telling: ${what}`, () => assertEquals(decide({ ...MEASURED, ...measured }, at(NOW))?.notify ?? null, notify as never));
}

/** Plays a history of values through the decision, as the database would keep the incident between steps. */
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
    const step = decide({ ...MEASURED, ...rule, value, incident, silenced_by }, at(now));
    if (!step) continue;
    states.push({
      from: step.from_state,
      to: step.to_state,
      severity: step.severity,
      was: incident?.severity ?? step.severity,
      notify: step.notify,
    });
    const moment = new Date(now).toISOString();
    incident = step.to_state === "DISCARDED" || step.to_state === "RESOLVED" ? null : {
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
          notified_channels: [],
          recovered_at: null,
          parent: null,
          acknowledged_until: null,
          notified_at: null,
          last_notified_at: null,
        }),
      state: step.to_state,
      severity: step.severity,
      is_flapping: step.is_flapping,
      recovered_at: step.recovered_at,
      escalation_step: step.escalation_step,
      fired_at: incident?.fired_at ?? (step.to_state === "FIRING" ? moment : null),
      notified_at: incident?.notified_at ?? (step.notify ? moment : null),
      last_notified_at: step.notify ? moment : incident?.last_notified_at ?? null,
      escalated_at: incident && incident.severity !== step.severity ? moment : incident?.escalated_at ?? null,
    };
  }
  return { states, incident };
}

const beat = fc.record({
  value: fc.option(fc.integer({ min: 0, max: 6 })),
  minutes: fc.integer({ min: 0, max: 40 }),
  acknowledge: fc.boolean(),
});
const rule = fc.record({
  for_ms: fc.constantFrom(0, 300_000, 1_800_000),
  recovery_threshold: fc.constantFrom(null, 1, 2),
  escalation_ms: fc.constantFrom(null, 600_000),
});

Deno.test("over any history: every opening ends when the input is well again, steps chain, severity only rises, RESOLVED only after FIRING", () => {
  fc.assert(
    fc.property(rule, fc.array(beat, { maxLength: 60 }), (limits, history) => {
      const well = { value: 0, minutes: 1, acknowledge: false };
      const { states, incident } = play(limits, [...history, well]);
      assertEquals(incident, null);
      let state: string | null = null;
      let isTold = false;
      for (const step of states) {
        if (step.to === "RESOLVED") assertEquals(step.notify === "RESOLVED", isTold);
        isTold = step.to !== "RESOLVED" && step.to !== "DISCARDED" && (isTold || step.notify !== null);
        if (step.from !== state) assert(state === "FIRING" && step.from === "ACKNOWLEDGED", `${state} then from ${step.from}`);
        assert(SEVERITIES.indexOf(step.severity as never) >= SEVERITIES.indexOf(step.was as never));
        if (step.to === "RESOLVED") assert(step.from === "FIRING" || step.from === "ACKNOWLEDGED");
        if (step.to === "DISCARDED") assertEquals(step.from, "PENDING");
        state = step.to === "DISCARDED" || step.to === "RESOLVED" ? null : step.to;
      }
    }),
    { numRuns: 2_000, seed: 7 },
  );
});

Deno.test("acknowledging stops escalation, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 40 }), (gaps) => {
      const held = gaps.map((minutes) => ({ value: 5, minutes, acknowledge: false }));
      const { states } = play({ escalation_ms: 600_000 }, [{ value: 5, minutes: 0, acknowledge: false }, {
        value: 5,
        minutes: 1,
        acknowledge: true,
      }, ...held]);
      assertEquals(states.map((step) => step.to), ["FIRING"]);
    }),
    { numRuns: 500, seed: 7 },
  );
});

Deno.test("without change there is no step: deciding twice on what was just applied gives nothing", () => {
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
const told = (measurements: Measurement[]) =>
  decideAll(measurements, NOW, null).map((step) => `${step.rule_name}: ${step.notify ?? `silent under ${step.parent?.rule_name}`}`);

Deno.test("a hung run that breaks five rules is told once, by the most specific, at the severity of the worst", () => {
  const broken = { value: 9, threshold: 1, execution_id: RUN } as const;
  const rules = [
    RULE("failures", { ...broken, severity: "CRITICAL" }),
    RULE("rate", { ...broken, metric: "success_rate", value: 0, entity_type: "all" }),
    RULE("stuck", { ...broken, metric: "stuck_execution", severity: "LOW" }),
    RULE("duration", { ...broken, metric: "duration_exceeded" }),
    RULE("memory", { ...broken, metric: "memory_usage" }),
  ];
  assertEquals(told(rules), [
    "stuck: FIRING",
    "failures: silent under stuck",
    "rate: silent under stuck",
    "duration: silent under stuck",
    "memory: silent under stuck",
  ]);
  assertEquals(decideAll(rules, NOW, null)[0]?.severity, "CRITICAL");
});

Deno.test("what another run shows, what no run shows, and what is pending speaks for itself and for nobody else", () => {
  const broken = { value: 9, threshold: 1, execution_id: RUN } as const;
  assertEquals(
    told([
      RULE("stuck", { ...broken, metric: "stuck_execution", for_ms: 60_000 }),
      RULE("failures", broken),
      RULE("duration", { ...broken, metric: "duration_exceeded", execution_id: OTHER_RUN }),
      RULE("overdue", { ...broken, metric: "sync_overdue", execution_id: null }),
    ]).filter((line) => !line.startsWith("stuck")),
    ["failures: FIRING", "duration: FIRING", "overdue: FIRING"],
  );
});

Deno.test("under a shared failure the tournaments with its fingerprint are silent; one that fails for its own reason speaks", () => {
  const tournament = (no: string, fingerprint: string) =>
    RULE(`tournament ${no}`, { tournament_no: no, fingerprint, execution_id: RUN, severity: "MEDIUM" });
  const rules = [
    tournament("1", "down"),
    tournament("2", "down"),
    tournament("3", "own reason"),
    RULE("failures", { fingerprint: "down", execution_id: RUN }),
    RULE("shared", { metric: "shared_failure", entity_type: "all", fingerprint: "down", execution_id: RUN }),
  ];
  assertEquals(told(rules), [
    "tournament 3: FIRING",
    "shared: FIRING",
    "tournament 1: silent under shared",
    "tournament 2: silent under shared",
    "failures: silent under shared",
  ]);
});

Deno.test("who speaks for others tells where they would be told, also when they come later", () => {
  const child = RULE("failures", { execution_id: RUN, channels: ["hook"] });
  const speaker = RULE("stuck", { metric: "stuck_execution", execution_id: RUN, channels: ["dashboard"] });
  assertEquals(decideAll([child, speaker], NOW, null)[0]?.channels, ["dashboard", "hook"]);
  const later = decideAll([child, { ...speaker, incident: FIRING }], NOW, null)[0];
  assertEquals([later?.notify, later?.channels], ["FIRING", ["hook"]]);
  const known = decideAll([child, { ...speaker, incident: { ...FIRING, notified_channels: ["dashboard", "hook"] } }], NOW, null);
  assertEquals(known.map((step) => step.rule_name), ["failures"]);
});

Deno.test("what hangs under another neither rises nor repeats, tells its end if its beginning was told, and speaks when left alone", () => {
  const speaker = { rule_id: ID, rule_name: "Speaker", entity_type: "all", tournament_no: null };
  const old = { ...FIRING, notified_at: ago(9999), last_notified_at: ago(9999), parent: speaker };
  const under = at(NOW, { parent: speaker });
  assertEquals(decide({ ...MEASURED, incident: old }, under), null);
  assertEquals(decide({ ...MEASURED, incident: { ...old, parent: null } }, under)?.notify, null);
  assertEquals(decide({ ...MEASURED, value: 0, incident: old }, under)?.notify, "RESOLVED");
  assertEquals(decide({ ...MEASURED, value: 0, incident: { ...old, notified_at: null } }, under)?.notify, null);
  assertEquals(decide({ ...MEASURED, incident: { ...old, notified_at: null } }, at(NOW))?.notify, "FIRING");
  assertMatch(String(decide({ ...MEASURED, incident: old }, at(NOW))?.reason), /hangs under Speaker no longer/);
});

Deno.test("what speaks already goes on speaking, and rises when something worse turns out to have the same cause", () => {
  const rules = [
    RULE("duration", { metric: "duration_exceeded", execution_id: RUN, severity: "MEDIUM", incident: { ...FIRING, severity: "MEDIUM" } }),
    RULE("stuck", { metric: "stuck_execution", execution_id: RUN, severity: "CRITICAL" }),
  ];
  assertEquals(told(rules), ["duration: ESCALATED", "stuck: silent under duration"]);
  const silenced = rules.map((rule) => rule.rule_name === "duration" ? { ...rule, silenced_by: ID } : rule);
  assertEquals(told(silenced)[0], "stuck: FIRING", "who is silenced speaks for nobody");
});

Deno.test("escalation tells the channels of each step besides those before, up to the last step", () => {
  const rule = { ...MEASURED, escalation_channels: [["team"], ["chief"]] };
  const late = { ...FIRING, notified_at: ago(31) };
  assertEquals(decide({ ...rule, incident: late }, at(NOW))?.channels, ["dashboard", "team"]);
  const second = { ...late, severity: "CRITICAL", escalation_step: 1, escalated_at: ago(31) } as const;
  assertEquals(decide({ ...rule, incident: second }, at(NOW))?.channels, ["dashboard", "team", "chief"]);
  assertEquals(decide({ ...rule, incident: { ...second, escalation_step: 2 } }, at(NOW)), null);
  assertEquals(decide({ ...rule, value: 0, incident: { ...second, escalation_step: 2 } }, at(NOW))?.channels, [
    "dashboard",
    "team",
    "chief",
  ]);
});

Deno.test("what keeps coming back is told as flapping once, and over only when it stayed well for half the window", () => {
  const values = [3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 0, 0];
  const opened: number[] = [];
  let incident: Measurement["incident"] = null;
  const heard: string[] = [];
  values.forEach((value, index) => {
    const now = NOW + index * 12 * 60_000;
    const resolved_recently = incident ? 0 : opened.length;
    const step = decide({ ...MEASURED, value, incident, resolved_recently, flap_ms: 3_600_000 }, at(now));
    if (!step) return;
    if (step.notify) heard.push(step.notify);
    if (step.to_state === "RESOLVED") {
      opened.push(now);
      incident = null;
      return;
    }
    const moment = new Date(now).toISOString();
    const before: NonNullable<Measurement["incident"]> = incident ??
      { ...FIRING, opened_at: moment, notified_at: moment, last_notified_at: moment };
    incident = { ...before, is_flapping: step.is_flapping, recovered_at: step.recovered_at };
  });
  assertEquals(heard, ["FIRING", "RESOLVED", "FIRING", "RESOLVED", "FIRING", "RESOLVED", "FLAPPING"]);
  const well = { ...MEASURED, value: 0, incident: { ...FIRING, is_flapping: true, recovered_at: ago(31) } };
  assertEquals(decide(well, at(NOW))?.notify, "RESOLVED");
});

Deno.test("a stretch in which nobody looked does not count as holding", () => {
  const pending = { ...MEASURED, for_ms: 300_000, incident: { ...FIRING, state: "PENDING" as const, fired_at: null } };
  assertEquals(decide(pending, at(NOW, { watchedSince: NOW })), null);
  assertEquals(decide(pending, at(NOW, { watchedSince: Date.parse(ago(5)) }))?.to_state, "FIRING");
});

Deno.test("runs missed while nobody evaluated, and made good since, are one incident that is over, by the time of the due runs", () => {
  const run = (minutes: number) => ({ due_at: ago(minutes), overdue_at: ago(minutes - 5), made_good_at: ago(10) });
  const step = decideMissed({ ...MEASURED, metric: "sync_overdue", value: 0, missed: [run(60), run(45)] }, at(NOW));
  assertEquals([step?.to_state, step?.notify, step?.began_at, step?.resolved_at, step?.missed_due_at], [
    "RESOLVED",
    "MISSED",
    ago(55),
    ago(10),
    ago(60),
  ]);
  assertMatch(String(step?.reason), /2 runs of matches_schedule did not begin when due/);
  assertEquals(decideMissed(MEASURED, at(NOW)), null);
});
