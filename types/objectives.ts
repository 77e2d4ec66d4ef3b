import { z } from "zod";
import { INCIDENT_STATES } from "./alerts.ts";
import { entityScope } from "./admin.ts";
import { reason } from "./reason.ts";
import { SEVERITIES } from "./sync.ts";

/** The indicators, each with its events; a target is a share of these events. The table of objectives checks the same names. */
export const INDICATORS = {
  sync_success: { label: "results that succeeded", event: "result", events: "results" },
  timeliness: { label: "due times with a start within 15 minutes", event: "due time", events: "due times" },
  freshness: { label: "minutes with fresh match data", event: "minute", events: "minutes" },
  detection: { label: "failures noticed within 5 minutes", event: "failure", events: "failures" },
  delivery: { label: "notifications delivered within 5 minutes", event: "notification", events: "notifications" },
} as const;
export type Indicator = keyof typeof INDICATORS;
export const Indicator = z.enum(Object.keys(INDICATORS) as [Indicator, ...Indicator[]]);

export const OBJECTIVE_WINDOWS = ["7 days", "28 days", "90 days"] as const;

/**
 * MET: the window meets the target. AT_RISK: the window meets the target, and the budget ends within 3 days at the rate of the last day.
 * MISSED: the budget is overspent. NO_DATA: the window has no event.
 */
export const OBJECTIVE_STATUSES = ["MET", "AT_RISK", "MISSED", "NO_DATA"] as const;
export type ObjectiveStatus = typeof OBJECTIVE_STATUSES[number];

/** The settings of an objective; the window is in words. */
export const ObjectiveSettings = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  entity_type: z.string(),
  indicator: Indicator,
  /** The share of good events, 0.5 to 0.9999. */
  target: z.number(),
  rolling_window: z.enum(OBJECTIVE_WINDOWS),
  owner: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
});

/** The cause of bad events: an error by its fingerprint, or the channel of a delivery; all fields are null without a known cause. */
export const BudgetCause = z.object({
  fingerprint: z.string().nullable(),
  channel: z.string().nullable(),
  bad_events: z.number().int(),
  error_code: z.string().nullable(),
  message: z.string().nullable(),
});

/** A UTC day of the window, with the remaining share of the budget at its end. */
export const BudgetDay = z.object({
  from: z.string(),
  events: z.number().int(),
  bad_events: z.number().int(),
  budget_left: z.number().nullable(),
});

/** The budget of an objective in its window, in events; a negative budget is overspent, and shares are null without an event. */
export const ObjectiveBudget = ObjectiveSettings.extend({
  /** The start of the window, the last full hour before `until` - `rolling_window`. */
  from: z.string(),
  until: z.string(),
  events: z.number().int(),
  bad_events: z.number().int(),
  attainment: z.number().nullable(),
  budget_events: z.number(),
  budget_left_events: z.number(),
  /** The remaining share of the budget; negative when overspent. */
  budget_left: z.number().nullable(),
  /** The burn rate of the last day; at 1 the budget lasts exactly as long as the window. */
  burn_rate: z.number().nullable(),
  /** The end of the budget at the rate of the last day; null when it is later than a window from now, or the budget is overspent. */
  runs_out_at: z.string().nullable(),
  /** The causes of bad events, the largest first. */
  causes: z.array(BudgetCause),
  course: z.array(BudgetDay),
});
export type ObjectiveBudget = z.infer<typeof ObjectiveBudget>;

export const Objective = ObjectiveBudget.extend({ status: z.enum(OBJECTIVE_STATUSES) });
export type Objective = z.infer<typeof Objective>;

/** `GET sync-monitoring/objectives`: each objective with its three largest causes. */
export const ObjectiveListResponse = z.object({ objectives: z.array(Objective) });

/** The burn-rate rules of an objective, and the incidents of its syncs in the window. */
export const ObjectiveDetail = z.object({
  incidents: z.array(z.object({
    id: z.uuid(),
    rule_name: z.string(),
    entity_type: z.string(),
    tournament_no: z.string().nullable(),
    severity: z.enum(SEVERITIES),
    state: z.enum(INCIDENT_STATES),
    message: z.string(),
    began_at: z.string(),
    resolved_at: z.string().nullable(),
    parent_id: z.uuid().nullable(),
  })),
  rules: z.array(z.object({
    id: z.uuid(),
    name: z.string(),
    threshold: z.number(),
    evaluation_window: z.string(),
    severity: z.enum(SEVERITIES),
    is_active: z.boolean(),
  })),
});

/** `GET sync-monitoring/objectives/:id`: one objective with 20 causes. */
export const ObjectiveDetailResponse = Objective.extend(ObjectiveDetail.shape);
export type ObjectiveDetailResponse = z.infer<typeof ObjectiveDetailResponse>;

const settings = {
  name: z.string().trim().min(3).max(100),
  description: z.string().max(2000),
  entity_type: entityScope,
  indicator: Indicator,
  target: z.number().min(0.5).max(0.9999),
  rolling_window: z.enum(OBJECTIVE_WINDOWS),
  owner: z.string().trim().max(200),
};

/** `POST sync-admin/objectives`; a new objective also counts the earlier events in the rollup. */
export const CreateObjectiveRequest = z.strictObject({
  ...settings,
  description: settings.description.optional(),
  rolling_window: settings.rolling_window.optional(),
  owner: settings.owner.optional(),
  reason: reason.optional(),
});

/** `PATCH sync-admin/objectives/:id`; entity and indicator cannot change, because the past of the objective then changes too. */
export const ChangeObjectiveRequest = z.strictObject({
  name: settings.name.optional(),
  description: settings.description.optional(),
  target: settings.target.optional(),
  owner: settings.owner.optional(),
  reason: reason.optional(),
}).refine(({ reason: _, ...changes }) => Object.keys(changes).length > 0, "must change at least one field");
