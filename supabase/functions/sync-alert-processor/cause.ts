import { inUtc, withUnit } from "../../../services/alert-words.ts";
import type { NotificationItem } from "../../../services/contract/alerts.ts";
import { ALERT_METRICS, AlertMetric } from "../../../types/alerts.ts";
import { codeOf, wordsOf } from "./error-words.ts";
import { fit, oneLine } from "./text.ts";

type Evidence = Record<string, unknown>;
const isObject = (value: unknown): value is Evidence => typeof value === "object" && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isText = (value: unknown): value is string => typeof value === "string" && value.trim() !== "";

/** Whether the item reports an incident that has ended. */
export const hasEnded = ({ kind, resolved_at }: NotificationItem): boolean =>
  kind === "RESOLVED" || kind === "MISSED" || resolved_at !== null;

/** The value with its unit in a message of `describe` in services/alert-words.ts. */
const VALUE = /: (.+), (?:at or above|below) the threshold of /;

/** What a cause is made of. */
interface Facts {
  /** The value with its unit, and the worst one of an incident that has ended; null where it is unknown. */
  value: string | null;
  /** The error in words. */
  error: string | null;
  /** What else describes the value; empty for an incident that has ended, whose evidence describes the recovery. */
  evidence: Evidence;
}

const counts = (value: unknown): string | null =>
  isObject(value) ? Object.entries(value).map(([name, count]) => `${name} ${count}`).join(", ") || null : null;
const parts = (words: (string | null)[]): string => words.filter((part) => part !== null).join(", ");
const afterError = (error: string | null, extent: string): string => error === null ? extent : `${error}: ${extent}`;
const lastError = ({ error }: Facts): string | null => error === null ? null : `last failure: ${error}`;

/** The entity with the lowest success rate of a rule on all entities. */
function lowest({ by_entity }: Evidence): string | null {
  const rates = isObject(by_entity)
    ? Object.entries(by_entity).flatMap(([name, figures]) =>
      isObject(figures) && isNumber(figures.success_rate) ? [{ name, rate: figures.success_rate }] : []
    )
    : [];
  const [worst] = rates.sort((a, b) => a.rate - b.rate);
  return worst && rates.length > 1 ? `lowest of ${worst.name} with ${withUnit(worst.rate, "success_rate")}` : null;
}

const CAUSES: Record<AlertMetric, (facts: Facts) => string> = {
  success_rate: (facts) =>
    facts.value ? parts([`success rate ${facts.value}`, lowest(facts.evidence), lastError(facts)]) : "low success rate",
  consecutive_failures: ({ value, error }) => afterError(error, value ? `${value} failed in a row` : "several runs failed in a row"),
  duration_exceeded: ({ value }) => value ? `a run took ${value}` : "a run took too long",
  memory_usage: ({ value }) => value ? `a run used ${value} of memory` : "a run used too much memory",
  sync_overdue: ({ value }) => value ? `no run started, overdue by ${value}` : "no run started when due",
  error_rate: (facts) => facts.value ? parts([facts.value, lastError(facts)]) : "too many errors per run",
  records_collapse: ({ value }) => value ? `records per request fell by ${value}` : "records per request fell",
  cache_hit_ratio: ({ value }) => value ? `cache hit ratio ${value}` : "low cache hit ratio",
  api_response_time: ({ value }) => value ? `VIS took ${value} to answer on average` : "VIS answered slowly",
  api_fallback_ratio: ({ value }) => `${value ?? "too many"} of the requests to VIS were retries, forced full reads or answered in XML`,
  tournament_staleness: ({ value, error }) =>
    afterError(error, value ? `the matches were due for ${value} and not read` : "the matches were due and not read"),
  stuck_execution: ({ value }) => value ? `a run sent no heartbeat for ${value}` : "a run sent no heartbeat",
  shared_failure: ({ value, error }) =>
    error === null ? `${value ?? "several tournaments"} failed alike` : `${error}: ${value ?? "several tournaments"}`,
  unconfirmed_replies: ({ value, evidence }) => {
    const requests = Array.isArray(evidence.requests) ? evidence.requests.filter(isText).map(oneLine).join(", ") : "";
    return `${value ?? "some replies"} held back and not confirmed${requests ? `: ${requests}` : ""}`;
  },
  undelivered_age: ({ value, evidence }) => {
    const channels = counts(evidence.channels);
    return `notifications were not delivered${value ? ` for ${value}` : ""}${channels ? ` (${channels})` : ""}`;
  },
  processor_late: ({ value }) => value ? `no rules were evaluated for ${value}` : "no rules were evaluated for some time",
  queue_age: ({ value }) => value ? `a job waited in the queue for ${value}` : "a job waited too long in the queue",
  broken_rules: ({ value, evidence }) => {
    const names = Array.isArray(evidence.rules) ? evidence.rules.filter(isText).map(oneLine).join(", ") : "";
    return `${value ?? "some rules"} cannot be measured${names ? `: ${names}` : ""}`;
  },
};

/** The error of the evidence in words; null without one. */
function errorOf({ metric, evidence }: NotificationItem, isOver: boolean): string | null {
  // The failures that are left after a shared failure can have another error than the one that ended.
  if (metric === "shared_failure" && isOver && evidence.tournaments !== evidence.peak) return null;
  if (isText(evidence.error)) return fit(oneLine(evidence.error), 90).replace(/[.:;]$/, "");
  const code = isText(evidence.fingerprint) ? codeOf(evidence.fingerprint) : null;
  return code && (wordsOf(code) ?? code);
}

/** What is wrong, or was wrong with an incident that has ended, without its scope: `VIS answered HTTP 500: 10 of 10 tournaments`. */
export function causeOf(item: NotificationItem): string {
  const metric = AlertMetric.safeParse(item.metric).data;
  if (!metric) return oneLine(item.message);
  const missed = item.kind === "MISSED" && Array.isArray(item.evidence.missed) ? item.evidence.missed.length : 0;
  if (missed) return `${missed} ${missed === 1 ? "run" : "runs"} did not start when due`;
  const isOver = hasEnded(item);
  if (!isOver && item.message.endsWith(": unknown (no data)")) return `no data for the ${ALERT_METRICS[metric].label}`;
  const error = errorOf(item, isOver);
  if (isOver) return CAUSES[metric]({ value: peakOf(item), error, evidence: {} });
  return CAUSES[metric]({ value: valueOf(item), error, evidence: item.evidence });
}

/** The value in words; null when the message has none. */
function valueOf({ metric, message, evidence: { tournaments, of } }: NotificationItem): string | null {
  if (metric === "shared_failure" && isNumber(tournaments) && isNumber(of)) return `${tournaments} of ${of} tournaments`;
  return VALUE.exec(message)?.[1] ?? null;
}

/** What the incident is about: an entity, a tournament of it, or all syncs; null for the monitoring system. */
export function scopeOf({ entity_type, tournament_no, evidence }: NotificationItem): string | null {
  if (entity_type === "system") return null;
  if (tournament_no === null) return entity_type === "all" ? "all syncs" : entity_type;
  const name = isText(evidence.tournament) ? ` ${oneLine(evidence.tournament)}` : "";
  return `${entity_type}, tournament ${tournament_no}${name}`;
}

/** The worst value while the incident fired, in words; null when the evidence does not have it. */
export function peakOf({ metric: name, evidence: { peak, of } }: NotificationItem): string | null {
  const metric = AlertMetric.safeParse(name).data;
  if (!metric || !isNumber(peak)) return null;
  if (metric === "shared_failure" && isNumber(of) && of >= peak) return `${peak} of ${of} tournaments`;
  return withUnit(peak, metric);
}

/** The figures of one entity in the evidence of a rule on all entities. */
function figuresOf(name: string, figures: unknown): string | null {
  if (!isObject(figures)) return null;
  const { runs, success_rate, slowest_s, memory_mb } = figures;
  const words = [
    isNumber(runs) ? withUnit(runs, "consecutive_failures") : null,
    isNumber(success_rate) ? `success rate ${withUnit(success_rate, "success_rate")}` : null,
    isNumber(slowest_s) ? `slowest ${withUnit(slowest_s, "duration_exceeded")}` : null,
    isNumber(memory_mb) ? `at most ${withUnit(memory_mb, "memory_usage")}` : null,
  ];
  return `${name}: ${parts(words)}`;
}

/** A value of an unknown name, without the marks of JSON. */
function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(", ");
  return isObject(value)
    ? Object.entries(value).map(([name, part]) => `${name.replaceAll("_", " ")} ${plain(part)}`).join(", ")
    : String(value);
}

const isTime = (value: unknown): value is string =>
  isText(value) && /^\d{4}-\d{2}-\d{2}[T ]/.test(value) && Number.isFinite(Date.parse(value));

/** The evidence that is read otherwise: the title has the name of the tournament, and the line of the end has the peak. */
const ELSEWHERE = ["tournament", "of", "peak"];

/** The evidence in words, one statement each, without what the cause says. */
export function evidenceOf(item: NotificationItem): string[] {
  const { metric, evidence } = item;
  const cause = causeOf(item);
  const statement = (name: string, value: unknown): (string | null)[] => {
    if (value === null || value === undefined || ELSEWHERE.includes(name)) return [];
    switch (name) {
      case "runs":
        // A shared failure counts tournaments here.
        return [
          value === 0 || !isNumber(value) || metric === "shared_failure"
            ? null
            : `${withUnit(value, "consecutive_failures")} in the window`,
        ];
      case "execution_id":
        return [`run ${value}`];
      case "fingerprint": {
        const code = codeOf(String(value));
        return [code ? `error code ${code}` : `error ${plain(value)}`];
      }
      case "error":
        return [cause.includes(oneLine(plain(value))) ? null : `error: ${plain(value)}`];
      case "tournaments": {
        const failed = isNumber(evidence.of) ? `${plain(value)} of ${evidence.of} tournaments` : `${plain(value)} tournaments`;
        return [cause.includes(failed) || value === evidence.peak ? null : `${failed} failed alike`];
      }
      case "by_entity":
        return isObject(value) ? Object.entries(value).map(([entity, figures]) => figuresOf(entity, figures)) : [];
      case "channels":
        return [isObject(value) ? `undelivered: ${counts(value)}` : null];
      case "waiting":
        return [`${value} ${value === 1 ? "job" : "jobs"} in the queue`];
      case "missed":
        return [Array.isArray(value) ? `due ${value.map((due) => isTime(due) ? inUtc(due) : plain(due)).join(", ")}` : null];
      default:
        return [`${name.replaceAll("_", " ")}: ${isTime(value) ? inUtc(value) : plain(value)}`];
    }
  };
  return Object.entries(evidence).flatMap(([name, value]) => statement(name, value)).filter((words) => words !== null).map(oneLine);
}
