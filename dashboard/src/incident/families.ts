import type { AlertIncident } from "../../../types/alerts.ts";
import { SEVERITIES } from "../../../types/sync.ts";

/** An incident of the list, and the incidents that it inhibits. */
interface Family {
  incident: AlertIncident;
  inhibited: AlertIncident[];
}

const STATES = ["FIRING", "ACKNOWLEDGED", "PENDING", "RESOLVED"];
const isLive = ({ state }: AlertIncident): boolean => state !== "RESOLVED";
const isSilenced = ({ muted_by }: AlertIncident): boolean => muted_by === "SILENCE";

/** Orders by state; live incidents by severity, the silenced ones of each last, then the oldest first; ended ones the newest first. */
function compare(a: AlertIncident, b: AlertIncident): number {
  const byState = STATES.indexOf(a.state) - STATES.indexOf(b.state);
  if (byState) return byState;
  if (!isLive(a)) return Date.parse(b.began_at) - Date.parse(a.began_at);
  return SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) || Number(isSilenced(a)) - Number(isSilenced(b)) ||
    Date.parse(a.began_at) - Date.parse(b.began_at);
}

/** The incidents by urgency, each with the incidents that it inhibits; an ended incident has no live one below it. */
export function familiesOf(incidents: AlertIncident[]): Family[] {
  const byId = new Map(incidents.map((incident) => [incident.id, incident]));
  const parentOf = (incident: AlertIncident): AlertIncident | undefined => {
    const parent = incident.parent_id === null ? undefined : byId.get(incident.parent_id);
    return parent && (isLive(parent) || !isLive(incident)) ? parent : undefined;
  };
  const rootOf = (incident: AlertIncident): AlertIncident => {
    const parent = parentOf(incident);
    return parent ? rootOf(parent) : incident;
  };
  const inhibited = Map.groupBy(incidents.filter(parentOf), rootOf);
  return incidents.filter((incident) => !parentOf(incident)).sort(compare)
    .map((incident) => ({ incident, inhibited: (inhibited.get(incident) ?? []).sort(compare) }));
}
