import type { PastIncident } from "../types/backtest.ts";
import type { Address, BadRun, DestinationState, Scope, Transition } from "./contract/alerts.ts";
import type { PastAct } from "./contract/replay.ts";
import { actOn, changeIncident, openIncident, type StoredIncident } from "./incident-state.ts";
import type { QueuedState } from "./replay-messages.ts";

interface Live extends StoredIncident {
  destinations: Map<string, DestinationState>;
  bad_runs: BadRun[];
  parent: Scope | null;
  acknowledged_at: string | null;
}

/** The incidents of one rule in memory, and the states that were queued for its destinations. */
export class ReplayedIncidents {
  readonly queued: QueuedState[] = [];
  readonly ended: Live[] = [];
  live: Live | null = null;
  /** The incident that a person resolved and whose value has not recovered. */
  closed: Live | null = null;

  apply(t: Transition, now: number): void {
    const isNew = t.incident_id === null, before = isNew ? null : this.live;
    if (t.to_state === "DISCARDED") {
      this.live = null;
      return;
    }
    const changed = before ? changeIncident(before, t, now) : openIncident(t, `replayed ${this.ended.length + 1}`, now);
    const incident: Live = {
      ...changed,
      destinations: before?.destinations ?? new Map(),
      bad_runs: covered(before?.bad_runs ?? [], t.bad_runs),
      parent: t.parent,
      acknowledged_at: before?.acknowledged_at ?? null,
    };
    for (const { channel, recipient, kind } of t.notifications) this.#queue(incident, { channel, recipient }, kind, now);
    if (incident.state === "RESOLVED") this.ended.push(incident);
    if (incident.missed_due_at === null) this.live = incident.state === "RESOLVED" ? null : incident;
  }

  #queue({ destinations, severity, cause }: Live, address: Address, kind: QueuedState["kind"], now: number) {
    destinations.set(JSON.stringify([address.channel, address.recipient]), { ...address, severity, cause, is_dead: false });
    this.queued.push({ ...address, at: now, kind, severity });
  }

  /** Repeats the act of a person, if the state of the incident in the replay allows it. */
  act({ at, action, until }: PastAct): void {
    const live = this.live;
    if (!live || live.state === "PENDING" || action === "unacknowledge" && live.state === "FIRING") return;
    const acknowledged_at = action === "acknowledge"
      ? new Date(at).toISOString()
      : action === "unacknowledge"
      ? null
      : live.acknowledged_at;
    const incident = { ...live, ...actOn(live, action, until, at), acknowledged_at };
    if (action !== "resolve") {
      this.live = incident;
      return;
    }
    if (incident.notified_at !== null) {
      for (const address of [...live.destinations.values()]) this.#queue(incident, address, "RESOLVED", at);
    }
    this.live = null;
    this.closed = incident;
    this.ended.push(incident);
  }

  /** The incidents that fired, by the time at which they opened. */
  fired(): PastIncident[] {
    return [...this.ended, ...this.live ? [this.live] : []].filter(({ fired_at }) => fired_at !== null)
      .toSorted((a, b) => Date.parse(a.opened_at) - Date.parse(b.opened_at)).map(pastOf);
  }
}

function pastOf({ entity_type, tournament_no, opened_at, resolved_at, severity, evidence, acknowledged_at }: Live): PastIncident {
  const peak = typeof evidence.peak === "number" ? evidence.peak : null;
  return { entity_type, tournament_no, opened_at, resolved_at, severity, peak, acknowledged_at };
}

/** The runs that an incident covers after further runs are added, as `private.record_coverage` adds them. */
function covered(before: BadRun[], added: BadRun[]): BadRun[] {
  const ranges = Map.groupBy([...before, ...added], ({ entity_type }) => entity_type);
  const edge = (times: string[], sign: 1 | -1) => times.toSorted((a, b) => sign * (Date.parse(a) - Date.parse(b)))[0] ?? "";
  return [...ranges].map(([entity_type, own]) => ({
    entity_type,
    first_run_at: edge(own.map(({ first_run_at }) => first_run_at), 1),
    last_run_at: edge(own.map(({ last_run_at }) => last_run_at), -1),
  }));
}
