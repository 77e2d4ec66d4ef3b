import { z } from "zod";
import { RecordedIncident } from "../../types/backtest.ts";
import { CreateRuleRequest, RuleChanges } from "../../types/admin.ts";
import { AlertMetric } from "../../types/alerts.ts";
import { SEVERITIES } from "../../types/sync.ts";
import { BadRuns, DestinationState, Measurement, Recipients, Scope } from "./alerts.ts";
import { as_of } from "./fields.ts";

const moment = z.string().nullable();

/** The settings of a rule in a measurement. */
const Rule = Measurement.pick({
  rule_id: true,
  rule_name: true,
  metric: true,
  severity: true,
  entity_type: true,
  threshold: true,
  recovery_threshold: true,
  minimum_runs: true,
  no_data: true,
  for_ms: true,
  repeat_ms: true,
  escalation_ms: true,
  escalation_channels: true,
  flap_ms: true,
  channels: true,
});

/** A measured value, with the time of its evaluation in ms since the epoch; the value holds until the next one. */
const MeasuredValue = Measurement.pick({
  value: true,
  runs: true,
  since: true,
  execution_id: true,
  fingerprint: true,
  evidence: true,
  is_paused: true,
  no_data: true,
  is_sole_cause: true,
  is_stale: true,
  bad_runs: true,
  uncovered: true,
}).extend({
  at: z.number(),
  /** The run that shows the value: its start and its entity. */
  run_at: moment,
  run_entity: z.string().nullable(),
});
export type MeasuredValue = z.infer<typeof MeasuredValue>;

const PastSilence = z.object({
  id: z.uuid(),
  entity_type: z.string().nullable(),
  severity: z.enum(SEVERITIES).nullable(),
  incident_id: z.uuid().nullable(),
  starts_at: z.string(),
  ends_at: z.string(),
  recurs_ms: z.number().nullable(),
  lasts_ms: z.number().nullable(),
});
export type PastSilence = z.infer<typeof PastSilence>;

/** An act of a person on an incident of the rule. */
const PastAct = z.object({ at: z.number(), action: z.enum(["acknowledge", "unacknowledge", "resolve"]), until: moment });
export type PastAct = z.infer<typeof PastAct>;

/** A recorded incident of another rule, with the states that were queued for its destinations. */
const OtherIncident = Scope.extend({
  metric: AlertMetric,
  window_ms: z.number(),
  severity: z.enum(SEVERITIES),
  threshold: z.number(),
  channels: z.array(z.string()),
  cause: z.string().nullable(),
  evidence: z.record(z.string(), z.unknown()),
  fired_at: z.string(),
  notified_at: moment,
  resolved_at: moment,
  bad_runs: z.array(BadRuns),
  states: z.array(DestinationState.omit({ is_dead: true }).extend({ at: z.string(), dead_at: moment })),
});
export type OtherIncident = z.infer<typeof OtherIncident>;

/** The answer of `replay_alert_rule`: every fact of the past that a replay needs. */
const ReplayFacts = z.object({
  as_of: z.string(),
  from: z.string(),
  scope: z.enum(["ENTITY", "TOURNAMENT"]),
  rule: Rule,
  recipients: Recipients,
  channels: z.record(z.string(), z.object({ group_window_ms: z.number(), hourly_limit: z.number() })),
  /** The times of the stored evaluations in ms since the epoch. */
  evaluations: z.array(z.number()),
  values: z.array(MeasuredValue),
  /** The runs that were missed in a gap of the evaluations, at the first evaluation after it. */
  missed: z.array(z.object({ at: z.number(), missed: Measurement.shape.missed })),
  silences: z.array(PastSilence),
  acts: z.array(PastAct),
  others: z.array(OtherIncident),
  actual: z.object({ incidents: z.array(RecordedIncident), notifications: z.number().int(), messages: z.number().int() }).nullable(),
});
export type ReplayFacts = z.infer<typeof ReplayFacts>;

export const REPLAY = {
  replay_alert_rule: {
    args: {
      p: z.strictObject({
        id: z.uuid().optional(),
        rule: z.union([CreateRuleRequest, RuleChanges]),
        since: z.string(),
        /** The metrics whose past values are kept. */
        metrics: z.array(AlertMetric),
      }),
      as_of,
    },
    answer: ReplayFacts,
  },
};
