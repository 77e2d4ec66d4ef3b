import type { EntityFacts, UpstreamFacts } from "../../../services/contract/health.ts";
import type { HealthReason, HealthStatus } from "../../../types/monitoring.ts";

/** The limits of the checks; an entity can have its own `consecutiveFailures`, and a rate of fewer than `ratedRuns` runs is not judged. */
const LIMITS = { consecutiveFailures: 3, warningRate: 0.95, criticalRate: 0.8, ratedRuns: 4, slowShareOfMaxRuntime: 0.8 } as const;

const ORDER: HealthStatus[] = ["HEALTHY", "WARNING", "CRITICAL"];

/** The worst status; HEALTHY for an empty list. */
export const worst = (statuses: HealthStatus[]): HealthStatus =>
  statuses.reduce((a, b) => (ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b), "HEALTHY");

const percent = (rate: number): string => `${Math.round(rate * 1000) / 10} %`;
const minutes = (ms: number): number => Math.round(ms / 6_000) / 10;
const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1_000]] as const;
/** A duration in its largest fitting unit, such as `1.5 hours`. */
function inWords(ms: number): string {
  const [name, size] = UNITS.find(([, size]) => ms >= size) ?? UNITS[3];
  const count = Math.round(ms / size * 10) / 10;
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}
const reason = (
  code: HealthReason["code"],
  status: HealthStatus,
  message: string,
  value: number | null = null,
  limit: number | null = null,
  execution_id: string | null = null,
): HealthReason => ({ code, status, message, value, limit, execution_id });

/** Judges one entity at `now` (ms since the epoch) and returns every reason, the worst first. */
export function judgeEntity(
  facts: EntityFacts,
  upstream: UpstreamFacts | null,
  now: number,
): { status: HealthStatus; because: HealthReason[] } {
  const because = facts.is_paused ? [paused(facts)] : [
    schedule(facts, now),
    stuck(facts, now),
    streak(facts),
    rate(facts),
    latest(facts),
    heldBack(facts),
    upstream?.backoff_until
      ? reason("UPSTREAM_BACKOFF", "WARNING", `the upstream backoff lasts until ${upstream.backoff_until}: ${upstream.backoff_reason}`)
      : null,
  ].filter((found) => found !== null);
  if (because.length === 0) {
    because.push(reason("OK", "HEALTHY", "the runs start on time and succeed", facts.success_rate_24h, LIMITS.warningRate));
  }
  because.sort((a, b) => ORDER.indexOf(b.status) - ORDER.indexOf(a.status));
  return { status: worst(because.map((found) => found.status)), because };
}

const paused = ({ paused_by, paused_at, paused_reason }: EntityFacts): HealthReason =>
  reason("PAUSED", "WARNING", `paused by ${paused_by} since ${paused_at}${paused_reason ? `: ${paused_reason}` : ""}`);

function schedule({ last_attempt, next_sync, overdue_since, idle_since }: EntityFacts, now: number): HealthReason | null {
  if (idle_since) return reason("IDLE", "HEALTHY", `idle since ${idle_since}: no match is live or starts within 15 minutes`);
  if (overdue_since === null) {
    return last_attempt === null ? reason("NEVER_RAN", "WARNING", `never ran; the first run is due at ${next_sync}`) : null;
  }
  const overdueMs = now - Date.parse(overdue_since);
  const overdue = `overdue for ${inWords(overdueMs)}`;
  return last_attempt === null
    ? reason("NEVER_RAN", "CRITICAL", `never ran; ${overdue}`, minutes(overdueMs), 0)
    : reason("OVERDUE", "CRITICAL", `no run started since ${last_attempt}; ${overdue}`, minutes(overdueMs), 0);
}

function stuck({ running }: EntityFacts, now: number): HealthReason | null {
  if (!running || Math.min(Date.parse(running.deadline), Date.parse(running.lease_expires_at)) > now) return null;
  const runningMs = now - Date.parse(running.execution_start);
  return reason(
    "STUCK",
    "CRITICAL",
    `run ${running.id} started ${inWords(runningMs)} ago and is past its lease or deadline`,
    minutes(runningMs),
    null,
    running.id,
  );
}

function streak({ consecutive_failures, failure_threshold, latest_run }: EntityFacts): HealthReason | null {
  if (consecutive_failures === 0) return null;
  const limit = failure_threshold ?? LIMITS.consecutiveFailures;
  const runs = consecutive_failures === 1 ? "1 run" : `${consecutive_failures} runs`;
  const why = latest_run?.status_reason ? `: ${latest_run.status_reason}` : "";
  const status = consecutive_failures >= limit ? "CRITICAL" : "WARNING";
  return reason("FAILING", status, `${runs} failed since the last success${why}`, consecutive_failures, limit, latest_run?.id ?? null);
}

function rate({ success_rate_24h, runs_24h }: EntityFacts): HealthReason | null {
  if (success_rate_24h === null || runs_24h < LIMITS.ratedRuns || success_rate_24h >= LIMITS.warningRate) return null;
  const isCritical = success_rate_24h < LIMITS.criticalRate;
  const limit = isCritical ? LIMITS.criticalRate : LIMITS.warningRate;
  const message = `success rate ${percent(success_rate_24h)} over ${runs_24h} runs in 24 hours, below the threshold of ${percent(limit)}`;
  return reason("LOW_SUCCESS_RATE", isCritical ? "CRITICAL" : "WARNING", message, success_rate_24h, limit);
}

function heldBack({ held_back }: EntityFacts): HealthReason | null {
  if (!held_back) return null;
  const { requests, since, warnings } = held_back;
  const replies = requests.length === 1 ? `the reply for ${requests[0]} is` : `${requests.length} replies are`;
  const message = `${replies} held back for a second look since ${since}: ${warnings.join(", ")}`;
  return reason("REPLY_HELD_BACK", "WARNING", message, requests.length, 0);
}

function latest({ latest_run: run, max_runtime_ms }: EntityFacts): HealthReason | null {
  if (run?.status === "PARTIAL") {
    return reason("PARTIAL", "WARNING", `the last run was partial: ${run.status_reason}`, run.tournaments_failed, 0, run.id);
  }
  const limit = max_runtime_ms * LIMITS.slowShareOfMaxRuntime;
  if (run?.status !== "SUCCEEDED" || run.duration_ms === null || run.duration_ms <= limit) return null;
  const message = `the last run took ${inWords(run.duration_ms)} of the ${inWords(max_runtime_ms)} allowed`;
  return reason("SLOW", "WARNING", message, run.duration_ms, limit, run.id);
}
