import { ALERT_METRICS, type AlertMetric, type Metric, TOURNAMENTS_OF_NOW } from "../types/alerts.ts";
import type { Backtest } from "../types/backtest.ts";
import type { Address, Measurement } from "./contract/alerts.ts";
import type { MeasuredValue, PastSilence, ReplayFacts } from "./contract/replay.ts";
import { judge } from "./alert-decision.ts";
import { decideAll } from "./alert-evaluation.ts";
import { chartOf, valueAt } from "./replay-chart.ts";
import { ReplayedIncidents } from "./replay-incidents.ts";
import { countMessages } from "./replay-messages.ts";
import { changesOf, everyoneOf, firingAt, measuredAgain } from "./replay-others.ts";
import { Evaluations, windowsOf } from "./replay-times.ts";

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** The metrics whose past values can be measured from stored rows. */
export const REPLAYABLE = (Object.keys(ALERT_METRICS) as AlertMetric[]).filter((name) => !(ALERT_METRICS[name] as Metric).lost_past);

/** The reason why a rule cannot be replayed; null when it can be. */
export const lostPastOf = ({ rule, scope }: ReplayFacts): string | null =>
  scope === "TOURNAMENT" ? TOURNAMENTS_OF_NOW : (ALERT_METRICS[rule.metric] as Metric).lost_past ?? null;

/** Replays a rule on its measured values with the same code that decides on live incidents. */
export const replayRule = (facts: ReplayFacts): Backtest => new Replay(facts).run();

/** One rule with its incidents in memory; a replay begins without an incident. */
class Replay {
  readonly #evaluations: Evaluations;
  readonly #silences: (PastSilence & { from: number; until: number })[];
  readonly #missed: Map<number, Measurement["missed"]>;
  readonly #until: number;
  readonly #everyone: Address[];
  readonly #from: number;
  readonly #incidents = new ReplayedIncidents();

  constructor(private readonly facts: ReplayFacts) {
    this.#from = Date.parse(facts.from);
    this.#until = Date.parse(facts.as_of);
    this.#everyone = everyoneOf(facts.recipients);
    this.#evaluations = new Evaluations(facts.evaluations);
    this.#missed = new Map(facts.missed.map(({ at, missed }) => [at, missed]));
    this.#silences = facts.silences.flatMap((silence) =>
      windowsOf(silence, this.#from, this.#until).map(([from, until]) => ({ ...silence, from, until }))
    );
  }

  run(): Backtest {
    const { values, acts } = this.facts;
    const known = this.#knownTimes();
    let measured: MeasuredValue | undefined, act = 0, value = 0, time = 0, clocks: number[] = [];
    for (;;) {
      const now = Math.min(known[time] ?? Infinity, ...clocks);
      if (now > this.#until || now === Infinity) break;
      while ((known[time] ?? Infinity) <= now) time++;
      while ((values[value]?.at ?? Infinity) <= now) measured = values[value++];
      for (let next = acts[act]; next && next.at <= now; next = acts[++act]) this.#incidents.act(next);
      if (measured) this.#evaluate(valueAt(measured, now, this.facts.rule.metric), now);
      clocks = this.#clocks().map((clock) => this.#evaluations.next(clock)).filter((clock) => clock > now);
    }
    return this.#result();
  }

  /** The evaluations at which a value, a silence, an act or another incident changes, and those at the edges of gaps. */
  #knownTimes(): number[] {
    const changes = [
      ...this.#silences.flatMap(({ from, until }) => [from, until]),
      ...this.facts.acts.map(({ at }) => at),
      ...changesOf(this.facts.others),
    ].map((at) => this.#evaluations.next(at));
    // The last evaluation of a value counts towards the delay before an incident fires.
    const ofValues = this.facts.values.flatMap(({ at }) => [this.#evaluations.before(at), at]);
    const times = new Set([...changes, ...ofValues, ...this.#evaluations.gaps.flat()]);
    return [...times].filter((at) => at >= this.#from && at <= this.#until).sort((a, b) => a - b);
  }

  /** The next times at which the incident changes without a new value: by its delays, its repetition or the end of its acknowledgement. */
  #clocks(): number[] {
    const { rule: { for_ms, escalation_ms, repeat_ms, flap_ms } } = this.facts;
    if (!this.#incidents.live) return [];
    const { state, met_ms, met_at, unacknowledged_since, last_notified_at, recovered_at, acknowledged_until } = this.#incidents.live;
    const after = (since: string | null, ms: number | null) => since === null || ms === null ? [] : [Date.parse(since) + ms];
    if (state === "PENDING") return after(met_at, for_ms - met_ms);
    return [
      ...after(unacknowledged_since, escalation_ms),
      ...after(last_notified_at, repeat_ms),
      ...after(recovered_at, flap_ms / 2),
      ...after(acknowledged_until, 0),
    ];
  }

  #evaluate(value: MeasuredValue, now: number): void {
    const m = this.#measurement(value, now);
    if (!this.#incidents.live && !this.#incidents.closed && m.missed.length === 0 && judge(m) !== "BREACH") return;
    const others = firingAt(this.facts.others, now).map((other) => measuredAgain(other, value, this.#everyone, now));
    const { transitions, recovered } = decideAll({
      as_of: isoOf(now),
      evaluated_since: isoOf(this.#evaluations.since(now)),
      recipients: this.facts.recipients,
      measurements: [m, ...others],
    });
    for (const transition of transitions.filter(({ rule_id }) => rule_id === m.rule_id)) this.#incidents.apply(transition, now);
    if (this.#incidents.closed && recovered.includes(this.#incidents.closed.id)) this.#incidents.closed = null;
  }

  /** The measurement that `measure_alert_rules` returns at this time, with the incident of the replay in place of a recorded one. */
  #measurement({ at: _, run_at: __, run_entity: ___, ...value }: MeasuredValue, now: number): Measurement {
    const { rule } = this.facts, live = this.#incidents.live;
    const silence = this.#silenceAt(now, value.evidence);
    return {
      ...rule,
      ...value,
      tournament_no: null,
      ended: null,
      silenced_by: silence?.id ?? null,
      is_silenced_by_name: Boolean(silence?.incident_id),
      closed_incident: this.#incidents.closed?.id ?? null,
      resolved_recently:
        this.#incidents.ended.filter(({ missed_due_at, notified_at, resolved_at }) =>
          missed_due_at === null && notified_at !== null && Date.parse(resolved_at ?? "") > now - rule.flap_ms
        ).length,
      missed: this.#missed.get(now) ?? [],
      incident: live && { ...live, destinations: [...live.destinations.values()] },
    };
  }

  /** The silence of the rule, as `private.silence_of` selects it: one that names the incident is selected only if no other matches. */
  #silenceAt(now: number, evidence: Measurement["evidence"]) {
    const { rule } = this.facts;
    const ofRuns = (of: unknown) => Array.isArray(of) && of.length > 0 ? of : null;
    const failing = ofRuns(evidence.entities) ?? ofRuns(this.#incidents.live?.evidence.entities) ?? [];
    return this.#silences.filter(({ from, until, entity_type, severity }) =>
      from <= now && now < until && (severity === null || severity === (this.#incidents.live?.severity ?? rule.severity)) &&
      (entity_type === null || entity_type === rule.entity_type || failing.length === 1 && failing[0] === entity_type)
    ).toSorted((a, b) =>
      Number(a.incident_id !== null) - Number(b.incident_id !== null) || Date.parse(b.ends_at) - Date.parse(a.ends_at)
    )[0];
  }

  #result(): Backtest {
    const { facts } = this, queued = this.#incidents.queued.toSorted((a, b) => a.at - b.at);
    return {
      from: facts.from,
      until: facts.as_of,
      instants: facts.values.length,
      values: chartOf(facts.values, facts.rule.metric, this.#until),
      incidents: this.#incidents.fired(),
      notifications: {
        total: queued.length,
        by_kind: countBy(queued.map(({ kind }) => kind)),
        by_channel: countBy(queued.map(({ channel }) => channel)),
        messages: countMessages(queued, facts.channels),
      },
      actual: facts.actual,
    };
  }
}

const countBy = <T extends string>(names: T[]): Record<T, number> =>
  Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, own]) => [name, own.length])) as Record<T, number>;
