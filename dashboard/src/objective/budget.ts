import { INDICATORS, type Objective, type ObjectiveStatus } from "../../../types/objectives.ts";
import { capitalised, number, span } from "../format.ts";

/** The name of each status in the order of the list, and the status with its icon. */
export const STATUSES: Record<ObjectiveStatus, { name: string; of: string }> = {
  MISSED: { name: "Missed", of: "CRITICAL" },
  AT_RISK: { name: "At risk", of: "WARNING" },
  MET: { name: "Met", of: "OK" },
  NO_DATA: { name: "No data", of: "IDLE" },
};
const RANKS = Object.keys(STATUSES);

/** A share as a percentage that is never rounded up: 98.996 % does not meet a target of 99 %. */
export const shareText = (share: number | null): string =>
  share === null ? number(null) : `${number(Math.floor(share * 10_000 + 1e-6) / 100)} %`;

/** A count of events with the unit of the indicator: `1 due time`, `12 results`. */
export const eventsText = (count: number, { indicator }: Pick<Objective, "indicator">): string =>
  `${number(count)} ${count === 1 ? INDICATORS[indicator].event : INDICATORS[indicator].events}`;

/** Whether a person should look at the objective now. */
export const isInTrouble = ({ status }: Pick<Objective, "status">): boolean => status === "AT_RISK" || status === "MISSED";

export const worstFirst = (objectives: Objective[]): Objective[] =>
  objectives.toSorted((a, b) =>
    RANKS.indexOf(a.status) - RANKS.indexOf(b.status) || (a.budget_left ?? 1) - (b.budget_left ?? 1) || a.name.localeCompare(b.name)
  );

/** The remaining budget in words: `82 % of the budget left`, or `overspent by 12 results`. */
export function budgetText(objective: Objective): string {
  const { budget_left: share, budget_left_events: left, indicator, rolling_window } = objective;
  if (share === null) return `no ${INDICATORS[indicator].events} in ${rolling_window}`;
  if (left < 0) return `overspent by ${eventsText(Math.ceil(-left), objective)}`;
  const whole = Math.floor(share * 100 + 1e-6);
  return `${share > 0 && whole < 1 ? "less than 1" : number(whole)} % of the budget left`;
}

/** The end of the budget in words; null when no end is near. */
export function endText({ runs_out_at, until }: Pick<Objective, "runs_out_at" | "until">): string | null {
  if (runs_out_at === null) return null;
  const ms = Date.parse(runs_out_at) - Date.parse(until);
  return ms < 60_000 ? "the next bad event overspends it" : `runs out in ${span(ms)} at the rate of the last day`;
}

type Cause = Objective["causes"][number];

/** A cause in words, and the code of its error. */
export function causeText({ channel, error_code, message, fingerprint }: Cause): { text: string; code: string | null } {
  if (channel !== null) return { text: `Channel ${channel}`, code: null };
  const code = error_code ?? fingerprint?.split(":")[0] ?? null;
  return { text: capitalised(message ?? code ?? "No known cause"), code: message === null ? null : code };
}

/** The address of the view of a cause; null without a view, or without access for the role. */
export function causeAddress({ fingerprint, channel }: Cause, isAdmin: boolean): string | null {
  if (fingerprint !== null) return `/errors/${encodeURIComponent(fingerprint)}`;
  return channel !== null && isAdmin ? "/alerts/channels" : null;
}
