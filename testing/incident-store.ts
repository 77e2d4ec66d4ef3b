import type { Measurements, NotificationItem, QueuedNotification, Transition } from "../services/contract/alerts.ts";
import { actOn, changeIncident, openIncident } from "../services/incident-state.ts";
import { planMessage, type PlannedItem } from "../services/outbox.ts";
import { measureWorld } from "./incident-measure.ts";
import {
  type Coverage,
  destinationKey,
  type Incident,
  isLive,
  isNotified,
  type Queued,
  scopeKey,
  type Snapshot,
} from "./incident-snapshot.ts";
import { MINUTE, type Run, type Silence, weightOf, type World } from "./incident-world.ts";

/** The answer of a receiver: `lost` when it has the message but its answer does not arrive, `gone` for a permanent failure. */
export type Answer = "ok" | "refused" | "lost" | "gone";
/** A message about one group that a destination has received. */
export interface Received {
  destination: string;
  items: PlannedItem[];
}
export interface Decided {
  measured: Measurements;
  transitions: Transition[];
  recovered: string[];
}

/** An event besides the evaluations, by a person or by the world, after the {@link World} has changed. */
export type Act =
  | { kind: "run"; run: Run }
  | { kind: "acknowledge" | "unacknowledge" | "resolve"; id: string; until?: number }
  | { kind: "silence"; silence: Silence }
  | { kind: "pause" | "activity"; entity_type: string }
  | { kind: "rule"; id: string }
  | { kind: "tournament"; no: string }
  | { kind: "channel"; name: string }
  | { kind: "discard"; id: string };

/** The incidents and their outbox: the database, or its model in memory. */
export interface IncidentStore {
  perform(act: Act, world: World): Promise<void>;
  measure(world: World): Promise<Measurements>;
  apply(decided: Decided, world: World): Promise<void>;
  deliver(answerOf: (destination: string) => Answer, world: World): Promise<Received[]>;
  snapshot(): Promise<Snapshot>;
}

const toIso = (ms: number): string => new Date(ms).toISOString();
interface StoredRow extends Queued {
  item: NotificationItem;
  group: string;
  isPerhapsReceived: boolean;
}

/** The incidents in memory: a model of the SQL functions of `012_alert_transitions.sql` and of the acts of `013_audit_and_acts.sql`. */
export class MemoryStore implements IncidentStore {
  #incidents: Incident[] = [];
  #rows: StoredRow[] = [];
  #coverage: Coverage[] = [];
  #evaluated: { at: number; since: number } | null = null;
  #serial = 0;

  snapshot(): Promise<Snapshot> {
    return Promise.resolve({
      incidents: this.#incidents.map((incident) => ({ ...incident })),
      rows: this.#rows.map((row) => ({ ...row })),
      coverage: this.#coverage.map((coverage) => ({ ...coverage })),
    });
  }
  measure(world: World): Promise<Measurements> {
    const last = this.#evaluated;
    const since = last === null ? null : last.at <= world.now - 5 * MINUTE ? world.now : last.since;
    const snapshot = { incidents: this.#incidents, rows: this.#rows, coverage: this.#coverage };
    return Promise.resolve(measureWorld(world, snapshot, since));
  }
  apply({ measured, transitions, recovered }: Decided, { now, rules, runs }: World): Promise<void> {
    const active = rules.filter(({ is_active }) => is_active).map(({ id }) => id);
    for (const transition of transitions) {
      if (transition.incident_id === null && !active.includes(transition.rule_id)) continue;
      const incident = this.#transition(transition, now);
      if (!incident || transition.to_state === "DISCARDED") continue;
      for (const notification of transition.notifications) this.#queue(incident, notification);
      for (const bad of transition.bad_runs) this.#cover(incident.id, bad);
      if (transition.to_state === "RESOLVED") this.#closeCoverage(incident.id, runs);
    }
    this.#mendParents();
    for (const incident of this.#incidents) if (recovered.includes(incident.id)) incident.awaits_recovery = false;
    this.#evaluated = { at: now, since: measured.evaluated_since === null ? now : Date.parse(measured.evaluated_since) };
    return Promise.resolve();
  }
  /** Replaces an ended parent by the live incident of its scope, and removes a parent that has a parent. */
  #mendParents(): void {
    const live = this.#incidents.filter(isLive), children = new Set(live.filter(({ parent_id }) => parent_id !== null).map(({ id }) => id));
    for (const incident of live) {
      const parent = this.#incidents.find(({ id }) => id === incident.parent_id);
      const successor = parent && !isLive(parent) && live.find((one) => isNotified(one) && scopeKey(one) === scopeKey(parent));
      if (successor && successor !== incident) incident.parent_id = successor.id;
      if (incident.parent_id !== null && children.has(incident.parent_id)) incident.parent_id = null;
    }
  }
  #transition(t: Transition, now: number): Incident | null {
    const live = this.#incidents.filter(isLive), key = t.parent && scopeKey(t.parent);
    const parent_id = live.find((incident) => scopeKey(incident) === key)?.id ?? null;
    if (t.incident_id === null) {
      const isClosed = this.#incidents.some((incident) => incident.awaits_recovery && scopeKey(incident) === scopeKey(t));
      if (isClosed || live.some((incident) => scopeKey(incident) === scopeKey(t)) || t.to_state === "DISCARDED") return null;
      const incident: Incident = { ...openIncident(t, crypto.randomUUID(), now), parent_id };
      this.#incidents.push(incident);
      return incident;
    }
    const incident = live.find(({ id, version }) => id === t.incident_id && version === t.version);
    if (!incident) return null;
    if (t.to_state === "DISCARDED") {
      this.#incidents = this.#incidents.filter((other) => other !== incident);
      return incident;
    }
    return Object.assign(incident, changeIncident(incident, t, now), t.to_state === "RESOLVED" ? {} : { parent_id });
  }
  #queue(incident: Incident, { channel, recipient, kind, reason }: QueuedNotification): void {
    const { id: incident_id, severity, cause, rule_name, entity_type, tournament_no, message, opened_at, began_at, resolved_at } = incident;
    const item = {
      incident_id,
      kind,
      rule_name,
      metric: "",
      entity_type,
      tournament_no,
      severity,
      message,
      reason,
      evidence: {},
      began_at,
    };
    this.#rows.push({
      id: crypto.randomUUID(),
      seq: ++this.#serial,
      incident_id,
      channel,
      recipient,
      kind,
      severity,
      cause,
      status: "PENDING",
      item: { ...item, opened_at, resolved_at, runbook_url: null },
      group: `${incident.rule_id} ${entity_type}`,
      isPerhapsReceived: false,
    });
  }
  #cover(incident_id: string, { entity_type, first_run_at, last_run_at }: Omit<Coverage, "incident_id">): void {
    const known = this.#coverage.find((coverage) => coverage.incident_id === incident_id && coverage.entity_type === entity_type);
    if (!known) this.#coverage.push({ incident_id, entity_type, first_run_at, last_run_at });
    else if (first_run_at < known.first_run_at) known.first_run_at = first_run_at;
    if (known && last_run_at > known.last_run_at) known.last_run_at = last_run_at;
  }
  /** Extends the coverage of an ending incident to the last failed run, because an evaluation may not have measured that run. */
  #closeCoverage(incident_id: string, runs: Run[]): void {
    for (const coverage of this.#coverage.filter((one) => one.incident_id === incident_id)) {
      const failed = runs.filter((run) => run.entity_type === coverage.entity_type && weightOf(run) < 1).map(({ start }) => start);
      coverage.last_run_at = toIso(Math.max(Date.parse(coverage.last_run_at), ...failed));
    }
  }
  /** Ends an incident, and queues its end for each destination with an earlier state. */
  #end(incident: Incident, now: number): void {
    Object.assign(incident, { state: "RESOLVED", resolved_at: toIso(now), version: incident.version + 1 });
    if (incident.notified_at !== null) this.#queueEnd(incident);
  }
  #queueEnd(incident: Incident): void {
    const destinations = new Map(
      this.#rows.filter(({ incident_id }) => incident_id === incident.id).map((row) => [destinationKey(row), row]),
    );
    for (const { channel, recipient } of destinations.values()) {
      this.#queue(incident, { channel, recipient, kind: "RESOLVED", reason: "ended by a person" });
    }
  }
  perform(act: Act, world: World): Promise<void> {
    if (act.kind === "acknowledge" || act.kind === "unacknowledge" || act.kind === "resolve") {
      const incident = this.#incidents.find(({ id }) => id === act.id);
      if (incident) this.#change(incident, act, world.now);
    } else if (act.kind === "rule" && world.rules.some(({ id, is_active }) => id === act.id && !is_active)) {
      this.#incidents = this.#incidents.filter((incident) => incident.rule_id !== act.id || incident.state !== "PENDING");
      for (const incident of this.#incidents) if (incident.rule_id === act.id && isLive(incident)) this.#end(incident, world.now);
    } else if (act.kind === "discard") this.#discard(act.id);
    return Promise.resolve();
  }
  #change(incident: Incident, { kind, until }: Extract<Act, { until?: number }>, now: number): void {
    const isNotified = incident.notified_at !== null;
    Object.assign(incident, actOn(incident, kind, until ? toIso(until) : null, now));
    if (kind === "resolve" && isNotified) this.#queueEnd(incident);
  }
  #discard(id: string): void {
    const row = this.#rows.find((row) => row.id === id);
    if (!row) return;
    for (const other of this.#rows) {
      const isOlder = other.seq < row.seq && other.incident_id === row.incident_id && destinationKey(other) === destinationKey(row);
      if (isOlder && other.status === "PENDING") other.status = "SUPERSEDED";
    }
    row.status = "DEAD";
  }
  deliver(answerOf: (destination: string) => Answer, { activeChannels }: World): Promise<Received[]> {
    const received: Received[] = [];
    const open = this.#rows.filter(({ status, channel }) => status === "PENDING" && activeChannels.has(channel));
    for (const [, rows] of Map.groupBy(open, (row) => `${destinationKey(row)} ${row.group}`)) {
      for (const row of rows) if (this.#isUnreceived(row)) row.status = "SUPERSEDED";
      const due = rows.filter(({ status }) => status === "PENDING"), [first] = due;
      if (!first) continue;
      const destination = destinationKey(first), answer = answerOf(destination);
      const plan = planMessage({ rows: due.map((row) => ({ id: row.id, item: row.item, received: this.#hasReceived(row) })), firing: [] });
      if (answer === "ok" || answer === "lost") received.push({ destination, items: plan.items });
      for (const row of due) {
        const status = answer === "ok" ? "SENT" as const : answer === "gone" ? "DEAD" as const : "PENDING" as const;
        row.status = plan.reported.includes(row.id) ? status : "SUPERSEDED";
        row.isPerhapsReceived ||= answer === "lost";
      }
    }
    return Promise.resolve(received);
  }
  #same({ incident_id, channel, recipient }: Queued): StoredRow[] {
    return this.#rows.filter((row) => row.incident_id === incident_id && row.channel === channel && row.recipient === recipient);
  }
  #hasReceived(row: Queued): "YES" | "NO" | "PERHAPS" {
    const same = this.#same(row);
    return same.some(({ status }) => status === "SENT") ? "YES" : same.some((other) => other.isPerhapsReceived) ? "PERHAPS" : "NO";
  }
  #isUnreceived(row: Queued): boolean {
    return this.#same(row).some(({ kind, status }) => kind === "RESOLVED" && status === "PENDING") && this.#hasReceived(row) === "NO";
  }
}
