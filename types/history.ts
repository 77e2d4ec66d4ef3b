// Over 300 lines, because the responses of the reads refer to each other.
import { z } from "zod";
import { AlertIncident } from "./alerts.ts";
import { ERROR_TYPES, LEFT_OUT_REASONS, NamedTournament, SEVERITIES, TERMINAL_STATUSES, TOURNAMENT_PRIORITIES } from "./sync.ts";

const figure = z.number().nullable();
const share = z.number().min(0).max(1).nullable();
const count = z.number().int();

/** The periods and the widths of their buckets; a width from 15 minutes on is a resolution of the rollup, a shorter one needs the runs. */
export const PERIODS = {
  "1h": { span: "1 hour", step: "1 minute" },
  "6h": { span: "6 hours", step: "5 minutes" },
  "24h": { span: "24 hours", step: "15 minutes" },
  "7d": { span: "7 days", step: "1 hour" },
  "30d": { span: "30 days", step: "1 hour" },
  "90d": { span: "90 days", step: "1 day" },
  "1y": { span: "365 days", step: "1 day" },
} as const;
export const Period = z.enum(Object.keys(PERIODS) as [keyof typeof PERIODS, ...(keyof typeof PERIODS)[]]);

/** The ratios of the requests to the upstream; null without a divisor. */
const upstreamRatios = {
  /** The share of the checked tournaments that were fresh: cache_hits / (cache_hits + cache_misses). */
  cache_hit_ratio: share,
  /** The share of requests that freshness saved: cache_hits / (cache_hits + api_calls), with one request for each fresh tournament. */
  api_call_reduction: share,
  /** The share of the bytes of full replies that VIS did not send: api_bytes_saved / (api_bytes_saved + api_bytes). */
  api_call_volume_reduction: share,
  /** The share of requests that were a retry or a forced full read, or that VIS answered in XML: api_fallbacks / api_calls. */
  api_fallback_ratio: share,
};

/**
 * The runs that started in a bucket. Rates and durations count full runs, records and errors every run; null is unknown. Percentiles are
 * null in the points of all entities together.
 */
export const PerformanceDataPoint = z.object({
  timestamp: z.string(),
  success_rate: share,
  duration_ms: figure,
  p50_duration_ms: figure,
  p95_duration_ms: figure,
  p99_duration_ms: figure,
  records_processed: count.nullable(),
  memory_usage_mb: figure,
  error_count: count.nullable(),
  runs: count,
  /** The number of missed runs; null before the entity existed. */
  runs_missed: count.nullable(),
  cache_hit_ratio: share,
  api_response_ms: figure,
});
export type PerformanceDataPoint = z.infer<typeof PerformanceDataPoint>;

/** The figures of the exact period, while the points begin at a bucket; `from` is earlier when the runs at its start are pruned. */
export const AggregatedMetrics = z.object({
  from: z.string(),
  until: z.string(),
  runs: count,
  success_rate: share,
  average_duration_ms: figure,
  p50_duration_ms: figure,
  p95_duration_ms: figure,
  p99_duration_ms: figure,
  records_processed: count,
  peak_memory_mb: figure,
  error_count: count,
  runs_missed: count.nullable(),
  api_calls: count,
  api_response_ms: figure,
  database_calls: count,
  ...upstreamRatios,
});

/** `GET sync-monitoring/performance-history`. */
export const PerformanceHistoryResponse = z.object({
  entity_type: z.string(),
  period: Period,
  from: z.string(),
  until: z.string(),
  step_ms: z.number(),
  data_points: z.array(PerformanceDataPoint).max(750),
  aggregated_metrics: AggregatedMetrics,
});
export type PerformanceHistoryResponse = z.infer<typeof PerformanceHistoryResponse>;

/** The figures of one window; rates and durations count full runs, the other figures every run. */
export const StatisticsFigures = z.object({
  runs: count,
  by_trigger: z.object({ CRON: count, MANUAL: count, RETRY: count }),
  succeeded: count,
  partial: count,
  failed: count,
  timed_out: count,
  cancelled: count,
  skipped: count,
  success_rate: share,
  average_duration_ms: figure,
  p50_duration_ms: figure,
  p95_duration_ms: figure,
  p99_duration_ms: figure,
  records_processed: count,
  records_rejected: count,
  records_per_second: figure,
  records_per_api_call: figure,
  api_calls: count,
  api_errors: count,
  api_retries: count,
  api_full_reads: count,
  api_xml_replies: count,
  api_unchanged_replies: count,
  api_fallbacks: count,
  api_bytes: count,
  api_bytes_saved: count,
  database_calls: count,
  errors: count,
  ...upstreamRatios,
});

/** `GET sync-monitoring/sync-statistics`: a row for all entities (null) and a row for each; a window without runs has null figures. */
export const SyncStatisticsResponse = z.object({
  period: Period,
  from: z.string(),
  until: z.string(),
  previous_from: z.string(),
  statistics: z.array(z.object({
    entity_type: z.string().nullable(),
    current: StatisticsFigures.nullable(),
    previous: StatisticsFigures.nullable(),
  })),
});

/** `GET sync-monitoring/error-analytics`. */
export const ErrorAnalyticsResponse = z.object({
  period: Period,
  from: z.string(),
  until: z.string(),
  total: count,
  open: count,
  by_type: z.record(z.string(), count),
  by_code: z.record(z.string(), count),
  by_severity: z.record(z.string(), count),
  by_entity: z.record(z.string(), count),
  /** The 20 tournaments with the most errors. */
  by_tournament: z.array(z.object({ tournament_no: z.string(), ...NamedTournament.pick({ name: true, gender: true }).shape, count })),
  trend: z.array(z.object({ timestamp: z.string(), count, by_code: z.record(z.string(), count) })).max(750),
  /** The 50 most frequent fingerprints, each with its latest error; a regression is an error that occurred again after it was resolved. */
  groups: z.array(z.object({
    fingerprint: z.string(),
    count,
    first_seen: z.string(),
    last_seen: z.string(),
    message: z.string(),
    error_code: z.string(),
    error_type: z.enum(ERROR_TYPES),
    severity: z.enum(SEVERITIES),
    tournament_no: z.string().nullable(),
    open: count,
    is_regression: z.boolean(),
    /** The number of errors of the fingerprint in 24 equal parts of the period, the oldest first. */
    trend: z.array(count).length(24),
  })),
  resolution_ms: z.object({ count, average: figure, p50: figure, p95: figure }),
});

/** A run in a list. */
export const Execution = z.object({
  id: z.uuid(),
  entity_type: z.string(),
  tournament_no: z.string().nullable(),
  status: z.enum(["RUNNING", ...TERMINAL_STATUSES]),
  status_reason: z.string().nullable(),
  success: z.boolean().nullable(),
  trigger: z.enum(["CRON", "MANUAL", "RETRY"]),
  sync_job_id: z.uuid().nullable(),
  correlation_id: z.string().nullable(),
  /** The due time of a scheduled run, and the number of the call that started it; null for other runs. */
  due_at: z.string().nullable(),
  attempt: count.nullable(),
  /** Whether the run ended at its budget, so that one run of the remaining tournaments follows. */
  was_cut: z.boolean(),
  execution_start: z.string(),
  execution_end: z.string().nullable(),
  duration_ms: figure,
  current_stage: z.string().nullable(),
  tournaments_total: count.nullable(),
  tournaments_processed: count,
  tournaments_failed: count,
  records_read: count,
  records_inserted: count,
  records_updated: count,
  records_unchanged: count,
  records_removed: count,
  records_rejected: count,
  records_processed: count,
  api_calls: count,
  api_errors: count,
  api_retries: count,
  api_bytes: count,
  api_bytes_saved: count,
  api_full_reads: count,
  api_xml_replies: count,
  api_unchanged_replies: count,
  api_fallbacks: count,
  api_response_ms_total: count,
  api_response_ms_max: count.nullable(),
  cache_hits: count,
  cache_misses: count,
  memory_usage_mb: figure,
  database_calls: count,
  /** The largest number of database calls that were open at once. */
  database_connections_peak: count.nullable(),
  /** The estimated CPU of the worker during the run; null when none was recorded. */
  cpu_ms: count.nullable(),
  error_count: count,
});
export const ExecutionListResponse = z.object({ executions: z.array(Execution), next_cursor: z.string().nullable() });

/** A classified error; its context is redacted. */
export const SyncErrorRecord = z.object({
  id: z.uuid(),
  sync_execution_id: z.uuid().nullable(),
  entity_type: z.string(),
  tournament_no: z.string().nullable(),
  error_type: z.enum(ERROR_TYPES),
  error_code: z.string(),
  error_severity: z.enum(SEVERITIES),
  retryable: z.boolean(),
  error_message: z.string(),
  error_context: z.unknown(),
  recovery_suggestion: z.string().nullable(),
  fingerprint: z.string(),
  occurred_at: z.string(),
  resolved_at: z.string().nullable(),
  resolution_notes: z.string().nullable(),
});
/** An error in a list, with its tournament. */
export const ListedError = SyncErrorRecord.extend({ tournament: NamedTournament.nullable() });
export const ErrorListResponse = z.object({ errors: z.array(ListedError), next_cursor: z.string().nullable() });

/** `GET sync-monitoring/executions/:id`: the run with its tournaments, first 200 errors, job, incidents, and the runs for comparison. */
export const ExecutionDetailResponse = Execution.extend({
  tournaments: z.array(z.object({
    tournament_no: z.string(),
    ...NamedTournament.omit({ no: true }).shape,
    success: z.boolean(),
    records_processed: count.nullable(),
    /** The start of the work on the tournament; null when none was recorded. Tournaments of one batch have the same start. */
    started_at: z.string().nullable(),
    duration_ms: figure,
    error_type: z.enum(ERROR_TYPES).nullable(),
    error_message: z.string().nullable(),
    /** The `fingerprint` in `error_groups` of the error of the tournament. */
    error_fingerprint: z.string().nullable(),
    /** Why the reply of a success was held back for a second look; null when it was written. */
    warning_code: z.string().nullable(),
    /** The number of retried requests. */
    retry_attempt: count,
    /** The requests of a tournament with a retry: the start of each in ms since `started_at`, and its response time. */
    attempts: z.array(z.object({ from_ms: count, ms: count })),
    /** The size of the reply of the tournament; null for a failure, and for a tournament of the list of a season. */
    reply_bytes: count.nullable(),
  })),
  /** The tournaments that the run did not sync, by reason, with the first 20 of each; TIMED_OUT has only a count. */
  left_out: z.array(z.object({ reason: z.enum(LEFT_OUT_REASONS), count, tournaments: z.array(NamedTournament).max(20) })),
  /** The full run before; null for the first run, and for a run of named tournaments. */
  previous_run: z.object({
    id: z.uuid(),
    status: z.enum(TERMINAL_STATUSES),
    execution_start: z.string(),
    duration_ms: figure,
    records_processed: count,
    tournaments_processed: count,
    tournaments_failed: count,
    api_calls: count,
    api_retries: count,
    database_calls: count,
    cpu_ms: count.nullable(),
  }).nullable(),
  /**
   * The medians, and the p95 of the duration, of at most 1,000 full runs that ended SUCCEEDED or PARTIAL in the 7 days before. Null without
   * such a run, and for a run of named tournaments.
   */
  usual: z.object({
    runs: count,
    p50_duration_ms: figure,
    p95_duration_ms: figure,
    records_processed: count,
    api_calls: count,
    api_retries: count,
    database_calls: count,
    cpu_ms: count.nullable(),
  }).nullable(),
  /** The call of the database that started the run; null for a run of another caller, and after the call is pruned. */
  call: z.object({
    id: z.uuid(),
    called_at: z.string(),
    /** The status of the answer; null without a stored answer, because pg_net keeps answers only for hours. */
    status_code: count.nullable(),
    answered_ms: figure,
  }).nullable(),
  errors: z.array(SyncErrorRecord),
  /** The 50 most frequent fingerprints of the run, each with its first error and its first 20 tournaments. */
  error_groups: z.array(z.object({
    fingerprint: z.string(),
    count,
    error_code: z.string(),
    error_type: z.enum(ERROR_TYPES),
    severity: z.enum(SEVERITIES),
    message: z.string(),
    suggestion: z.string().nullable(),
    tournaments: z.array(NamedTournament).max(20),
  })).max(50),
  job: z.object({
    id: z.uuid(),
    status: z.string(),
    priority: z.string(),
    triggered_by: z.string(),
    reason: z.string(),
    attempts: count,
  }).nullable(),
  /** The incidents with the run in their evidence or among their bad runs. */
  incidents: z.array(
    AlertIncident.pick({ id: true, cause: true, scope: true, rule_name: true, severity: true, opened_at: true })
      .extend({ state: z.string() }),
  ),
});

/** The sync state of a tournament; `success_rate` covers at most the last 50 stored results (`results`). Durations are in ms. */
export const TournamentState = z.object({
  ...NamedTournament.shape,
  season: z.string().nullable(),
  status: count.nullable(),
  end_date: z.string().nullable(),
  is_vanished: z.boolean(),
  /** The priority; null for a tournament that the schedule does not sync. */
  priority: z.enum(TOURNAMENT_PRIORITIES).nullable(),
  synced_at: z.string().nullable(),
  age_ms: figure,
  ttl_ms: figure,
  /** The time until the TTL expires; negative when the tournament is due. */
  ttl_left_ms: figure,
  match_count: count.nullable(),
  live_count: count.nullable(),
  results: count,
  success_rate: share,
  failing_streak: count,
  last_success: z.string().nullable(),
  last_result: z.string().nullable(),
  last_error: z.string().nullable(),
  last_error_type: z.enum(ERROR_TYPES).nullable(),
});
export const TournamentListResponse = z.object({ tournaments: z.array(TournamentState), next_cursor: z.string().nullable() });

/** `GET sync-monitoring/tournaments/:no`: the state and the last 100 results. */
export const TournamentDetailResponse = TournamentState.extend({
  history: z.array(z.object({
    execution_id: z.uuid(),
    entity_type: z.string(),
    at: z.string(),
    success: z.boolean(),
    records_processed: count.nullable(),
    duration_ms: figure,
    error_type: z.enum(ERROR_TYPES).nullable(),
    error_message: z.string().nullable(),
    /** Why the reply of a success was held back for a second look; null when it was written. */
    warning_code: z.string().nullable(),
    retry_attempt: count,
  })),
});

/** The figures of the last 24 hours; rates and durations count full runs, the other figures every run. Null is unknown. */
export const MetricsResponse = z.object({
  /** The figures that the contract calls `SyncMonitoringMetrics`. */
  monitoring: z.object({
    /** The mean success of full runs of `tournaments`, 0 to 1. */
    tournamentSyncSuccessRate: share,
    /** The mean success of full runs of `matches_schedule`, 0 to 1. */
    matchScheduleSyncSuccessRate: share,
    /** The mean success of full runs of each entity that ran, 0 to 1. */
    successRateByEntity: z.record(z.string(), share),
    /** The health score, 0 to 100: the weighted mean of `score_parts`. */
    overallSyncHealthScore: figure,
    /** The mean duration in milliseconds. */
    averageSyncDuration: figure,
    /** The peak in MiB. */
    peakMemoryUsage: figure,
    /** `api_call_volume_reduction`: the share of the bytes of full replies that VIS did not send. */
    apiCallVolumeReduction: share,
    errorRateByType: z.record(z.string(), z.number()),
    consecutiveFailureCount: count,
    criticalErrorCount: count,
    activeAlerts: count,
    alertEscalationCount: count,
    /** The mean time in milliseconds over the last 30 days. */
    meanTimeToResolution: figure,
  }),
  /** The figures that the contract calls `PerformanceMetrics`. */
  performance: z.object({
    /** `cache_hit_ratio`: the share of the checked tournaments that were fresh. */
    cacheHitRatio: share,
    /** The mean response time of the upstream in milliseconds. */
    averageResponseTime: figure,
    /** `api_call_reduction`: the share of requests that freshness saved. */
    apiCallReduction: share,
    /** `api_fallback_ratio`: the share of requests that were a retry or a forced full read, or that VIS answered in XML. */
    apiFallbackRatio: share,
    /** The number of database calls of runs. */
    databaseCalls: count,
    /** The share of upstream calls that failed. */
    errorRate: share,
    syncJobSuccessRate: share,
  }),
  /** The parts of the health score, each from 0 to 1 with its weight. */
  score_parts: z.array(z.object({ name: z.string(), value: share, weight: z.number() })),
});

export type SyncMonitoringMetrics = z.infer<typeof MetricsResponse>["monitoring"];
export type PerformanceMetrics = z.infer<typeof MetricsResponse>["performance"];

/** `GET sync-monitoring/system-status`: each component with its status and evidence. */
export const SystemStatusResponse = z.object({
  status: z.enum(["OK", "DEGRADED", "FAILED"]),
  /** The state of the scheduler and the outcome of the runs, in sentences. */
  summary: z.string(),
  as_of: z.string(),
  components: z.array(z.object({
    name: z.string(),
    kind: z.enum(["database", "scheduler", "schedule", "runs", "alert_processor", "channel", "upstream", "queue", "audit"]),
    status: z.enum(["OK", "DEGRADED", "FAILED", "UNKNOWN"]),
    message: z.string(),
    evidence: z.record(z.string(), z.unknown()),
  })),
});
export type SystemStatusResponse = z.infer<typeof SystemStatusResponse>;
