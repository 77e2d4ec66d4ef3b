import { z } from "zod";
import { EntityWithPauses, RetentionSetting } from "../../types/admin.ts";
import { AlertQualityResponse } from "../../types/alert-quality.ts";
import { AlertRule, AlertSilence, ChannelState, IncidentRow } from "../../types/alerts.ts";
import {
  ErrorAnalyticsResponse,
  Execution,
  ListedError,
  PerformanceHistoryResponse,
  SyncStatisticsResponse,
  TournamentDetailResponse,
  TournamentState,
} from "../../types/history.ts";
import { ObjectiveBudget, ObjectiveDetail } from "../../types/objectives.ts";
import { as_of, page } from "./fields.ts";
import { ExecutionFacts, IncidentFacts, IncidentPage, Titles } from "./incidents.ts";

const flag = z.enum(["true", "false"]).optional();
const text = z.string().optional();
const entity_type = text;

/** A job or a run that a search found; `target` is as in `sync_jobs`. */
const FoundWork = z.object({ id: z.uuid(), entity_type: z.string(), target: z.string(), status: z.string(), at: z.string() });

/** The functions that `read_with_etag` calls. */
const READS = [
  "get_health_overview",
  "get_performance_history",
  "get_sync_statistics",
  "get_error_analytics",
  "list_errors",
  "list_executions",
  "get_execution",
  "list_tournament_states",
  "get_tournament_state",
  "list_alert_incidents",
  "get_alert_incident",
  "get_metrics_facts",
  "get_system_facts",
  "list_search_results",
  "list_objectives",
  "get_objective",
  "get_alert_quality",
  "get_weekly_report",
] as const;
export type Read = typeof READS[number];

export const READING = {
  read_with_etag: {
    args: { p: z.strictObject({ fn: z.enum(READS), p: z.record(z.string(), z.unknown()), known: z.array(z.string()) }), as_of },
    answer: z.object({ etag: z.string(), is_same: z.boolean(), body: z.unknown().optional() }),
  },
  get_performance_history: {
    args: { p: z.strictObject({ span: z.string(), step: z.string(), entity_type }), as_of },
    answer: PerformanceHistoryResponse.omit({ entity_type: true, period: true }),
  },
  get_sync_statistics: {
    args: { p: z.strictObject({ span: z.string(), entity_type }), as_of },
    answer: SyncStatisticsResponse.omit({ period: true }),
  },
  get_alert_quality: {
    args: { p: z.strictObject({ span: z.string() }), as_of },
    answer: AlertQualityResponse.omit({ period: true }),
  },
  get_error_analytics: {
    args: {
      p: z.strictObject({
        span: z.string(),
        step: z.string(),
        entity_type,
        error_type: text,
        error_code: text,
        severity: text,
        fingerprint: text,
        is_resolved: flag,
      }),
      as_of,
    },
    answer: ErrorAnalyticsResponse.omit({ period: true }),
  },
  list_errors: {
    args: {
      p: z.strictObject({
        entity_type,
        error_type: text,
        error_code: text,
        severity: text,
        tournament_no: text,
        fingerprint: text,
        is_resolved: flag,
        from: text,
        to: text,
        ...page,
      }),
    },
    answer: z.array(ListedError),
  },
  list_executions: {
    args: { p: z.strictObject({ entity_type, status: text, trigger: text, tournament_no: text, from: text, to: text, ...page }) },
    answer: z.array(Execution),
  },
  get_execution: { args: { p: z.strictObject({ id: z.uuid() }), as_of }, answer: ExecutionFacts.nullable() },
  list_tournament_states: {
    args: {
      p: z.strictObject({ search: text, season: text, failing: flag, offset: z.number().int(), limit: z.number().int() }),
      as_of,
    },
    answer: z.array(TournamentState),
  },
  get_tournament_state: { args: { p: z.strictObject({ no: z.string() }), as_of }, answer: TournamentDetailResponse.nullable() },
  list_alert_incidents: {
    args: { p: z.strictObject({ state: text, severity: text, entity_type, tournament_no: text, ...page }), as_of },
    answer: IncidentPage,
  },
  get_alert_incident: { args: { p: z.strictObject({ id: z.uuid() }), as_of }, answer: IncidentFacts.nullable() },
  list_search_results: {
    args: {
      p: z.strictObject({ text: z.string(), metrics: z.array(z.string()), codes: z.array(z.string()), limit: z.number().int() }),
    },
    answer: z.object({
      titles: Titles,
      entities: z.array(z.object({ entity_type: z.string(), title: z.string() })),
      incidents: z.array(IncidentRow),
      tournaments: z.array(z.object({ no: z.string(), name: z.string(), code: z.string().nullable(), season: z.string().nullable() })),
      rules: z.array(z.object({ id: z.uuid(), name: z.string(), entity_type: z.string() })),
      jobs: z.array(FoundWork),
      runs: z.array(FoundWork),
    }),
  },
  list_objectives: { args: { as_of }, answer: z.array(ObjectiveBudget) },
  get_objective: {
    args: { p: z.strictObject({ id: z.uuid() }), as_of },
    answer: ObjectiveBudget.extend(ObjectiveDetail.shape).nullable(),
  },
  list_alert_rules: { args: {}, answer: z.array(AlertRule) },
  list_alert_silences: {
    args: { p: z.strictObject({ after_at: z.string().optional(), after_id: z.string().optional(), limit: z.number().int() }), as_of },
    answer: z.array(AlertSilence),
  },
  list_notification_channels: { args: {}, answer: z.array(ChannelState) },
  list_entities: { args: {}, answer: z.array(EntityWithPauses) },
  list_retention_settings: { args: {}, answer: z.array(RetentionSetting) },
};
