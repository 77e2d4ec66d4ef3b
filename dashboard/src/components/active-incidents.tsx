import { Link } from "wouter-preact";
import type { AlertSummary } from "../../../types/monitoring.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { counted, number, unbroken } from "../format.ts";
import { countedOf } from "../tab.ts";
import { Acknowledge } from "./acknowledge.tsx";
import { Severity } from "./status.tsx";
import { Moment, Since } from "./time.tsx";

/** The affected objects of an incident: `10 of 10 tournaments`. */
export function extentOf({ count, of, unit }: NonNullable<AlertSummary["affected"]>): string {
  const noun = unit === "replies" ? "reply" : unit.slice(0, -1);
  const plural = (value: number) => value === 1 ? noun : unit;
  return of === null ? `${number(count)} ${plural(count)}` : `${number(count)} of ${number(of)} ${plural(of)}`;
}

/** The live incidents by severity, the silenced ones of each severity last; each row includes the incidents that it inhibits. */
export function ActiveIncidents({ alerts }: { alerts: AlertSummary[] }) {
  const rankOf = ({ severity }: AlertSummary) => SEVERITIES.indexOf(severity);
  const isSilenced = ({ muted_by }: AlertSummary) => muted_by === "SILENCE";
  const roots = countedOf(alerts).sort((a, b) =>
    rankOf(b) - rankOf(a) || Number(isSilenced(a)) - Number(isSilenced(b)) || Date.parse(a.began_at) - Date.parse(b.began_at)
  );
  const inhibitedBy = (id: string): AlertSummary[] =>
    alerts.filter(({ parent_id }) => parent_id === id).flatMap((child) => [child, ...inhibitedBy(child.id)]);
  const firing = roots.filter(({ state }) => state === "FIRING");
  const first = firing.find((incident) => !isSilenced(incident)) ?? firing[0];
  return (
    <ul class="incidents card" aria-label="Active incidents">
      {roots.map((incident) => (
        <Incident key={incident.id} incident={incident} inhibited={inhibitedBy(incident.id)} isMain={incident === first} />
      ))}
    </ul>
  );
}

function Incident({ incident, inhibited, isMain }: {
  incident: AlertSummary;
  inhibited: AlertSummary[];
  /** Whether the acknowledgement of the incident is the main act of the view. */
  isMain: boolean;
}) {
  const { id, name, cause, scope, severity, state, affected, began_at, acknowledged_by, acknowledged_until, muted_by } = incident;
  return (
    <li data-severity={severity} data-quiet={state === "ACKNOWLEDGED" || muted_by === "SILENCE" || undefined}>
      <div class="badges">
        <Severity of={severity} />
        {muted_by === "SILENCE" && <span class="pill">Silenced</span>}
      </div>
      <div>
        <Link href={`/alerts/${id}`} class="cause">{unbroken(cause)}</Link>
        <p class="dotted">
          <span>{scope}</span>
          <span>
            for <Since at={began_at} />
          </span>
          {affected && !cause.includes(extentOf(affected)) && <span>{extentOf(affected)}</span>}
          {state === "ACKNOWLEDGED" && (
            <span>
              acknowledged by {acknowledged_by} {acknowledged_until && (
                <>
                  until <Moment at={acknowledged_until} />
                </>
              )}
            </span>
          )}
          <span>{name}</span>
        </p>
        {inhibited.length > 0 && (
          <details>
            <summary>{counted(inhibited.length, "inhibited incident")} with the same cause</summary>
            <ul class="links">
              {inhibited.map((child) => (
                <li key={child.id}>
                  <Link href={`/alerts/${child.id}`}>{child.name}</Link> <small>{child.scope}</small>
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
      {state === "FIRING" ? <Acknowledge id={id} cause={cause} isMain={isMain} /> : <Link href={`/alerts/${id}`} role="button">Open</Link>}
    </li>
  );
}
