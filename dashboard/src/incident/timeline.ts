import { SEVERITIES } from "../../../types/sync.ts";
import { capitalised, counted, title, words } from "../format.ts";
import type { Incident } from "./incident.ts";

/** The kind of event of an entry. */
type EntryKind = "run" | "state" | "escalation" | "note" | "notification";

/** A line of the timeline; `until` is the time of the last of `count` similar events. */
export interface Entry {
  kind: EntryKind;
  at: string;
  until: string;
  count: number;
  /** The status that determines the colour of the icon. */
  status: string;
  text: string;
  runId?: string;
  /** Adjacent entries with the same key are one line. */
  key: string;
}

const entry = (kind: EntryKind, at: string, status: string, text: string, more: Partial<Entry> = {}): Entry => ({
  kind,
  at,
  until: at,
  count: 1,
  status,
  text,
  key: `${at} ${text}`,
  ...more,
});

const extentOf = (failed: number, total: number | null): string =>
  total === null ? counted(failed, "tournament") : `${failed} of ${counted(total, "tournament")}`;

/** The full runs, a failed run with its reason; similar failures in a row are one line. */
const runsOf = ({ runs }: Incident): Entry[] =>
  runs.filter(({ status }) => status !== "RUNNING" && status !== "SKIPPED").map((run) => {
    const isGood = run.status === "SUCCEEDED";
    const extent = run.tournaments_failed ? `: ${extentOf(run.tournaments_failed, run.tournaments_total)} failed` : "";
    const reason = isGood || extent || !run.status_reason ? "" : `: ${run.status_reason}`;
    return entry("run", run.execution_start, run.status, `Run ${words(run.status)}${extent}${reason}`, {
      runId: run.id,
      key: `run ${run.status} ${isGood ? "" : run.status_reason ?? ""}`,
    });
  });

/** The value and the threshold in a reason, after the metric and the scope, which the head of the view has. */
const VALUE = /: (.+, (?:at or above|below) the threshold of .+)$/;

/** A change of the state in words; an opening has its severity, and any other reason names the new state only once. */
function stateText(state: string, severity: string, reason: string): string {
  if (state === "FIRING") return `Firing with severity ${title(severity)}: ${VALUE.exec(reason)?.[1] ?? reason}`;
  return reason.startsWith(words(state)) ? capitalised(reason) : `${title(state)}: ${VALUE.exec(reason)?.[1] ?? reason}`;
}

/** The changes of state and severity, with their reasons. */
const changesOf = ({ events }: Incident): Entry[] =>
  events.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)).map(({ at, from_state, to_state, severity, reason }, index, sorted) => {
    if (from_state !== to_state) return entry("state", at, to_state, stateText(to_state, severity, reason));
    if (reason.includes("not acknowledged for")) {
      const before = sorted[index - 1]?.severity ?? severity;
      const verb = SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(before) ? `Raised to ${title(severity)}` : "Escalated";
      // An escalation delay is in whole minutes; the next evaluation adds a part of a minute, which is removed.
      return entry("escalation", at, severity, `${verb}: ${reason.replace(/(\d+)\.\d+(?= minutes)/g, "$1")}`);
    }
    return entry("note", at, to_state, capitalised(reason), { key: `note ${reason.replace(/[\d.,:]+/g, "0")}` });
  });

/** The names of the kinds of notifications. */
export const KINDS: Record<Incident["notifications"][number]["kind"], string> = {
  FIRING: "Opening",
  ESCALATED: "Escalation",
  REPEAT: "Repeat",
  ACKNOWLEDGED: "Acknowledgement",
  RESOLVED: "Resolution",
  FLAPPING: "Flapping",
  MISSED: "Missed runs",
};

/** The notifications; those of one kind in the same minute are one line, and so are repeats in a row. */
function notificationsOf({ notifications }: Incident): Entry[] {
  const groups = new Map<string, { at: string; kind: keyof typeof KINDS; channels: Set<string>; isDead: boolean }>();
  for (const { kind, channel, status, sent_at, created_at } of notifications) {
    // The page shows every incident, so a notification of the dashboard is no event.
    if (status === "SUPERSEDED" || channel === "dashboard") continue;
    const at = sent_at ?? created_at;
    const key = `${kind} ${status === "DEAD"} ${at.slice(0, 16)}`;
    const group = groups.get(key) ?? { at, kind, channels: new Set(), isDead: status === "DEAD" };
    group.channels.add(status === "SENT" || status === "DEAD" ? channel : `${channel} (waits)`);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ at, kind, channels, isDead }) => {
    const names = [...channels].join(", ");
    const verb = isDead ? "Could not notify" : kind === "FIRING" ? "Notified" : `${KINDS[kind]}: notified`;
    return entry(
      "notification",
      at,
      isDead ? "DEAD" : "SENDING",
      `${verb} ${names}`,
      kind === "REPEAT" ? { key: `repeat ${isDead} ${names}` } : {},
    );
  });
}

/** The timeline of an incident, oldest first; similar entries in a row are one line with their number and the time of the last one. */
export function timelineOf(incident: Incident): Entry[] {
  const entries = [...runsOf(incident), ...changesOf(incident), ...notificationsOf(incident)]
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return entries.reduce<Entry[]>((lines, next) => {
    const last = lines.at(-1);
    if (last?.key !== next.key) return [...lines, { ...next }];
    last.count += 1;
    last.until = next.at;
    return lines;
  }, []);
}
