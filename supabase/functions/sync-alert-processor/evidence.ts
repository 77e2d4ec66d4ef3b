import { inUtc, withUnit } from "../../../services/alert-words.ts";
import { codeOf } from "../../../services/error-words.ts";
import { explainingEvidence, type IncidentFacts, isNumber, isObject, isText } from "../../../services/evidence.ts";
import { causeOf, countsInWords } from "../../../services/incident-words.ts";
import { oneLine } from "../../../services/text.ts";

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
  return `${name}: ${words.filter((part) => part !== null).join(", ")}`;
}

/** The text of an unknown value, without the punctuation of JSON. */
function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(", ");
  return isObject(value)
    ? Object.entries(value).map(([name, part]) => `${name.replaceAll("_", " ")} ${plain(part)}`).join(", ")
    : String(value);
}

const isTime = (value: unknown): value is string =>
  isText(value) && /^\d{4}-\d{2}-\d{2}[T ]/.test(value) && Number.isFinite(Date.parse(value));

/** The evidence in other lines: the tournament and the lowest entity in the title, the peak and its time in the line of the end. */
const ELSEWHERE = ["tournament", "lowest", "of", "peak", "at"];

/** The evidence in words, one statement for each fact that the cause does not have. */
export function evidenceOf(item: IncidentFacts): string[] {
  const { metric } = item, evidence = explainingEvidence(item);
  const cause = causeOf(item);
  const statement = (name: string, value: unknown): (string | null)[] => {
    if (value === null || value === undefined || ELSEWHERE.includes(name)) return [];
    switch (name) {
      case "runs":
        // The value of a shared failure is a number of tournaments.
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
        return [isObject(value) ? `undelivered: ${countsInWords(value)}` : null];
      case "failed":
        // The cause of the incident already names each failed channel.
        return [];
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
