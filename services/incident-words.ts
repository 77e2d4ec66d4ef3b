import { ALERT_METRICS, AlertMetric } from "../types/alerts.ts";
import { withUnit } from "./alert-words.ts";
import { failedStages } from "./canary-words.ts";
import { codeOf, wordsOf } from "./error-words.ts";
import { type Evidence, explainingEvidence, type IncidentFacts, isNumber, isObject, isPast, isText, textsOf } from "./evidence.ts";
import { fit, oneLine } from "./text.ts";

/** The value and the threshold with their unit in a message of `describe` in services/alert-words.ts. */
const VALUE = /: (.+), (?:at or above|below) the threshold of (.+)/;

/** The name of an entity type for people. */
export type NameOf = (entity_type: string) => string;
const asItIs: NameOf = (entity_type) => entity_type;

/** The facts from which a cause is made. */
interface Facts {
  /** The value with its unit, of an ended incident the worst one; null when it is unknown. */
  value: string | null;
  /** The threshold in place of a value that changes with each run; null when the value is shown. */
  threshold: string | null;
  /** The error in words. */
  error: string | null;
  /** The evidence of the incident. */
  evidence: Evidence;
  nameOf: NameOf;
}

/** Counts by name as text, `hook 2, mail 1`; null for any other value. */
export const countsInWords = (value: unknown): string | null =>
  isObject(value) ? Object.entries(value).map(([name, count]) => `${name} ${count}`).join(", ") || null : null;
const afterError = (error: string | null, extent: string): string => error === null ? extent : `${error}: ${extent}`;
const beforeLastError = (extent: string, error: string | null): string => error === null ? extent : `${extent}, last failure: ${error}`;
const listOf = (value: unknown): string => textsOf(value).map(oneLine).join(", ");

const CAUSES: Record<AlertMetric, (facts: Facts) => string> = {
  success_rate: ({ value, threshold, error, evidence: { lowest }, nameOf }) => {
    // The rate of all entities is that of the lowest.
    const rate = `success rate${isText(lowest) ? ` of ${nameOf(lowest)}` : ""}`;
    return beforeLastError(threshold ? `${rate} fell below ${threshold}` : value ? `${rate} fell to ${value}` : `${rate} fell`, error);
  },
  consecutive_failures: ({ value, error }) => afterError(error, value ? `${value} failed in a row` : "several runs failed in a row"),
  duration_exceeded: ({ value }) => value ? `a run took ${value}` : "a run took too long",
  memory_usage: ({ value }) => value ? `a run used ${value} of memory` : "a run used too much memory",
  // An error here started an upstream backoff, in which no run starts.
  sync_overdue: ({ value, error }) => afterError(error, value ? `no run started, overdue by ${value}` : "no run started when due"),
  error_rate: ({ value, error }) => beforeLastError(value ?? "too many errors per run", error),
  records_collapse: ({ value }) => value ? `records per request fell by ${value}` : "records per request fell",
  cache_hit_ratio: ({ value }) => value ? `cache hit ratio fell to ${value}` : "cache hit ratio fell",
  api_response_time: ({ value }) => value ? `VIS took ${value} to answer on average` : "VIS answered slowly",
  api_fallback_ratio: ({ value }) => `${value ?? "too many"} of the requests to VIS were retries, forced full reads or answered in XML`,
  tournament_staleness: ({ value, error }) =>
    afterError(error, value ? `the matches were due for ${value} and not read` : "the matches were due and not read"),
  stuck_execution: ({ value }) => value ? `a run sent no heartbeat for ${value}` : "a run sent no heartbeat",
  shared_failure: ({ value, error }) =>
    error === null ? `${value ?? "several tournaments"} failed alike` : `${error}: ${value ?? "several tournaments"}`,
  unconfirmed_replies: ({ value, evidence }) => {
    const requests = listOf(evidence.requests);
    return `${value ?? "some replies"} held back and not confirmed${requests ? `: ${requests}` : ""}`;
  },
  undelivered_age: ({ value, evidence }) => {
    const channels = countsInWords(evidence.channels);
    return `notifications were not delivered${value ? ` for ${value}` : ""}${channels ? ` (${channels})` : ""}`;
  },
  processor_late: ({ value }) => value ? `no rules were evaluated for ${value}` : "no rules were evaluated for some time",
  queue_age: ({ value }) => value ? `a job waited in the queue for ${value}` : "a job waited too long in the queue",
  burn_rate: ({ value, error, evidence: { objective } }) =>
    afterError(
      error,
      `the error budget${isText(objective) ? ` of ${oneLine(objective)}` : ""} burns ${value ? `at ${value} its even rate` : "too fast"}`,
    ),
  broken_rules: ({ value, evidence }) => {
    const names = listOf(evidence.rules);
    return `${value ?? "some rules"} cannot be measured${names ? `: ${names}` : ""}`;
  },
  canary: () => "this is a test of the channel: nothing is wrong, and nothing must be done",
  canary_failed: ({ value, evidence }) =>
    failedStages(evidence).map(({ channel, stage, error }) => `${channel} is not proven (stage ${stage}: ${oneLine(error)})`).join(", ") ||
    (value ? `${value} not proven` : "a channel is not proven"),
};

/** The error of the evidence in words; null without one. */
function errorIn({ error, fingerprint }: Evidence): string | null {
  if (isText(error)) return fit(oneLine(error), 90).replace(/[.:;]$/, "");
  const code = isText(fingerprint) ? codeOf(fingerprint) : null;
  return code && (wordsOf(code) ?? code);
}

/** The cause of an incident, in the past tense after its end, without its scope: `VIS answered HTTP 500: 10 of 10 tournaments`. */
export function causeOf(incident: IncidentFacts, nameOf = asItIs, { isTitle = false } = {}): string {
  const metric = AlertMetric.safeParse(incident.metric).data;
  if (!metric) return oneLine(incident.message);
  const missed = textsOf(incident.evidence.missed).length;
  if (missed) return `${missed} ${missed === 1 ? "run" : "runs"} did not start when due`;
  const isOver = isPast(incident), evidence = explainingEvidence(incident);
  if (!isOver && incident.message.endsWith(": unknown (no data)")) return `no data for the ${ALERT_METRICS[metric].label}`;
  const value = isOver ? peakOf(incident) : valueOf(incident);
  const threshold = isTitle && !isOver ? VALUE.exec(incident.message)?.[2] ?? null : null;
  return CAUSES[metric]({ value, threshold, error: errorIn(evidence), evidence, nameOf });
}

/** The metrics whose causes contain each of these words, in lower case, for any value and error. */
export function metricsAbout(words: string[]): AlertMetric[] {
  const cause = (metric: AlertMetric) => CAUSES[metric]({ value: null, threshold: null, error: null, evidence: {}, nameOf: asItIs });
  return AlertMetric.options.filter((metric) => words.every((word) => cause(metric).toLowerCase().includes(word)));
}

/** The value in words; null for a message without a value. */
function valueOf({ metric, message, evidence: { tournaments, of } }: IncidentFacts): string | null {
  if (metric === "shared_failure" && isNumber(tournaments) && isNumber(of)) return `${tournaments} of ${of} tournaments`;
  return VALUE.exec(message)?.[1] ?? null;
}

/**
 * The cause as the title of a page: with a capital letter, and without a period. The title of a live incident has the threshold, because
 * the page also shows the current success rate, which differs from the rate at the last evaluation.
 */
export function titleOf(incident: IncidentFacts, nameOf: NameOf): string {
  const cause = causeOf(incident, nameOf, { isTitle: true }).replace(/\.$/, "");
  return cause.charAt(0).toUpperCase() + cause.slice(1);
}

/** The scope of an incident in words: an entity, a tournament of it, or all syncs; null for the monitoring system. */
export function scopeOf({ entity_type, tournament_no, evidence }: IncidentFacts, nameOf = asItIs): string | null {
  if (entity_type === "system") return null;
  if (tournament_no === null) return entity_type === "all" ? "all syncs" : nameOf(entity_type);
  const name = isText(evidence.tournament) ? ` ${oneLine(evidence.tournament)}` : "";
  return `${nameOf(entity_type)}, tournament ${tournament_no}${name}`;
}

/** The worst value while the incident fired, in words; null when the evidence does not have it. */
export function peakOf(incident: Pick<IncidentFacts, "kind" | "metric" | "resolved_at" | "recovered_at" | "evidence">): string | null {
  const metric = AlertMetric.safeParse(incident.metric).data;
  const { peak, of } = explainingEvidence(incident);
  if (!metric || !isNumber(peak)) return null;
  if (metric === "shared_failure" && isNumber(of) && of >= peak) return `${peak} of ${of} tournaments`;
  return withUnit(peak, metric);
}
