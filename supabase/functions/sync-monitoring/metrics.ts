import type { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { MetricsResponse } from "../../../types/history.ts";

const ratio = (part: number, whole: number): number | null => whole > 0 ? part / whole : null;

/**
 * The metrics of one snapshot. The health score is 100 times the weighted mean of the known parts: success rate (0.5), share of entities
 * that are not overdue (0.3), share of upstream calls that succeeded (0.1), and 1 / (1 + active alerts) (0.1). @throws DatabaseError
 */
export async function readMetrics(rpc: Rpc<"get_metrics_facts">, clock: Clock): Promise<z.infer<typeof MetricsResponse>> {
  const facts = await rpc("get_metrics_facts", { as_of: clock.asOf() });
  const { totals } = facts;
  const callErrors = ratio(totals.api_errors, totals.api_calls);
  const parts = [
    { name: "success_rate", value: totals.success_rate, weight: 0.5 },
    { name: "on_time", value: facts.entities > 0 ? 1 - facts.overdue / facts.entities : null, weight: 0.3 },
    { name: "upstream_calls", value: callErrors === null ? null : Math.max(0, 1 - callErrors), weight: 0.1 },
    { name: "quiet", value: 1 / (1 + facts.active_alerts), weight: 0.1 },
  ];
  const known = parts.filter((part) => part.value !== null);
  const weight = known.reduce((sum, part) => sum + part.weight, 0);
  const score = totals.runs === 0 ? null : 100 * known.reduce((sum, part) => sum + (part.value ?? 0) * part.weight, 0) / weight;
  const errors = Object.entries(facts.errors_by_type).map(([type, count]) =>
    [type, totals.runs > 0 ? count / totals.runs : count] as const
  );
  return {
    monitoring: {
      tournamentSyncSuccessRate: facts.success_rates.tournaments ?? null,
      matchScheduleSyncSuccessRate: facts.success_rates.matches_schedule ?? null,
      successRateByEntity: facts.success_rates,
      overallSyncHealthScore: score,
      averageSyncDuration: totals.average_duration_ms,
      peakMemoryUsage: totals.peak_memory_mb,
      apiCallVolumeReduction: totals.api_call_volume_reduction,
      errorRateByType: Object.fromEntries(errors),
      consecutiveFailureCount: facts.consecutive_failures,
      criticalErrorCount: facts.critical_errors,
      activeAlerts: facts.active_alerts,
      alertEscalationCount: facts.escalations,
      meanTimeToResolution: facts.mean_resolution_ms,
    },
    performance: {
      cacheHitRatio: totals.cache_hit_ratio,
      averageResponseTime: ratio(totals.api_response_ms, totals.api_calls),
      apiCallReduction: totals.api_call_reduction,
      apiFallbackRatio: totals.api_fallback_ratio,
      databaseCalls: totals.database_calls,
      errorRate: callErrors === null ? null : Math.min(callErrors, 1),
      syncJobSuccessRate: totals.success_rate,
    },
    score_parts: parts,
  };
}
