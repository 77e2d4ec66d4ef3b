import type { SyncHealthResponse } from "../../types/monitoring.ts";
import { SEVERITIES } from "../../types/sync.ts";
import { title } from "./format.ts";

type Alerts = SyncHealthResponse["active_alerts"];

/** The incidents without a parent; an inhibited incident is part of its parent and is not counted. */
export const countedOf = (alerts: Alerts): Alerts => alerts.filter(({ parent_id }) => !alerts.some(({ id }) => id === parent_id));

/** The highest severity of the firing incidents; null without one. */
export function worstOf(alerts: Alerts): typeof SEVERITIES[number] | null {
  const firing = alerts.filter(({ state }) => state === "FIRING");
  return SEVERITIES.findLast((severity) => firing.some((alert) => alert.severity === severity)) ?? null;
}

/** The colours of the ball by state; a favicon has no style sheet. */
const COLOURS = { calm: "#2c8a55", warn: "#d97706", bad: "#c92a2a", unknown: "#7b8aa0" };

function toneOf(data: SyncHealthResponse | undefined): keyof typeof COLOURS {
  if (!data) return "unknown";
  const worst = worstOf(data.active_alerts);
  if (worst === "CRITICAL" || worst === "HIGH" || data.overall_status === "CRITICAL") return "bad";
  return worst || data.overall_status === "WARNING" ? "warn" : "calm";
}

const iconOf = (tone: keyof typeof COLOURS): string =>
  `data:image/svg+xml,${
    encodeURIComponent(
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7.5" fill="${COLOURS[tone]}"/>` +
        `<path d="M8 .5c-2.4 3-2.4 12 0 15M1 6c4-1.2 10-1.2 14 0M1.6 11.6c4 1.2 8.8 1.2 12.8 0" fill="none" stroke="#fff" stroke-width="1.1"/></svg>`,
    )
  }`;

/** Shows the number of incidents and their highest severity in the title of the tab, and the state in its icon. */
export function showInTab(view: string, data: SyncHealthResponse | undefined): void {
  const worst = data && worstOf(data.active_alerts);
  const count = data ? countedOf(data.active_alerts).length : 0;
  document.title = `${count ? `(${count}) ` : ""}${worst ? `${title(worst)} – ` : ""}${view} · Beach volleyball sync`;
  const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  const href = iconOf(toneOf(data));
  if (icon && icon.href !== href) icon.href = href;
}
