import fc from "fast-check";
import { decideAll } from "../services/alert-evaluation.ts";
import { SEVERITIES } from "../types/sync.ts";
import { IncidentChecks } from "./incident-checks.ts";
import { type Incident, isLive, isNotified, type Snapshot } from "./incident-snapshot.ts";
import type { Act, Answer, Decided, IncidentStore, Received } from "./incident-store.ts";
import { CHANNELS, HOUR, MINUTE, type Rule, type Run, type Silence, START, TOURNAMENTS, World } from "./incident-world.ts";

const ANSWERS: readonly Answer[] = ["ok", "ok", "ok", "refused", "lost", "gone"];
const KINDS = [
  ...["run", "run", "run", "run", "evaluate", "evaluate", "evaluate", "minutes", "minutes"],
  ...["measure", "apply", "twice", "wait", "acknowledge", "unacknowledge", "resolve", "silence", "end silence"],
  ...["pause", "severity", "channels", "threshold", "rule", "activity", "tournament", "channel", "deliver", "deliver", "discard"],
] as const;

/** One step of a history; `pick` chooses among the objects that exist, and `gap` is the time before it in ms. */
interface Step {
  kind: typeof KINDS[number];
  pick: number;
  gap: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  pick: fc.nat(1_000_000_000),
  gap: fc.integer({ min: 1_000, max: 2 * MINUTE }),
});
/** Random histories of this many steps. */
export const histories = (minLength: number, maxLength: number): fc.Arbitrary<Step[]> =>
  fc.array(step, { minLength, maxLength, size: "max" });

const choose = <T>(list: readonly T[], pick: number): T | undefined => list[pick % (list.length || 1)];

const thresholdOf = ({ metric }: Rule, pick: number): number =>
  metric === "success_rate"
    ? 0.5 + pick % 5 / 10
    : metric === "duration_exceeded" || metric === "tournament_staleness"
    ? 100 * (1 + pick % 5)
    : 1 + pick % 4;

/** A run of `matches_schedule` or `tournaments` that succeeds, is slow, or fails in one of several ways. */
function runOf(pick: number): [Omit<Run, "id" | "start" | "end">, duration: number] {
  const results = (...fingerprints: (string | null)[]) =>
    TOURNAMENTS.map((tournament_no, index) => ({ tournament_no, fingerprint: fingerprints[index] ?? null }));
  const schedule = (status: Run["status"], own: Run["results"], error: string | null = null) =>
    ({ entity_type: "matches_schedule", status, results: own, error }) as const;
  const duration = (pick >> 8) % 8 === 0 ? 400_000 : 20_000;
  switch (pick % 12) {
    case 0:
      return [schedule("SUCCEEDED", results()), duration];
    case 1:
      return [schedule("SUCCEEDED", []), duration];
    case 2:
    case 3:
      return [schedule("FAILED", results("down", "down", "down"), "down"), duration];
    case 4:
      return [schedule("FAILED", results("disk", "disk", "disk"), "disk"), duration];
    case 5:
      return [schedule("FAILED", results("down", "down", "bad data"), "down"), duration];
    case 6:
      return [schedule("FAILED", []), duration];
    case 7:
      return [schedule("PARTIAL", results("down", "down")), duration];
    case 8:
      return [schedule("PARTIAL", results(null, null, "bad data")), duration];
    default: {
      const error = choose([null, "down", "disk"], pick >> 4) ?? null;
      return [{ entity_type: "tournaments", status: error === null ? "SUCCEEDED" : "FAILED", results: [], error }, duration];
    }
  }
}

function silenceOf(pick: number, world: World, { incidents }: Snapshot): Silence | null {
  const nothing = { entity_type: null, rule_id: null, severity: null, tournament_no: null, incident_id: null };
  const matcher = [
    { entity_type: choose(Object.keys(world.entities), pick >> 3) ?? null },
    { rule_id: choose(world.rules, pick >> 3)?.id ?? null },
    { severity: choose(SEVERITIES, pick >> 3) ?? null },
    { tournament_no: choose(TOURNAMENTS, pick >> 3) ?? null },
    { incident_id: choose(incidents.filter(isLive), pick >> 3)?.id ?? null },
  ][pick % 5];
  if (matcher && "incident_id" in matcher && matcher.incident_id === null) return null;
  const isRecurring = (pick >> 6) % 3 === 0, ends_at = world.now + (isRecurring ? 3 * HOUR : (5 + (pick >> 9) % 30) * MINUTE);
  const recurrence = isRecurring ? { recurs_every: 20 * MINUTE, lasts: 7 * MINUTE } : { recurs_every: null, lasts: null };
  return { ...nothing, ...matcher, id: crypto.randomUUID(), starts_at: world.now, ends_at, ...recurrence };
}

/** Plays a history on a store, checks the invariants after each step, and returns the violations. */
export async function playHistory(store: IncidentStore, steps: readonly Step[]): Promise<string[]> {
  return await new History(store).play(steps);
}

class History {
  readonly #world = new World(START);
  readonly #checks = new IncidentChecks();
  readonly #received: Received[] = [];
  readonly #perhaps = new Set<string>();
  #snapshot: Snapshot = { incidents: [], rows: [], coverage: [] };
  /** The decisions that an evaluator has not applied yet, from a measurement that can be old. */
  #undecided: Decided[] = [];

  constructor(private readonly store: IncidentStore) {}

  async play(steps: readonly Step[]): Promise<string[]> {
    for (const [index, { kind, pick, gap }] of steps.entries()) {
      this.#world.now += gap;
      await this.#perform(kind, pick);
      if (this.#checks.violations.length > 0) return this.#checks.violations.map((text) => `step ${index} (${kind}): ${text}`);
    }
    await this.#finish();
    return this.#checks.violations.map((text) => `at the end: ${text}`);
  }

  async #perform(kind: Step["kind"], pick: number): Promise<void> {
    const world = this.#world, rule = choose(world.rules, pick);
    const incident = choose(this.#snapshot.incidents.filter(isNotified), pick);
    const entity_type = choose(Object.keys(world.entities), pick) ?? "", entity = world.entities[entity_type];
    switch (kind) {
      case "run":
        return await this.#run(...runOf(pick));
      case "evaluate":
        return await this.#evaluate();
      case "minutes":
        for (let count = 0; count < 2 + pick % 3; count++) {
          world.now += 4 * MINUTE;
          await this.#evaluate();
        }
        return;
      case "measure":
        this.#undecided.push(await this.#decide());
        return;
      case "apply": {
        const [decided] = this.#undecided.splice(pick % (this.#undecided.length || 1), 1);
        return decided && await this.#apply(decided, true);
      }
      case "twice": {
        const [one, other] = [await this.#decide(), await this.#decide()];
        await this.#apply(one);
        return await this.#apply(other, true);
      }
      case "wait":
        world.now += pick % 4 === 0 ? pick % (10 * HOUR) : pick % (10 * MINUTE);
        return;
      case "acknowledge":
        return incident && await this.#act({ kind, id: incident.id, ...(pick % 2 ? { until: world.now + 10 * MINUTE } : {}) });
      case "unacknowledge":
        return incident?.state === "ACKNOWLEDGED" ? await this.#act({ kind, id: incident.id }) : undefined;
      case "resolve":
        return incident && await this.#act({ kind, id: incident.id });
      case "silence": {
        const silence = silenceOf(pick, world, this.#snapshot);
        if (!silence) return;
        world.silences.push(silence);
        return await this.#act({ kind, silence });
      }
      case "end silence": {
        const silence = choose(world.silences.filter(({ ends_at }) => ends_at > world.now), pick);
        if (!silence) return;
        silence.ends_at = world.now;
        return await this.#act({ kind: "silence", silence });
      }
      case "pause":
        world.setEntity(entity_type, { is_paused: !entity?.is_paused });
        return await this.#act({ kind, entity_type });
      case "activity":
        world.setEntity(entity_type, { is_active: !entity?.is_active });
        return await this.#act({ kind, entity_type });
      case "tournament": {
        const no = choose(TOURNAMENTS, pick) ?? "", changed = pick % 2 ? world.vanished : world.inBreak;
        if (!changed.delete(no)) changed.add(no);
        return await this.#act({ kind, no });
      }
      case "channel": {
        const name = choose(CHANNELS, pick) ?? "";
        if (!world.activeChannels.delete(name)) world.activeChannels.add(name);
        return await this.#act({ kind, name });
      }
      case "discard": {
        const row = choose(this.#snapshot.rows.filter(({ status }) => status === "PENDING"), pick);
        return row && await this.#act({ kind, id: row.id });
      }
      case "deliver":
        return await this.#deliver((destination) =>
          choose(ANSWERS, pick + [...destination].reduce((sum, c) => sum + c.charCodeAt(0), 0)) ?? "ok"
        );
    }
    if (!rule) return;
    if (kind === "severity") rule.severity = choose(SEVERITIES, pick >> 8) ?? rule.severity;
    else if (kind === "threshold") rule.threshold = thresholdOf(rule, pick);
    else if (kind === "rule") rule.is_active = !rule.is_active;
    else {
      const channel = choose(CHANNELS, pick >> 8) ?? "hook", others = rule.channels.filter((name) => name !== channel);
      rule.channels = rule.channels.includes(channel) && others.length > 0 ? others : [...others, channel];
    }
    // The recovery threshold of a rate is not below its threshold.
    if (rule.recovery_threshold !== null) rule.recovery_threshold = Math.max(rule.threshold, 0.95);
    await this.#act({ kind: "rule", id: rule.id });
  }

  async #act(act: Act): Promise<void> {
    const before = this.#snapshot;
    await this.store.perform(act, this.#world);
    this.#snapshot = await this.store.snapshot();
    this.#checks.acted(before, this.#snapshot, this.#world.now);
  }
  async #run(run: Omit<Run, "id" | "start" | "end">, duration: number): Promise<void> {
    const entity = this.#world.entities[run.entity_type];
    if (!entity?.is_active || entity.is_paused) return;
    await this.#act({ kind: "run", run: this.#world.addRun(run, duration) });
  }
  async #decide(): Promise<Decided> {
    const measured = await this.store.measure(this.#world);
    return { measured, ...decideAll(measured) };
  }
  async #evaluate(): Promise<void> {
    await this.#apply(await this.#decide());
  }
  async #apply(decided: Decided, isLate = false): Promise<void> {
    const before = this.#snapshot, { now } = this.#world;
    await this.store.apply(decided, this.#world);
    this.#snapshot = await this.store.snapshot();
    const evaluation = { measured: decided.measured, before, after: this.#snapshot, now };
    if (isLate) this.#checks.evaluatedLate(evaluation);
    else this.#checks.evaluated(evaluation);
  }

  /** Delivers messages, and checks that no destination receives an end before a possible opening, or a message after the end. */
  async #deliver(answerOf: (destination: string) => Answer): Promise<void> {
    for (const { destination, items } of await this.store.deliver(answerOf, this.#world)) {
      for (const { incident_id, kind } of items.filter(({ is_new }) => is_new)) {
        const key = `${destination} ${incident_id}`, kinds = this.#kindsOf(destination, incident_id);
        const isPossible = kinds.length > 0 || this.#perhaps.has(key);
        if (kind === "RESOLVED" && !isPossible) this.#checks.violations.push(`${destination} receives an end without a beginning`);
        if (kind !== "RESOLVED" && kinds.includes("RESOLVED")) {
          this.#checks.violations.push(`${destination} receives ${kind} after the end`);
        }
      }
      this.#received.push({ destination, items });
    }
    this.#snapshot = await this.store.snapshot();
  }
  #kindsOf(destination: string, incident: string): string[] {
    return this.#received.filter((message) => message.destination === destination)
      .flatMap(({ items }) => items.filter(({ incident_id }) => incident_id === incident).map(({ kind }) => kind));
  }

  /** Ends every fault, and checks that each incident ends within its window, half a flap window and an evaluation, and each end arrives. */
  async #finish(): Promise<void> {
    const world = this.#world;
    this.#undecided = [];
    for (const entity_type of Object.keys(world.entities)) {
      world.setEntity(entity_type, { is_paused: false });
      await this.#act({ kind: "pause", entity_type });
      world.setEntity(entity_type, { is_active: true });
      await this.#act({ kind: "activity", entity_type });
    }
    for (const name of CHANNELS) {
      world.activeChannels.add(name);
      await this.#act({ kind: "channel", name });
    }
    for (const wait of [1, 3 * HOUR, 12 * HOUR]) {
      world.now += wait;
      for (const entity_type of ["matches_schedule", "tournaments"]) {
        for (let count = 0; count < 2; count++) {
          world.now += 1_000;
          const results = entity_type === "tournaments" ? [] : TOURNAMENTS.map((tournament_no) => ({ tournament_no, fingerprint: null }));
          await this.#run({ entity_type, status: "SUCCEEDED", results, error: null }, 20_000);
        }
      }
      await this.#evaluate();
    }
    const text = ({ rule_name, state }: Incident) => `${rule_name} is still ${state}`;
    this.#checks.violations.push(...this.#snapshot.incidents.filter(isLive).map(text));
    for (let count = 0; count < 4; count++) {
      world.now += 2 * HOUR;
      await this.#deliver(() => "ok");
    }
    for (const { status, kind } of this.#snapshot.rows) {
      if (status === "PENDING" || status === "SENDING") this.#checks.violations.push(`${kind} stays ${status}`);
    }
    for (const { id, rule_name } of this.#snapshot.incidents.filter((incident) => incident.missed_due_at === null)) {
      for (const [destination, { status }] of newest(this.#snapshot, id)) {
        const last = this.#kindsOf(destination, id).at(-1);
        if (last !== undefined && last !== "RESOLVED" && status !== "DEAD") {
          this.#checks.violations.push(`${destination} last received ${last} of ${rule_name}, which is RESOLVED`);
        }
      }
    }
  }
}

const newest = ({ rows }: Snapshot, id: string): Map<string, Snapshot["rows"][number]> =>
  new Map(rows.filter(({ incident_id }) => incident_id === id).map((row) => [`${row.channel} ${row.recipient}`, row]));
