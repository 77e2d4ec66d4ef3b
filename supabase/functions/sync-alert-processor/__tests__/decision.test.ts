import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { ALERT_METRICS, type AlertMetric } from "../../../../types/alerts.ts";
import { SEVERITIES } from "../../../../types/sync.ts";
import { decide, judge, type Measurement } from "../decision.ts";

const NOW = Date.parse("2026-06-10T12:00:00Z");
const ID = "00000000-0000-4000-8000-000000000001";
const ago = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString();
const MEASURED: Measurement = {
  rule_id: ID,
  rule_name: "Rule",
  metric: "consecutive_failures",
  entity_type: "matches_schedule",
  severity: "HIGH",
  threshold: 3,
  recovery_threshold: null,
  minimum_runs: 0,
  no_data: "KEEP",
  for_ms: 0,
  escalation_ms: 1_800_000,
  value: 3,
  runs: 10,
  execution_id: null,
  repeat_ms: 4 * 3_600_000,
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
  fired_at: ago(10),
  escalated_at: null,
  acknowledged_until: null,
  told_at: ago(10),
  last_told_at: ago(10),
};

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
  ["pending that recovered is gone", { value: 0, incident: { ...FIRING, state: "PENDING", fired_at: null } }, "GONE"],
  ["pending with nothing known stays", { value: null, incident: { ...FIRING, state: "PENDING", fired_at: null } }, null],
  ["firing that recovered is resolved", { value: 0, incident: FIRING }, "RESOLVED", "HIGH", /it is 0 runs again, after 10 minutes/],
  ["firing between the thresholds stays", { value: 2, recovery_threshold: 1, incident: FIRING }, null],
  ["firing with nothing known stays", { value: null, incident: FIRING }, null],
  ["firing that holds stays", { incident: FIRING }, null],
  [
    "firing nobody heard escalates",
    { incident: { ...FIRING, fired_at: ago(31) } },
    "FIRING",
    "CRITICAL",
    /nobody acknowledged it for 31 minutes/,
  ],
  [
    "firing escalates again only after the delay",
    { incident: { ...FIRING, severity: "MEDIUM", fired_at: ago(60), escalated_at: ago(29) } },
    null,
  ],
  ["critical does not escalate further", { incident: { ...FIRING, severity: "CRITICAL", fired_at: ago(99) } }, null],
  ["without a delay nothing escalates", { escalation_ms: null, incident: { ...FIRING, fired_at: ago(9999) } }, null],
  ["acknowledged does not escalate", { incident: { ...FIRING, state: "ACKNOWLEDGED", fired_at: ago(99) } }, null],
  ["acknowledged that recovered is resolved", { value: 0, incident: { ...FIRING, state: "ACKNOWLEDGED" } }, "RESOLVED"],
  [
    "an acknowledgement that ran out fires again",
    { incident: { ...FIRING, state: "ACKNOWLEDGED", acknowledged_until: ago(1) } },
    "FIRING",
    "HIGH",
    /ran out/,
  ],
  ["an acknowledgement that has not run out stays", { incident: { ...FIRING, state: "ACKNOWLEDGED", acknowledged_until: ago(-1) } }, null],
  ["a clock that jumped back does nothing", { incident: { ...FIRING, fired_at: ago(-600) } }, null],
];
for (const [what, measured, state, severity, reason] of STEPS) {
  Deno.test(`decision: ${what}`, () => {
    const step = decide({ ...MEASURED, ...measured }, NOW);
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
  ["what still holds when the silence is over is told then", { incident: { ...FIRING, told_at: null, last_told_at: null } }, "FIRING"],
  ["what rises is told as such", { incident: { ...FIRING, fired_at: ago(31) } }, "ESCALATED"],
  ["what rises in a silence is not told", { silenced_by: ID, incident: { ...FIRING, fired_at: ago(31) } }, null],
  [
    "what still holds after the repeat interval is told again",
    { escalation_ms: null, incident: { ...FIRING, last_told_at: ago(241) } },
    "REPEAT",
  ],
  ["in a silence nothing is repeated", { silenced_by: ID, escalation_ms: null, incident: { ...FIRING, last_told_at: ago(241) } }, null],
  ["what is over is told to who heard of it", { value: 0, incident: FIRING }, "RESOLVED"],
  ["also in a silence", { value: 0, silenced_by: ID, incident: FIRING }, "RESOLVED"],
  ["the end of what nobody heard of is not told", { value: 0, incident: { ...FIRING, told_at: null, last_told_at: null } }, null],
  ["an acknowledgement that ran out is told", { incident: { ...FIRING, state: "ACKNOWLEDGED", acknowledged_until: ago(1) } }, "FIRING"],
];
for (const [what, measured, notify] of NOTICES) {
  Deno.test(`telling: ${what}`, () => assertEquals(decide({ ...MEASURED, ...measured }, NOW)?.notify ?? null, notify as never));
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
    const step = decide({ ...MEASURED, ...rule, value, incident, silenced_by }, now);
    if (!step) continue;
    states.push({
      from: step.from_state,
      to: step.to_state,
      severity: step.severity,
      was: incident?.severity ?? step.severity,
      notify: step.notify,
    });
    const at = new Date(now).toISOString();
    incident = step.to_state === "GONE" || step.to_state === "RESOLVED" ? null : {
      ...(incident ??
        {
          id: ID,
          version: 1,
          opened_at: at,
          fired_at: null,
          escalated_at: null,
          acknowledged_until: null,
          told_at: null,
          last_told_at: null,
        }),
      state: step.to_state,
      severity: step.severity,
      fired_at: incident?.fired_at ?? (step.to_state === "FIRING" ? at : null),
      told_at: incident?.told_at ?? (step.notify ? at : null),
      last_told_at: step.notify ? at : incident?.last_told_at ?? null,
      escalated_at: incident && incident.severity !== step.severity ? at : incident?.escalated_at ?? null,
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
        isTold = step.to !== "RESOLVED" && step.to !== "GONE" && (isTold || step.notify !== null);
        if (step.from !== state) assert(state === "FIRING" && step.from === "ACKNOWLEDGED", `${state} then from ${step.from}`);
        assert(SEVERITIES.indexOf(step.severity as never) >= SEVERITIES.indexOf(step.was as never));
        if (step.to === "RESOLVED") assert(step.from === "FIRING" || step.from === "ACKNOWLEDGED");
        if (step.to === "GONE") assertEquals(step.from, "PENDING");
        state = step.to === "GONE" || step.to === "RESOLVED" ? null : step.to;
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
