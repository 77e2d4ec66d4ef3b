import { Link } from "wouter-preact";
import type { AlertSummary, SyncHealthResponse } from "../../../types/monitoring.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { counted, title } from "../format.ts";
import { countedOf } from "../tab.ts";
import { Acknowledge } from "./acknowledge.tsx";
import { Severity } from "./status.tsx";
import { Moment, Since } from "./time.tsx";

type Titles = Record<string, { title: string }>;

/** What an incident is about: the title of a sync, and the tournament. */
export function scopeOf({ entity_type, tournament_no }: Pick<AlertSummary, "entity_type" | "tournament_no">, titles: Titles): string {
  const entity = { all: "All syncs", system: "Monitoring" }[entity_type] ?? titles[entity_type]?.title ?? title(entity_type);
  return tournament_no ? `${entity}, tournament ${tournament_no}` : entity;
}

/** The live incidents by severity; each one contains the incidents that it inhibits. */
export function ActiveIncidents({ alerts, entities }: { alerts: AlertSummary[]; entities: SyncHealthResponse["sync_entities"] }) {
  const rankOf = ({ severity }: AlertSummary) => SEVERITIES.indexOf(severity);
  const roots = countedOf(alerts).sort((a, b) => rankOf(b) - rankOf(a) || Date.parse(a.began_at) - Date.parse(b.began_at));
  const inhibitedBy = (id: string): AlertSummary[] =>
    alerts.filter(({ parent_id }) => parent_id === id).flatMap((child) => [child, ...inhibitedBy(child.id)]);
  return (
    <ul class="incidents card" aria-label="Active incidents">
      {roots.map((incident) => (
        <Incident key={incident.id} incident={incident} inhibited={inhibitedBy(incident.id)} titles={entities} />
      ))}
    </ul>
  );
}

function Incident({ incident, inhibited, titles }: { incident: AlertSummary; inhibited: AlertSummary[]; titles: Titles }) {
  const { id, cause, severity, state, affected, began_at, acknowledged_by, acknowledged_until, muted_by } = incident;
  return (
    <li data-severity={severity}>
      <Severity of={severity} />
      <div>
        <Link href={`/alerts/${id}`} class="cause">{cause}</Link>
        <p class="dotted">
          <span>{scopeOf(incident, titles)}</span>
          {affected && <span>{affected.count} of {counted(affected.of, "tournament")}</span>}
          <span>
            for <Since at={began_at} />
          </span>
          {state === "ACKNOWLEDGED" && (
            <span>
              acknowledged by {acknowledged_by}
              {acknowledged_until && <> until <Moment at={acknowledged_until} /></>}
            </span>
          )}
          {muted_by === "SILENCE" && <span>silenced</span>}
        </p>
        {inhibited.length > 0 && (
          <details>
            <summary>{counted(inhibited.length, "incident")} inhibited: the same cause</summary>
            <ul class="links">
              {inhibited.map((child) => (
                <li key={child.id}>
                  <Link href={`/alerts/${child.id}`}>{child.name}</Link> <small>{scopeOf(child, titles)}</small>
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
      {state === "FIRING" ? <Acknowledge id={id} cause={cause} /> : <Link href={`/alerts/${id}`} role="button">Open</Link>}
    </li>
  );
}
