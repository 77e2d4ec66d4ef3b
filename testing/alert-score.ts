import type { PlannedItem } from "../services/outbox.ts";
import { SEVERITIES } from "../types/sync.ts";
import type { Label } from "./alert-labels.ts";
import { RECIPIENTS } from "./simulated-receivers.ts";
import { type FaultKind } from "./simulated-runs.ts";
import type { Trouble } from "./simulated-trouble.ts";
import { MINUTE, type Outcome, spanOf } from "./simulation.ts";

const EVERYBODY = ["dashboard", "hook", ...RECIPIENTS];
/** The faults of channels, each with the recipient that does not receive or answer. */
const SILENT: Partial<Record<FaultKind, string>> = { gone: "hook", unavailable: "hook", lossy: "hook", refused: RECIPIENTS[1] };
/** The delays of a lost evaluation, of a late evaluation, and of the window of a group, added up. */
const BOUND = 2 * MINUTE + 45_000;
/** The longest backoff of a destination, with its jitter. */
const BACKOFF = 75 * MINUTE;
const REPEAT = 240 * MINUTE, REPORTED_LATE = 14 * MINUTE, DAY = 24 * 60 * MINUTE;

interface Item extends PlannedItem {
  at: number;
  recipient: string;
}
/** The messages of a recipient about one incident, from the first item until the end. */
interface Story {
  recipient: string;
  items: Item[];
}

/** The result of the comparison; each list has a line for each violation. */
export interface Score {
  /** The number of pairs of a fault and a recipient that must be notified of it. */
  expected: number;
  openings: number;
  lost: string[];
  false_openings: string[];
  /** The openings after the first about one fault at a recipient whose channel always worked. */
  repeated: string[];
  /** The messages about one incident that no change explains. */
  excess: string[];
  /** The late and the missing ends. */
  endless: string[];
  /** The milliseconds from due time plus grace to the first opening about a missed run at each recipient. */
  delays: number[];
}

const inUtc = (at: number): string => Number.isFinite(at) ? new Date(at).toISOString().slice(5, 19) : "never";
const describe = (item: Item): string =>
  [item.recipient, item.kind, item.rule_name, item.tournament_no ?? "", "at", inUtc(item.at)].join(" ");
const fingerprintOf = ({ evidence }: PlannedItem): unknown => evidence.fingerprint ?? null;
const matches = (label: Label, item: PlannedItem): boolean =>
  label.metrics.includes(item.metric) && (label.entity === item.entity_type || item.entity_type === "all") &&
  (label.tournament === null || label.tournament === item.tournament_no);
const endOfStory = ({ items }: Story): number => items.find(({ kind }) => kind === "RESOLVED")?.at ?? Infinity;

function storiesOf({ received }: Outcome): Story[] {
  const stories = new Map<string, Story>();
  for (const { at, recipient, items } of received) {
    for (const item of items) {
      const key = `${recipient} ${item.incident_id}`, story = stories.get(key) ?? { recipient, items: [] };
      story.items.push({ ...item, at, recipient });
      stories.set(key, story);
    }
  }
  return [...stories.values()];
}

/** Compares the messages of each recipient with the labels of the faults. */
export function score(outcome: Outcome, labels: Label[], { faults, quiet, acknowledgements }: Trouble, start: number, end: number): Score {
  const stories = storiesOf(outcome);
  const troubles = faults.flatMap((fault) => {
    const recipient = SILENT[fault.kind], [from, until] = spanOf(fault, start);
    return recipient === undefined ? [] : [{ recipient, from, until: until + BACKOFF }];
  });
  const hasTrouble = (who: string, from = start, until = end): boolean =>
    troubles.some((trouble) => trouble.recipient === who && trouble.from <= until && trouble.until >= from);
  const nextEvaluation = (at: number): number => outcome.evaluations.find((time) => time >= at) ?? Infinity;
  const silenceOf = (entity: string, at: number) =>
    quiet.find((silence) => (silence.entity === entity || entity === "all") && at >= silence.from && at < silence.until);

  const explain = (item: Item): Label[] => {
    // A message about missed runs, and a message to a recipient with a faulty channel, are late.
    const at = item.kind === "MISSED" || hasTrouble(item.recipient, item.at, item.at) ? Date.parse(item.opened_at) : item.at;
    return labels.filter((label) => matches(label, item) && at >= label.from && at <= nextEvaluation(label.until) + MINUTE);
  };
  /** Whether a faulty channel explains a message: about undelivered states, or about a rate whose covering messages were not delivered. */
  const isExplainedByTrouble = (item: Item): boolean =>
    item.metric === "success_rate" && hasTrouble(item.recipient, start, item.at) ||
    item.metric === "undelivered_age" && outcome.unconfirmed.some(({ at, recipient }) =>
        at <= item.at - REPORTED_LATE && at > item.at - DAY && hasTrouble(recipient, at, item.at)
      );

  function judgeOpenings(): Pick<Score, "openings" | "false_openings" | "repeated"> {
    const openings = stories.flatMap(({ items }) => items.find(({ kind }) => kind !== "RESOLVED") ?? []);
    const isSilenced = ({ entity_type, at }: Item) => entity_type !== "all" && silenceOf(entity_type, at) !== undefined;
    const false_openings = openings.filter((item) => isSilenced(item) || !explain(item).length && !isExplainedByTrouble(item)).map(
      describe,
    );
    const repeated = labels.flatMap((label) =>
      EVERYBODY.filter((recipient) => !hasTrouble(recipient)).flatMap((recipient) => {
        const own = openings.filter((item) => item.recipient === recipient && explain(item).includes(label));
        return own.length > 1 ? [`${label.kind} from ${inUtc(label.from)}: ${own.map(describe).join(", ")}`] : [];
      })
    );
    return { openings: openings.length, false_openings, repeated };
  }

  function judgeEnds(): string[] {
    const resolved = new Map(outcome.incidents.map((incident) => [incident.id, incident.resolved ?? Infinity]));
    return stories.flatMap((story) => {
      const [opening] = story.items, resolvedAt = resolved.get(opening?.incident_id ?? "") ?? Infinity;
      if (!opening || opening.kind === "RESOLVED" || opening.kind === "MISSED") return [];
      const isLost = endOfStory(story) > resolvedAt + BOUND && resolvedAt < end - BOUND &&
        !hasTrouble(story.recipient, opening.at, resolvedAt);
      // A fault that began before the end of the last one continues the incident, and a flapping incident ends late.
      let until = Math.max(...explain(opening).map((label) => label.until));
      for (const label of labels) if (matches(label, opening) && label.from <= until + BOUND) until = Math.max(until, label.until);
      const isLate = Number.isFinite(until) && resolvedAt > nextEvaluation(until) + BOUND && nextEvaluation(until) < end - BOUND &&
        !story.items.some(({ kind }) => kind === "FLAPPING");
      return [
        ...isLost ? [`${describe(opening)}: no end`] : [],
        ...isLate ? [`${describe(opening)}: ended ${inUtc(resolvedAt)}, over at ${inUtc(until)}`] : [],
      ];
    });
  }

  /** The messages after an opening without an end, a higher severity, a new cause, an expired acknowledgement or a due repetition. */
  function judgeExcess(): string[] {
    return stories.flatMap(({ recipient, items }) =>
      items.filter((item, index) => {
        const previous = items[index - 1];
        if (!previous) return false;
        const isEnd = item.kind === "RESOLVED" && previous.kind !== "RESOLVED";
        const isRaised = SEVERITIES.indexOf(item.severity) > SEVERITIES.indexOf(previous.severity);
        const hasNewCause = fingerprintOf(item) !== fingerprintOf(previous) &&
          explain(item).some(({ cause }) => cause === fingerprintOf(item));
        const isExpired = acknowledgements.some(({ until }) => item.at >= until && item.at < until + 5 * MINUTE);
        const isRepeat = item.kind === "REPEAT" &&
          (item.at - previous.at >= REPEAT - MINUTE || hasTrouble(recipient, previous.at, item.at));
        return !(isEnd || isRaised || hasNewCause || isExpired || isRepeat);
      }).map((item) => `${describe(item)}: ${item.reason}`)
    );
  }

  /** The faults without a message to a recipient from the first possible evaluation to the end, outside silences and channel faults. */
  function judgeRecall(): Pick<Score, "expected" | "lost" | "delays"> {
    const lost: string[] = [], delays: number[] = [];
    let expected = 0;
    for (const label of labels) {
      if (label.detectable === null || label.detectable > end - 2 * BOUND) continue;
      const { detectable } = label, until = Math.min(label.until, end);
      const due = nextEvaluation(Math.max(detectable, silenceOf(label.entity, detectable)?.until ?? 0)), isMissed = label.kind === "missed";
      const isShort = due + BOUND >= until;
      if (isShort && (!isMissed || silenceOf(label.entity, due))) continue;
      for (const recipient of EVERYBODY.filter((who) => !hasTrouble(who, label.from, until))) {
        expected++;
        const own = stories.filter((story) => story.recipient === recipient && story.items.some((item) => matches(label, item)));
        const knows = (at: number): boolean =>
          own.some((story) => {
            const last = story.items.findLast((item) => item.at <= at);
            return last !== undefined && endOfStory(story) > at && (label.cause === null || fingerprintOf(last) === label.cause);
          });
        const first = own.flatMap(({ items }) => items).find((item) => item.at >= detectable && item.at <= due + BOUND);
        const unknown = [due + BOUND, until - 1_000].filter((at) => !knows(at));
        if (isShort ? first === undefined : unknown.length > 0) {
          lost.push(
            `${recipient} ${label.kind} of ${label.entity} from ${inUtc(label.from)} until ${inUtc(until)}: unknown at ${
              unknown.map(inUtc).join(", ")
            }`,
          );
        }
        if (isMissed && first && due < detectable + MINUTE) delays.push(first.at - detectable);
      }
    }
    return { expected, lost, delays: delays.sort((a, b) => a - b) };
  }
  return { ...judgeOpenings(), ...judgeRecall(), endless: judgeEnds(), excess: judgeExcess() };
}
