import type { Clock } from "../../../services/clock.ts";
import type { EntityFacts } from "../../../services/contract/health.ts";
import { describeIncident, nameIn } from "../../../services/incident-view.ts";
import type { Rpc } from "../../../services/rpc.ts";
import {
  AlertSummary,
  type EntityHealthStatus,
  type HealthStatus,
  type PerformanceSummary,
  type SyncHealthResponse,
} from "../../../types/monitoring.ts";
import { judgeEntity, worst } from "./health-checker.ts";
import { isoDuration } from "./iso-duration.ts";

/** Reads one snapshot and judges each entity of it. @throws DatabaseError */
export async function readHealthOverview(rpc: Rpc<"get_health_overview">, clock: Clock): Promise<SyncHealthResponse> {
  const { as_of, entities, upstream, titles, active_alerts } = await rpc("get_health_overview", { as_of: clock.asOf() });
  const now = Date.parse(as_of);
  const judged = entities.map((facts) => [facts.entity_type, describe(facts, judgeEntity(facts, upstream, now))] as const);
  return {
    overall_status: worst(judged.map(([, entity]) => entity.status)),
    sync_entities: Object.fromEntries(judged),
    active_alerts: active_alerts.map((row) => AlertSummary.parse({ ...describeIncident(row, nameIn(titles)), name: row.rule_name })),
    performance_summary: summarize(entities),
    last_updated: new Date(now).toISOString(),
  };
}

function describe(facts: EntityFacts, judgement: { status: HealthStatus; because: EntityHealthStatus["because"] }): EntityHealthStatus {
  const { running } = facts;
  return {
    ...judgement,
    title: facts.title,
    last_successful_sync: facts.last_successful_sync,
    expected_within_ms: facts.expected_within_ms,
    success_rate_24h: facts.success_rate_24h,
    consecutive_failures: facts.consecutive_failures,
    average_duration: isoDuration(facts.average_duration_ms),
    average_duration_ms: facts.average_duration_ms,
    p95_duration_ms: facts.p95_duration_ms,
    last_duration_ms: facts.latest_run?.duration_ms ?? null,
    records_processed_today: facts.records_processed_today,
    runs_24h: facts.runs_24h,
    last_attempt: facts.last_attempt,
    next_sync: facts.next_sync,
    overdue_since: facts.overdue_since,
    is_paused: facts.is_paused,
    idle_since: facts.idle_since,
    recent_runs: facts.recent_runs,
    running: running && {
      execution_id: running.id,
      started_at: running.execution_start,
      current_stage: running.current_stage,
      tournaments_processed: running.tournaments_processed,
      tournaments_total: running.tournaments_total,
    },
  };
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
const ratio = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** Combines the last 24 hours of all entities; rates and durations are weighted by runs, and memory is the highest peak. */
function summarize(entities: EntityFacts[]): PerformanceSummary {
  const weighted = (value: (facts: EntityFacts) => number | null) => sum(entities.map((facts) => (value(facts) ?? 0) * facts.runs_24h));
  const runs = sum(entities.map((facts) => facts.runs_24h));
  const hits = sum(entities.map((facts) => facts.cache_hits_24h));
  const apiCalls = sum(entities.map((facts) => facts.api_calls_24h));
  const peaks = entities.flatMap((facts) => facts.peak_memory_mb_24h ?? []);
  return {
    period: "24 hours",
    runs,
    success_rate: ratio(
      weighted((facts) => facts.success_rate_24h),
      runs,
    ),
    average_duration_ms: ratio(
      weighted((facts) => facts.average_duration_ms),
      runs,
    ),
    records_processed_today: sum(entities.map((facts) => facts.records_processed_today)),
    api_calls: apiCalls,
    average_response_time_ms: ratio(sum(entities.map((facts) => facts.api_response_ms_24h)), apiCalls),
    cache_hit_ratio: ratio(hits, hits + sum(entities.map((facts) => facts.cache_misses_24h))),
    peak_memory_mb: peaks.length ? Math.max(...peaks) : null,
    errors: sum(entities.map((facts) => facts.errors_24h)),
  };
}
