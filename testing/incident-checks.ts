import type { Measurement, Measurements } from "../services/contract/alerts.ts";
import { SEVERITIES, type Severity } from "../types/sync.ts";
import {
  destinationKey,
  type Incident,
  isLive,
  isNotified,
  newestStates,
  type Queued,
  scopeKey,
  type Snapshot,
} from "./incident-snapshot.ts";
import { causeOrder, hasCause, judge, verdictOf } from "./incident-verdict.ts";
import { MINUTE } from "./incident-world.ts";

interface Evaluated {
  measured: Measurements;
  before: Snapshot;
  after: Snapshot;
  now: number;
}
/** The times of an incident for the invariants about time. */
interface Clock {
  /** The last time at which the escalation clock did not run, and the time since which it has run at each evaluation. */
  restedAt: number;
  runningSince: number | null;
  /** The time for which the condition of a pending incident has been met; null after an evaluation on an old measurement. */
  metMs: number | null;
  metAt: number | null;
}

const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);
const timeOf = (at: string | null): number => at === null ? 0 : Date.parse(at);

/** Checks the invariants of incidents after each evaluation and act, with its own clocks and without the code under test. */
export class IncidentChecks {
  readonly violations: string[] = [];
  #clocks = new Map<string, Clock>();
  /** The scopes of incidents that a person resolved and whose value has not recovered. */
  #closed = new Set<string>();
  #evaluatedAt = -Infinity;

  #fail(incident: { rule_name: string; tournament_no: string | null }, text: string): void {
    this.violations.push(`${incident.rule_name}${incident.tournament_no ? ` ${incident.tournament_no}` : ""}: ${text}`);
  }

  /** Checks the invariants that hold at any time, also after an evaluation on an old measurement. */
  structure({ incidents, rows }: Snapshot): void {
    const live = incidents.filter(isLive), byId = new Map(incidents.map((incident) => [incident.id, incident]));
    for (const [, same] of Map.groupBy(live, scopeKey)) {
      if (same.length > 1 && same[0]) this.#fail(same[0], "two live incidents of one scope");
    }
    for (const incident of live.filter(({ parent_id }) => parent_id !== null)) {
      const parent = byId.get(incident.parent_id ?? "");
      if (parent === incident) this.#fail(incident, "is its own parent");
      if (parent && isLive(parent) && parent.parent_id !== null) this.#fail(incident, `its parent ${parent.rule_name} has a parent`);
      if (incident.state === "PENDING") this.#fail(incident, "a pending incident has a parent");
    }
    for (const [, own] of Map.groupBy(rows, (row) => `${row.incident_id} ${destinationKey(row)}`)) {
      const incident = byId.get(own[0]?.incident_id ?? ""), end = own.findIndex(({ kind }) => kind === "RESOLVED");
      if (!incident || end === -1) continue;
      if (end === 0) this.#fail(incident, "an end without a beginning");
      if (end < own.length - 1) this.#fail(incident, `${own[end + 1]?.kind} is queued after the end`);
      if (incident.state !== "RESOLVED") this.#fail(incident, "an end is queued for a live incident");
    }
  }

  /** Checks an act of a person, which can end incidents and stops the escalation clock of each changed incident. */
  acted(before: Snapshot, after: Snapshot, now: number): void {
    this.structure(after);
    const byId = new Map(after.incidents.map((incident) => [incident.id, incident]));
    for (const was of before.incidents.filter(isLive)) {
      const is = byId.get(was.id);
      if (is && !isLive(is)) this.#ended(was, before, after);
      if (is?.awaits_recovery && !was.awaits_recovery) this.#closed.add(scopeKey(was));
      const clock = this.#clocks.get(was.id);
      if (clock && is?.state !== was.state) Object.assign(clock, { restedAt: now, runningSince: null });
    }
  }

  /** Checks that the end of an incident is queued once for each destination with an earlier state of the incident. */
  #ended(was: Incident, before: Snapshot, after: Snapshot): void {
    const known = [...newestStates(before.rows, was.id).keys()].sort();
    const ended = after.rows.filter(({ incident_id, kind }) => incident_id === was.id && kind === "RESOLVED").map(destinationKey).sort();
    if (known.join() !== ended.join()) this.#fail(was, `the end is queued for [${ended}], and states were queued for [${known}]`);
  }

  /** Checks that an evaluation on an old measurement changes no incident that has changed since the measurement. */
  evaluatedLate({ measured, before, after, now }: Evaluated): void {
    this.structure(after);
    const byId = new Map(before.incidents.map((incident) => [incident.id, incident]));
    const versions = new Map(measured.measurements.flatMap(({ incident }) => incident ? [[incident.id, incident.version] as const] : []));
    for (const is of after.incidents) {
      const was = byId.get(is.id);
      if (!was && isLive(is) && this.#closed.has(scopeKey(is))) this.#fail(is, "opens before its value recovered");
      if (was && was.version !== is.version && versions.get(is.id) !== was.version) this.#fail(is, "an old evaluation changes it");
      const isQueued = after.rows.some(({ incident_id, seq }) => incident_id === is.id && seq > lastSeq(before));
      if (was && isQueued && versions.get(is.id) !== was.version) this.#fail(is, "an old evaluation notifies it");
    }
    for (const clock of this.#clocks.values()) Object.assign(clock, { runningSince: null, metMs: null });
    const restedAt = Date.parse(measured.as_of);
    for (const { id } of after.incidents) {
      if (!this.#clocks.has(id)) this.#clocks.set(id, { restedAt, runningSince: null, metMs: null, metAt: null });
    }
    for (const m of measured.measurements) if (m.closed_incident && judge(m) === "RECOVERED") this.#closed.delete(scopeKey(m));
    this.#evaluatedAt = now;
  }

  /** Checks all invariants after an evaluation on a current measurement. */
  evaluated(evaluation: Evaluated): void {
    const { measured, before, after, now } = evaluation;
    this.structure(after);
    if (now - this.#evaluatedAt >= 5 * MINUTE) {
      for (const clock of this.#clocks.values()) Object.assign(clock, { restedAt: now, runningSince: null, metAt: null });
    }
    this.#evaluatedAt = now;
    const scopes = new Set(measured.measurements.map(scopeKey)), byId = new Map(after.incidents.map((incident) => [incident.id, incident]));
    for (const incident of after.incidents.filter(isLive)) {
      if (!scopes.has(scopeKey(incident))) this.#fail(incident, "is live, and nothing measures it");
      const parent = byId.get(incident.parent_id ?? "");
      if (incident.parent_id && !(parent && isNotified(parent))) this.#fail(incident, `its parent is ${parent?.state}`);
    }
    for (const m of measured.measurements) {
      const key = scopeKey(m), was = before.incidents.find((one) => isLive(one) && scopeKey(one) === key);
      const is = was ? byId.get(was.id) : after.incidents.find((one) => isLive(one) && scopeKey(one) === key);
      this.#states(m, was, is, evaluation);
      if (is) this.#clock(m, was, is, evaluation);
      if (is && isLive(is)) this.#notified(m, was, is, evaluation);
      if (is) this.#rows(m, was, is, evaluation);
    }
  }

  /** Checks that an incident opens and ends with its value. */
  #states(m: Measurement, was: Incident | undefined, is: Incident | undefined, { before, after, now }: Evaluated): void {
    const verdict = judge(m), key = scopeKey(m), isOpen = is !== undefined && isLive(is);
    const recoveredFor = was?.recovered_at ? now - timeOf(was.recovered_at) : 0,
      isSteady = !was?.is_flapping || recoveredFor >= m.flap_ms / 2;
    if (!was && verdict === "BREACH" && m.ended === null && !this.#closed.has(key) && !isOpen) {
      this.#fail(m, "a breach without an incident");
    }
    if (!was && isOpen && (verdict !== "BREACH" || m.ended !== null)) this.#fail(m, `an incident opens on ${verdict}`);
    if (!was && isOpen && this.#closed.has(key)) this.#fail(m, "opens before its value recovered");
    if (isOpen && m.ended !== null) this.#fail(m, `stays live although ${m.ended}`);
    if (was && isOpen && verdict === "RECOVERED" && isSteady) this.#fail(m, "stays live after its value recovered");
    if (isOpen && is.state === "PENDING" && verdict === "BETWEEN") this.#fail(m, "stays pending without a breach");
    if (was && !isOpen && m.ended === null) {
      const mayEnd = was.state === "PENDING" ? verdict === "RECOVERED" || verdict === "BETWEEN" : verdict === "RECOVERED" && isSteady;
      if (!mayEnd) this.#fail(m, `ends on ${verdict}`);
    }
    if (was && is && isLive(was) && !isLive(is)) this.#ended(was, before, after);
    const isExpired = was?.recovered_at === null && is?.state === "ACKNOWLEDGED" && is.acknowledged_until !== null &&
      timeOf(is.acknowledged_until) <= now;
    if (isExpired && verdict !== "RECOVERED" && is.recovered_at === null) {
      this.#fail(m, "stays acknowledged after its acknowledgement expired");
    }
    const reportsCause = m.metric === "consecutive_failures" || m.metric === "shared_failure";
    if (isOpen && verdict === "BREACH" && reportsCause && m.fingerprint !== null && is.cause !== m.fingerprint) {
      this.#fail(m, `keeps the cause ${is.cause}`);
    }
    if (was?.state === "ACKNOWLEDGED" && is?.state === "FIRING" && timeOf(was.acknowledged_until) > now) {
      this.#fail(m, "loses its acknowledgement");
    }
    if (verdict === "RECOVERED" || m.ended !== null) this.#closed.delete(key);
    for (const bad of is && isNotified(is) && verdict === "BREACH" ? m.bad_runs : []) {
      const own = after.coverage.find(({ incident_id, entity_type }) => incident_id === is?.id && entity_type === bad.entity_type);
      const isCovered = own && timeOf(own.first_run_at) <= timeOf(bad.first_run_at) && timeOf(own.last_run_at) >= timeOf(bad.last_run_at);
      if (!isCovered) this.#fail(m, `does not cover the runs of ${bad.entity_type}`);
    }
  }

  #destinations(m: Measurement, is: Incident, severity: Severity, { measured, before }: Evaluated) {
    const known = [...newestStates(before.rows, is.id).values()];
    const channels = new Set([...m.channels, ...m.escalation_channels.slice(0, is.escalation_step).flat()]);
    return [...channels].filter((channel) => measured.recipients[channel]).flatMap((channel) => {
      const there = known.filter((row) => row.channel === channel).map(({ recipient }) => recipient);
      return [...new Set([...measured.recipients[channel]?.[severity] ?? [], ...there])].map((recipient) => ({ channel, recipient }));
    });
  }

  /** The parent with its measurement, if it has the cause of the incident and is notified. */
  #parent(m: Measurement, is: Incident, { measured, after }: Pick<Evaluated, "measured" | "after">) {
    const incident = after.incidents.find(({ id }) => id === is.parent_id);
    const own = incident && measured.measurements.find((one) => scopeKey(one) === scopeKey(incident));
    if (!own || !isNotified(incident)) return null;
    const isCause = hasCause(own, m) || measured.measurements.some((middle) => hasCause(own, middle) && hasCause(middle, m));
    return isCause ? { incident, measurement: own } : null;
  }

  /** Whether a message about the parent, or about the runs of a rate, covers the incident at a destination. */
  #isCovered(m: Measurement, is: Incident, severity: Severity, to: { channel: string; recipient: string }, { measured, after }: Evaluated) {
    const parent = this.#parent(m, is, { measured, after });
    const state = parent && newestStates(after.rows, parent.incident.id).get(destinationKey(to));
    if (state && state.status !== "DEAD" && rank(state.severity) >= rank(severity) && state.cause === parent.incident.cause) return true;
    const rest = m.uncovered.find((entry) => destinationKey(entry) === destinationKey(to));
    return rest !== undefined && verdictOf(m, rest.value, rest.runs, "KEEP") !== "BREACH";
  }

  #isSilenced(m: Measurement, is: Incident, { measured, after }: Evaluated): boolean {
    if (m.is_paused || m.silenced_by !== null) return true;
    const parent = after.incidents.find(({ id }) => id === is.parent_id);
    return measured.measurements.some((one) => parent && scopeKey(one) === scopeKey(parent) && one.is_silenced_by_name);
  }

  /** Checks that each destination of an incident without a silence has its state, or a message that covers it. */
  #notified(m: Measurement, was: Incident | undefined, is: Incident, evaluation: Evaluated): void {
    if (!isNotified(is) || is.recovered_at !== null) return;
    const firing = evaluation.after.incidents.filter((one) => isNotified(one) && one.recovered_at === null).map(scopeKey);
    const hasNearer = evaluation.measured.measurements.some((other) =>
      causeOrder(other) < causeOrder(m) && hasCause(other, m) && firing.includes(scopeKey(other))
    );
    if (hasNearer && is.parent_id === null) this.#fail(m, "has no parent, although another incident is nearer to its cause");
    if (this.#isSilenced(m, is, evaluation)) return;
    const states = newestStates(evaluation.after.rows, is.id);
    for (const to of this.#destinations(m, is, is.severity, evaluation)) {
      const state = states.get(destinationKey(to));
      if (state && rank(state.severity) >= rank(is.severity) && state.cause === is.cause) continue;
      if (this.#isCovered(m, is, is.severity, to, evaluation)) continue;
      const has = state ? `${state.severity} of ${state.cause}` : "nothing";
      this.#fail(m, `${destinationKey(to)} has ${has} of an incident ${is.severity} of ${is.cause} (${was?.state ?? "new"} → ${is.state})`);
    }
  }

  /** Checks that `for` and the escalation clock count only the time in which they run. */
  #clock(m: Measurement, was: Incident | undefined, is: Incident, evaluation: Evaluated): void {
    const { now, before, after } = evaluation, verdict = judge(m);
    const clock = this.#clocks.get(is.id) ?? { restedAt: now, runningSince: null, metMs: 0, metAt: null };
    this.#clocks.set(is.id, clock);
    if (!was || was.state === "PENDING") {
      if (verdict === "BREACH" && clock.metMs !== null && clock.metAt !== null) clock.metMs += now - clock.metAt;
      clock.metAt = verdict === "BREACH" ? now : null;
      const isLong = clock.metMs !== null && clock.metMs >= m.for_ms;
      if (isNotified(is) && clock.metMs !== null && !isLong) this.#fail(m, `fires after ${clock.metMs} ms`);
      if (is.state === "PENDING" && verdict === "BREACH" && isLong) this.#fail(m, `is pending after ${clock.metMs} ms`);
    }
    const escalated = was !== undefined && is.escalation_step > was.escalation_step;
    const severity = was && rank(was.severity) > rank(m.severity) ? was.severity : m.severity;
    const destinations = this.#destinations(m, { ...is, escalation_step: was?.escalation_step ?? 0 }, severity, evaluation);
    const isInhibited = destinations.length > 0 && destinations.every((to) => this.#isCovered(m, is, severity, to, evaluation));
    const isRunning = is.state === "FIRING" && is.recovered_at === null && was !== undefined && was.notified_at !== null &&
      !this.#isSilenced(m, is, evaluation) && !isInhibited;
    const isKnown = verdict !== "UNKNOWN" && !m.is_stale;
    if (escalated) {
      if (was.state !== "FIRING" || !isRunning) this.#fail(m, `escalates while ${was.state} ${is.muted_by}`);
      if (!isKnown) this.#fail(m, "escalates on an unknown or old value");
      if (m.escalation_ms === null || now - clock.restedAt < m.escalation_ms) this.#fail(m, `escalates after ${now - clock.restedAt} ms`);
      if (is.escalation_step > was.escalation_step + 1) this.#fail(m, "skips an escalation step");
    }
    const children = after.incidents.filter((child) => isLive(child) && child.parent_id === is.id);
    const ofChildren = evaluation.measured.measurements.filter((one) => children.some((child) => scopeKey(child) === scopeKey(one)));
    const highest = Math.max(...[severity, ...children.map((child) => child.severity), ...ofChildren.map((one) => one.severity)].map(rank));
    if (rank(is.severity) > Math.min(highest + Number(escalated), 3)) this.#fail(m, `has the severity ${is.severity} without a reason`);
    if (was && rank(is.severity) < rank(was.severity)) this.#fail(m, `falls to ${is.severity}`);

    if (isRunning) clock.runningSince ??= now;
    else Object.assign(clock, { restedAt: now, runningSince: null });
    const canEscalate = m.escalation_ms !== null && (is.severity !== "CRITICAL" || is.escalation_step < m.escalation_channels.length);
    const isLate = clock.runningSince !== null && now - clock.runningSince >= (m.escalation_ms ?? Infinity);
    if (isRunning && isKnown && canEscalate && isLate && !escalated) this.#fail(m, `does not escalate after ${now - clock.restedAt} ms`);
    if (escalated) Object.assign(clock, { restedAt: now, runningSince: now });
    if (is.notified_at !== null && (was?.notified_at ?? null) === null) Object.assign(clock, { restedAt: now, runningSince: null });
    if (after.rows.length === before.rows.length && escalated && destinations.length > 0) this.#fail(m, "escalates and notifies nobody");
  }

  /** Checks that each new state in the outbox has its reason. */
  #rows(m: Measurement, was: Incident | undefined, is: Incident, evaluation: Evaluated): void {
    const { measured, before, after, now } = evaluation, since = lastSeq(before), known = newestStates(before.rows, is.id);
    const queued = after.rows.filter((row) => row.incident_id === is.id && row.seq > since);
    const isAcknowledgementOver = was?.state === "ACKNOWLEDGED" && is.state === "FIRING";
    const escalated = was !== undefined && is.escalation_step > was.escalation_step;
    const refuse = (row: Queued, text: string) => this.#fail(m, `${row.kind} is queued for ${destinationKey(row)} ${text}`);
    for (const [, same] of Map.groupBy(queued, destinationKey)) if (same[1]) refuse(same[1], "twice by one evaluation");
    for (const row of queued.filter(({ kind }) => kind !== "RESOLVED")) {
      const state = known.get(destinationKey(row)), isCurrent = state?.cause === is.cause && rank(state.severity) >= rank(is.severity);
      if (!measured.recipients[row.channel]) refuse(row, "although the channel is disabled");
      if (this.#isSilenced(m, is, evaluation)) refuse(row, "during a silence");
      if (this.#isCovered(m, is, is.severity, row, evaluation)) refuse(row, "although another message is enough");
      const parent = this.#parent(m, is, evaluation);
      const ofParent = parent && newestStates(after.rows, parent.incident.id).get(destinationKey(row));
      const isCoveredRate = parent?.measurement.uncovered.some((entry) => destinationKey(entry) === destinationKey(row));
      const isOwn = escalated || isCoveredRate || ofParent?.status === "DEAD" || !m.channels.includes(row.channel);
      const isRecipient = parent && measured.recipients[row.channel]?.[parent.incident.severity].includes(row.recipient);
      if (isRecipient && !state && !isOwn) refuse(row, "although its parent notifies it");
      if (row.severity !== is.severity || row.cause !== is.cause) refuse(row, `with ${row.severity} of ${row.cause}`);
      if (!state && row.kind !== "FIRING" && row.kind !== "FLAPPING") refuse(row, "as its first state");
      if (state && isCurrent && !isAcknowledgementOver && !escalated && row.kind !== "REPEAT") refuse(row, "although it has this state");
      if (row.kind === "REPEAT") {
        if (judge(m) === "UNKNOWN" || m.is_stale || is.state !== "FIRING") refuse(row, `on ${judge(m)} while ${is.state}`);
        if (now - timeOf(was?.last_notified_at ?? null) < m.repeat_ms) refuse(row, "too early");
      }
    }
  }
}

const lastSeq = ({ rows }: Snapshot): number => rows.at(-1)?.seq ?? 0;
