// Over 300 lines, because the histories of incidents, senders and receivers and the model of the outbox are in one file.
import fc from "fast-check";
import type { ClaimedGroup, Delivery, NotificationItem } from "../services/contract/alerts.ts";
import { messageId, planMessage } from "../services/outbox.ts";
import type { Severity } from "../types/sync.ts";

const DAY = 86_400_000;
/** An email channel with recipients by severity, and a webhook. */
export const CHANNELS = ["mail", "hook"] as const;
type Channel = typeof CHANNELS[number];
export const RECIPIENTS: Record<string, string[]> = { HIGH: ["team@example.com"], CRITICAL: ["oncall@example.com", "lead@example.com"] };

interface Incident {
  id: string;
  group: string;
  severity: Severity;
  state: "FIRING" | "RESOLVED";
}
export interface Row {
  id: string;
  incident_id: string;
  destination: string;
  kind: string;
  status: string;
  is_discarded: boolean;
}
type Outcome = Delivery & { token: string; message_id: string; reported: string[]; duration_ms: number };

/** The outbox: the database, or its model in memory; times are in milliseconds. */
export interface Outbox {
  create(incident: Incident, now: number): Promise<void>;
  queue(channel: Channel, incident: Incident, item: NotificationItem, now: number): Promise<void>;
  claim(now: number): Promise<ClaimedGroup[]>;
  record(outcome: Outcome, now: number): Promise<boolean>;
  rows(): Promise<Row[]>;
  /** Makes an act of a person; false when the outbox refuses it. */
  change(action: "resend" | "discard", id: string, now: number): Promise<boolean>;
  activate(channel: Channel, isActive: boolean): Promise<void>;
}

/** One step of a history; `pick` chooses among the objects that exist. */
interface Step {
  kind: "open" | "escalate" | "repeat" | "resolve" | "evaluate" | "claim" | "send" | "wait" | "resend" | "discard" | "toggle";
  answer: "ok" | "refused" | "lost" | "not received" | "gone" | "dies before" | "dies after";
  pick: number;
}

interface Received {
  destination: string;
  message: string;
  content: string;
  items: { incident_id: string; kind: string; severity: string; is_new: boolean }[];
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(
    ...["open", "open", "escalate", "repeat", "resolve", "resolve", "evaluate", "claim", "send", "send", "send", "send", "wait"] as const,
    ...["resend", "discard", "discard", "toggle"] as const,
  ),
  answer: fc.constantFrom("ok", "ok", "refused", "refused", "lost", "not received", "gone", "dies before", "dies after"),
  pick: fc.nat(1_000_000_000),
});
/** Random histories of an outbox, with `minLength` to `maxLength` steps. */
export const outboxHistories = (minLength: number, maxLength: number) => fc.array(step, { minLength, maxLength, size: "max" });

/** Runs a history on an outbox and returns the violations of the rules of delivery; at the end every receiver answers. */
export async function playHistory(outbox: Outbox, steps: readonly Step[], start: number): Promise<string[]> {
  let now = start, serial = 0;
  const incidents: Incident[] = [], violations: string[] = [], messages: Received[] = [];
  const inFlight: { group: ClaimedGroup; until: number; isDead: boolean }[] = [];
  const active: Record<Channel, boolean> = { mail: true, hook: true };
  const lost = new Set<string>(), acknowledged = new Set<string>(), ended = new Set<string>(), dead = new Set<string>();
  const firstFailure = new Map<string, number>();
  const nameOf = ({ channel, recipient }: ClaimedGroup) => recipient ?? channel;
  const firing = () => incidents.filter(({ state }) => state === "FIRING");
  const item = (incident: Incident, kind: NotificationItem["kind"]): NotificationItem => ({
    incident_id: incident.id,
    kind,
    rule_name: incident.group,
    metric: "consecutive_failures",
    entity_type: "matches_schedule",
    tournament_no: null,
    severity: incident.severity,
    message: `state ${++serial}`,
    reason: "model",
    evidence: {},
    began_at: null,
    opened_at: new Date(start).toISOString(),
    resolved_at: kind === "RESOLVED" ? new Date(now).toISOString() : null,
    runbook_url: null,
  });
  const queue = async (incident: Incident, kind: NotificationItem["kind"], channels: readonly Channel[] = CHANNELS) => {
    for (const channel of channels) await outbox.queue(channel, incident, item(incident, kind), now);
  };
  const send = async ({ group }: { group: ClaimedGroup }, answer: Step["answer"]) => {
    const plan = planMessage(group), destination = nameOf(group);
    const id = await messageId(group, plan);
    const keys = plan.items.filter((planned) => planned.is_new).map((planned) => `${destination} ${planned.incident_id}`);
    if (["ok", "lost", "dies after"].includes(answer)) {
      for (const planned of plan.items.filter(({ is_new, kind }) => is_new && kind === "RESOLVED")) {
        const key = `${destination} ${planned.incident_id}`;
        const began = messages.some((one) =>
          one.destination === destination && one.items.some((old) => old.incident_id === planned.incident_id && old.kind !== "RESOLVED")
        );
        if (!began && !lost.has(key)) violations.push(`${destination} receives the end of ${planned.incident_id} without a beginning`);
      }
      for (const planned of plan.items.filter(({ kind }) => kind !== "RESOLVED")) {
        const key = `${destination} ${planned.incident_id}`;
        if (ended.has(key)) violations.push(`${destination} receives a beginning of ${planned.incident_id} after its end`);
      }
      for (const row of plan.reported.filter((row) => acknowledged.has(row))) violations.push(`${row} is sent after it was acknowledged`);
      const content = JSON.stringify([plan.items, plan.reported]);
      const twin = messages.find((one) => one.destination === destination && one.content === content && one.message !== id);
      if (twin) violations.push(`${destination} receives one message under two ids`);
      messages.push({ destination, message: id, content, items: plan.items });
      for (const planned of plan.items.filter(({ kind }) => kind === "RESOLVED")) ended.add(`${destination} ${planned.incident_id}`);
    }
    if (["lost", "not received", "dies before", "dies after"].includes(answer)) keys.forEach((key) => lost.add(key));
    if (answer !== "ok") keys.forEach((key) => firstFailure.set(key, firstFailure.get(key) ?? now));
    if (answer.startsWith("dies")) return;
    const outcome = answer === "ok" ? "SENT" as const : answer === "gone" ? "DEAD" as const : "RETRY" as const;
    const is_answered = !["lost", "not received"].includes(answer);
    const isCurrent = await outbox.record(
      {
        token: group.token,
        message_id: id,
        reported: plan.reported,
        outcome,
        is_answered,
        duration_ms: 1,
        ...(is_answered ? {} : { error: "lost" }),
      },
      now,
    );
    if (isCurrent && outcome === "SENT") {
      plan.reported.forEach((row) => acknowledged.add(row));
      keys.forEach((key) => firstFailure.delete(key));
    }
    if (isCurrent && answer === "gone") plan.reported.forEach((row) => dead.add(row));
  };
  /** Removes the senders that did not send within their lease, as if they had died. */
  const abandon = (until: number) => {
    for (const sender of inFlight.filter((one) => one.until <= until && !one.isDead)) {
      sender.isDead = true;
      for (const { item } of sender.group.rows) {
        const key = `${nameOf(sender.group)} ${item.incident_id}`;
        lost.add(key);
        firstFailure.set(key, firstFailure.get(key) ?? now);
      }
    }
  };
  const claim = async () => {
    abandon(now);
    for (const group of await outbox.claim(now)) {
      const ids = new Set(group.rows.map((row) => row.item.incident_id));
      for (const other of inFlight.filter(({ until }) => until > now)) {
        if (nameOf(other.group) === nameOf(group) && other.group.rows.some((row) => ids.has(row.item.incident_id))) {
          violations.push(`two messages about one incident are in flight to ${nameOf(group)}`);
        }
      }
      inFlight.push({ group, until: now + 60_000, isDead: false });
    }
  };
  /** Queues each firing incident for an enabled channel that has no state of it, as the evaluator does. */
  const evaluate = async () => {
    const rows = await outbox.rows();
    for (const incident of firing()) {
      for (const channel of CHANNELS.filter((name) => active[name])) {
        const isQueued = rows.some((row) =>
          row.incident_id === incident.id && (row.destination === channel || channel === "mail" && row.destination.includes("@"))
        );
        if (!isQueued) await queue(incident, "FIRING", [channel]);
      }
    }
  };
  const perform = async ({ kind, answer, pick }: Step): Promise<void> => {
    now += 1 + pick % 20_000;
    const incident = firing()[pick % (firing().length || 1)];
    switch (kind) {
      case "open": {
        const opened: Incident = { id: crypto.randomUUID(), group: pick % 2 ? "one" : "two", severity: "HIGH", state: "FIRING" };
        incidents.push(opened);
        await outbox.create(opened, now);
        return await queue(opened, "FIRING");
      }
      case "escalate":
        if (!incident) return;
        incident.severity = "CRITICAL";
        return await queue(incident, "ESCALATED");
      case "repeat":
        return incident && await queue(incident, "REPEAT");
      case "resolve":
        if (!incident) return;
        incident.state = "RESOLVED";
        return await queue(incident, "RESOLVED");
      case "evaluate":
        return await evaluate();
      case "claim":
        return await claim();
      case "send": {
        const alive = () => inFlight.filter(({ isDead, until }) => !isDead && until > now);
        if (!alive().length) await claim();
        const sender = alive()[pick % (alive().length || 1)];
        if (!sender) return;
        await send(sender, answer);
        // The claim of a dead sender stays in flight until its lease expires.
        if (answer.startsWith("dies")) sender.isDead = true;
        else inFlight.splice(inFlight.indexOf(sender), 1);
        return;
      }
      case "wait":
        now += pick % 5 === 0 ? pick % (4 * DAY) : pick % 7_200_000;
        return;
      case "resend":
      case "discard": {
        const rows = await outbox.rows(), chosen = rows[pick % (rows.length || 1)];
        if (!chosen) return;
        const isDone = await outbox.change(kind, chosen.id, now);
        if (isDone && kind === "resend") firstFailure.delete(`${chosen.destination} ${chosen.incident_id}`);
        return;
      }
      case "toggle": {
        const channel = CHANNELS[pick % 2] as Channel;
        active[channel] = !active[channel];
        return await outbox.activate(channel, active[channel]);
      }
    }
  };
  for (const step of steps) {
    await perform(step);
    for (const row of step.kind === "send" ? await outbox.rows() : []) {
      if (row.status !== "DEAD") dead.delete(row.id);
      if (row.status !== "DEAD" || row.is_discarded || dead.has(row.id)) continue;
      dead.add(row.id);
      const since = firstFailure.get(`${row.destination} ${row.incident_id}`);
      if (since !== undefined && now - since < 3 * DAY) {
        violations.push(`${row.destination} gives up a state ${now - since} ms after its first failure`);
      }
    }
    if (violations.length) return violations;
  }
  for (const channel of CHANNELS) await outbox.activate(channel, active[channel] = true);
  await evaluate();
  abandon(Infinity);
  for (let round = 0; round < 12; round++) {
    now += 3_700_000;
    for (const group of await outbox.claim(now)) await send({ group }, "ok");
  }
  const rows = await outbox.rows();
  for (const row of rows) {
    if (!["SENT", "SUPERSEDED", "DEAD"].includes(row.status)) violations.push(`a state of ${row.destination} stays ${row.status}`);
  }
  for (const incident of incidents) {
    const destinations = new Set(rows.filter((row) => row.incident_id === incident.id).map((row) => row.destination));
    for (const destination of destinations) {
      const own = rows.filter((row) => row.incident_id === incident.id && row.destination === destination);
      if (own.at(-1)?.status === "DEAD") continue;
      const last = messages.filter((one) => one.destination === destination).flatMap((one) => one.items)
        .filter((old) => old.incident_id === incident.id).at(-1);
      const state = last && (last.kind === "RESOLVED" ? "RESOLVED" : "FIRING");
      // A destination that received no opening needs no end.
      const isRight = state === incident.state && (state === "RESOLVED" || last?.severity === incident.severity) ||
        !last && incident.state === "RESOLVED";
      if (!isRight) {
        violations.push(
          `${destination} last received ${state} ${last?.severity} of an incident that is ${incident.state} ${incident.severity}`,
        );
      }
    }
  }
  return violations;
}

interface StoredRow extends Row {
  channel: Channel;
  group: string;
  item: NotificationItem;
  token: string | null;
  leaseUntil: number;
  firstFailedAt: number | null;
  isPerhapsReceived: boolean;
}

/** The outbox in memory: a model of the SQL functions of `012_alert_transitions.sql`, without group windows and hourly limits. */
export class MemoryOutbox implements Outbox {
  #rows: StoredRow[] = [];
  #incidents = new Map<string, Incident>();
  #active: Record<Channel, boolean> = { mail: true, hook: true };
  #failures = new Map<string, { count: number; retryAt: number }>();
  #resentAt = new Map<string, number>();

  create(incident: Incident): Promise<void> {
    this.#incidents.set(incident.id, incident);
    return Promise.resolve();
  }
  queue(channel: Channel, incident: Incident, item: NotificationItem): Promise<void> {
    const own = this.#rows.filter((row) => row.incident_id === incident.id && row.channel === channel).map((row) => row.destination);
    const routed = channel === "mail" ? RECIPIENTS[incident.severity] ?? [] : [channel];
    const destinations = new Set([...own, ...(item.kind !== "RESOLVED" && this.#active[channel] ? routed : [])]);
    for (const destination of destinations) {
      this.#rows.push({
        id: crypto.randomUUID(),
        incident_id: incident.id,
        channel,
        destination,
        group: incident.group,
        kind: item.kind,
        item,
        status: "PENDING",
        is_discarded: false,
        token: null,
        leaseUntil: 0,
        firstFailedAt: null,
        isPerhapsReceived: false,
      });
    }
    return Promise.resolve();
  }
  claim(now: number): Promise<ClaimedGroup[]> {
    for (const row of this.#rows.filter((row) => row.status === "SENDING" && row.leaseUntil <= now)) {
      Object.assign(row, { status: "PENDING", token: null, isPerhapsReceived: true, firstFailedAt: row.firstFailedAt ?? now });
    }
    for (const row of this.#rows.filter((row) => row.status === "PENDING" && this.#isUnreceived(row))) row.status = "SUPERSEDED";
    const open = this.#rows.filter((row) => row.status === "PENDING" || row.status === "SENDING");
    const groups = Map.groupBy(open, (row) => `${row.destination} ${row.group}`);
    return Promise.resolve([...groups.values()].flatMap((rows) => {
      const [first] = rows;
      if (!first || rows.some((row) => row.status === "SENDING") || !this.#active[first.channel]) return [];
      if ((this.#failures.get(first.destination)?.retryAt ?? 0) > now) return [];
      const token = crypto.randomUUID();
      rows.forEach((row) => Object.assign(row, { status: "SENDING", token, leaseUntil: now + 60_000 }));
      return [this.#claimed(token, first, rows)];
    }));
  }
  #isUnreceived({ incident_id, destination }: StoredRow): boolean {
    const own = this.#rows.filter((row) => row.incident_id === incident_id && row.destination === destination);
    return own.some((row) => row.kind === "RESOLVED") &&
      !own.some((row) => row.status === "SENT" || row.status === "SENDING" || row.isPerhapsReceived);
  }
  #claimed(token: string, { channel, destination, group }: StoredRow, rows: StoredRow[]): ClaimedGroup {
    const there = this.#rows.filter((row) => row.destination === destination);
    const received = ({ incident_id }: StoredRow) => {
      const own = there.filter((row) => row.incident_id === incident_id);
      return own.some((row) => row.status === "SENT") ? "YES" : own.some((row) => row.isPerhapsReceived) ? "PERHAPS" : "NO";
    };
    const sent = new Map(
      there.filter((row) => row.status === "SENT" && row.group === group && !rows.some((open) => open.incident_id === row.incident_id))
        .map((row) => [row.incident_id, row.item]),
    );
    return {
      token,
      channel,
      recipient: channel === "mail" ? destination : null,
      kind: channel === "mail" ? "email" : "webhook",
      config: {},
      secret: null,
      previous_secret: null,
      hourly_limit: 60,
      over_limit: 0,
      group: { rule_name: group, entity_type: "matches_schedule" },
      rows: rows.map((row) => ({ id: row.id, item: row.item, received: received(row) })),
      firing: [...sent].filter(([id]) => this.#incidents.get(id)?.state === "FIRING").map(([, item]) => item),
    };
  }
  record({ token, reported, outcome, is_answered }: Outcome, now: number): Promise<boolean> {
    const rows = this.#rows.filter((row) => row.token === token && row.status === "SENDING");
    const firstOf = new Map<string, number | null>();
    for (const { incident_id, firstFailedAt } of rows) {
      const known = [firstOf.get(incident_id) ?? null, firstFailedAt, outcome === "RETRY" ? now : null].filter((at) => at !== null);
      firstOf.set(incident_id, known.length ? Math.min(...known) : null);
    }
    for (const row of rows) {
      const first = firstOf.get(row.incident_id) ?? null;
      const isTemporary = outcome === "RETRY" && first !== null && first > now - 3 * DAY;
      row.status = !reported.includes(row.id) ? "SUPERSEDED" : outcome === "SENT" ? "SENT" : isTemporary ? "PENDING" : "DEAD";
      Object.assign(row, {
        token: null,
        firstFailedAt: first,
        isPerhapsReceived: row.isPerhapsReceived || outcome !== "SENT" && !is_answered,
      });
    }
    const [first] = rows;
    if (first) {
      const count = outcome === "SENT" ? 0 : (this.#failures.get(first.destination)?.count ?? 0) + 1;
      this.#failures.set(first.destination, { count, retryAt: count ? now + Math.min(10_000 * 2 ** (count - 1), 3_600_000) : 0 });
    }
    return Promise.resolve(rows.length > 0);
  }
  rows(): Promise<Row[]> {
    return Promise.resolve(this.#rows);
  }
  change(action: "resend" | "discard", id: string, now: number): Promise<boolean> {
    const row = this.#rows.find((row) => row.id === id);
    if (!row) return Promise.resolve(false);
    const isNewest = this.#rows.findLast((other) => other.incident_id === row.incident_id && other.destination === row.destination) === row;
    const isOver = row.kind !== "RESOLVED" && this.#incidents.get(row.incident_id)?.state === "RESOLVED";
    const isRepeated = now < (this.#resentAt.get(id) ?? -Infinity) + 60_000;
    if (action === "resend" && row.status === "DEAD" && isNewest && !isOver && !isRepeated) {
      this.#resentAt.set(id, now);
      Object.assign(row, { status: "PENDING", firstFailedAt: null, is_discarded: false });
      return Promise.resolve(true);
    }
    const canDiscard = action === "discard" && (row.status === "PENDING" || row.status === "DEAD") && !row.is_discarded;
    if (canDiscard) {
      const older = this.#rows.slice(0, this.#rows.indexOf(row)).filter((other) => other.status === "PENDING");
      for (const other of older) {
        if (other.incident_id === row.incident_id && other.destination === row.destination) other.status = "SUPERSEDED";
      }
      Object.assign(row, { status: "DEAD", is_discarded: true });
    }
    return Promise.resolve(canDiscard);
  }
  activate(channel: Channel, isActive: boolean): Promise<void> {
    this.#active[channel] = isActive;
    return Promise.resolve();
  }
}
