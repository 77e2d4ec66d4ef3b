import type { z } from "zod";
import type { AlertDetailResponse, AlertIncident, AlertMetric, IncidentRow } from "../types/alerts.ts";
import { SEVERITIES } from "../types/sync.ts";
import { rank } from "./alert-transition.ts";
import type { IncidentFacts, Titles } from "./contract/incidents.ts";
import { codeOf } from "./error-words.ts";
import { type Evidence, explainingEvidence, isNumber, isObject, isPast, isText, peakTimeOf, textsOf } from "./evidence.ts";
import { type NameOf, scopeOf, titleOf } from "./incident-words.ts";

export const nameIn = (titles: Titles): NameOf => (entity_type) => titles[entity_type] ?? entity_type;

/** The number of affected objects, from the evidence or from a value that is a count; null for a metric that counts no objects. */
function affectedBy(row: IncidentRow, evidence: Evidence): AlertIncident["affected"] {
  const { tournaments, of, missed, channels, waiting, peak } = evidence;
  const counted = (count: unknown, unit: NonNullable<AlertIncident["affected"]>["unit"], all: unknown = null) =>
    isNumber(count) ? { count, of: isNumber(all) ? all : null, unit } : null;
  const worst = isPast(row) ? peak : row.value;
  switch (row.metric) {
    case "shared_failure":
      return counted(tournaments, "tournaments", of);
    case "consecutive_failures":
      return counted(worst, "runs");
    case "sync_overdue":
      return counted(textsOf(missed).length || null, "runs");
    case "unconfirmed_replies":
      return counted(worst, "replies");
    case "broken_rules":
      return counted(worst, "rules");
    case "canary_failed":
      return counted(worst, "channels");
    case "undelivered_age":
      return isObject(channels) ? counted(Object.values(channels).filter(isNumber).reduce((a, b) => a + b, 0), "notifications") : null;
    case "queue_age":
      return counted(waiting, "jobs");
    default:
      return null;
  }
}

/** An incident with its evidence in words. */
export function describeIncident(row: IncidentRow, nameOf: NameOf): AlertIncident {
  const evidence = explainingEvidence(row);
  const scope = scopeOf(row, nameOf) ?? "monitoring";
  return {
    ...row,
    cause: titleOf(row, nameOf),
    scope: scope.charAt(0).toUpperCase() + scope.slice(1),
    affected: affectedBy(row, evidence),
    peak: isNumber(evidence.peak) ? evidence.peak : null,
    peak_at: peakTimeOf(row.evidence),
    execution_id: isText(evidence.execution_id) ? evidence.execution_id : null,
    error_code: isText(evidence.fingerprint) ? codeOf(evidence.fingerprint) : null,
  };
}

/** The section of docs/runbook.md about each metric; the other metrics have no section. */
const SECTIONS: Partial<Record<AlertMetric, string>> = {
  success_rate: "overall-sync-success-rate-drop",
  consecutive_failures: "consecutive-failures",
  duration_exceeded: "duration-exceeded",
  memory_usage: "memory-usage-exceeded",
  sync_overdue: "overdue",
  records_collapse: "records-collapse",
  api_fallback_ratio: "api-fallback-excessive",
  tournament_staleness: "tournament-stale",
  shared_failure: "tournaments-failing-alike",
  unconfirmed_replies: "replies-unconfirmed",
  undelivered_age: "notifications-undelivered",
  processor_late: "alert-processor-late",
  queue_age: "sync-queue-waiting",
  broken_rules: "alert-rules-broken",
  canary: "channel-canary",
  canary_failed: "channel-not-proven",
  burn_rate: "error-budget-burn",
};

/** The section of docs/runbook.md to which the rule links, else the section about its metric. */
export function runbookAnchorOf({ metric, tournament_no }: IncidentRow, runbookUrl: string | null): string | null {
  const linked = /^docs\/runbook\.md#([\w-]+)$/.exec(runbookUrl ?? "")?.[1];
  if (linked) return linked;
  if (tournament_no !== null && metric === "consecutive_failures") return "match-schedule-tournament-failing";
  return SECTIONS[metric] ?? null;
}

type Escalation = Pick<z.infer<typeof AlertDetailResponse>, "escalates_at" | "escalates_to">;

/** The next escalation of an incident without an acknowledgement; the escalation clock runs only while the incident is notified. */
export function escalationOf(facts: IncidentFacts): Escalation {
  const { state, severity, unacknowledged_since, escalation_ms, escalation_step, silence, rule } = facts;
  const channels = rule?.escalation_channels ?? [];
  const canEscalate = severity !== "CRITICAL" || escalation_step < channels.length;
  if (state !== "FIRING" || !rule?.is_active || unacknowledged_since === null || escalation_ms === null || silence || !canEscalate) {
    return { escalates_at: null, escalates_to: null };
  }
  return {
    escalates_at: new Date(Date.parse(unacknowledged_since) + escalation_ms).toISOString(),
    escalates_to: {
      severity: SEVERITIES[Math.min(rank(severity) + 1, SEVERITIES.length - 1)] ?? severity,
      channels: channels[escalation_step] ?? [],
    },
  };
}
