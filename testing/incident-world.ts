import type { AlertMetric } from "../types/alerts.ts";
import { SEVERITIES, type Severity } from "../types/sync.ts";
import type { Recipients } from "../services/contract/alerts.ts";

export const MINUTE = 60_000, HOUR = 60 * MINUTE;
/** The time at which each history begins. */
export const START = Date.parse("2026-06-10T08:00:00Z");
/** The time for which the matches of a tournament stay fresh. */
export const TTL = 2 * MINUTE;
export const TOURNAMENTS = ["8101", "8102", "8103"] as const;

export interface Rule {
  id: string;
  name: string;
  metric: AlertMetric;
  scope: "ENTITY" | "TOURNAMENT";
  lowest_priority: "TODAY" | null;
  entity_type: string;
  severity: Severity;
  threshold: number;
  recovery_threshold: number | null;
  minimum_runs: number;
  no_data: "KEEP" | "OK" | "ALERT";
  window_ms: number;
  for_ms: number;
  escalation_ms: number | null;
  escalation_channels: string[][];
  repeat_ms: number;
  channels: string[];
  is_active: boolean;
}

/** A finished full run; a result with a fingerprint failed. */
export interface Run {
  id: string;
  entity_type: string;
  start: number;
  end: number;
  status: "SUCCEEDED" | "PARTIAL" | "FAILED";
  results: { tournament_no: string; fingerprint: string | null }[];
  /** The error of a run that failed as a whole; null for none. */
  error: string | null;
}

interface Entity {
  is_active: boolean;
  is_paused: boolean;
  consecutive_failures: number;
  last_attempt: number;
  /** The times in which the entity was paused or inactive; an open pause has no end. */
  pauses: { from: number; until: number | null }[];
  interval: number;
  grace: number;
}

/** A silence; a null field matches every value. */
export interface Silence {
  id: string;
  entity_type: string | null;
  rule_id: string | null;
  severity: Severity | null;
  tournament_no: string | null;
  incident_id: string | null;
  starts_at: number;
  ends_at: number;
  recurs_every: number | null;
  lasts: number | null;
}

const rule = (serial: number, name: string, metric: AlertMetric, entity_type: string, changes: Partial<Rule>): Rule => ({
  id: `00000000-0000-4000-8000-0000000001${String(serial).padStart(2, "0")}`,
  name,
  metric,
  scope: "ENTITY",
  entity_type,
  lowest_priority: null,
  severity: "HIGH",
  threshold: 2,
  recovery_threshold: null,
  minimum_runs: 0,
  no_data: "KEEP",
  window_ms: HOUR,
  for_ms: 0,
  escalation_ms: null,
  escalation_channels: [],
  repeat_ms: 30 * MINUTE,
  channels: ["mail"],
  is_active: true,
  ...changes,
});

/** Rules of each position in the order of causes, several on the same runs, with short delays, so that few evaluations reach them. */
const createRules = (): Rule[] => [
  rule(1, "schedule", "consecutive_failures", "matches_schedule", { escalation_ms: 10 * MINUTE, escalation_channels: [["pager"]] }),
  rule(2, "schedule again", "consecutive_failures", "matches_schedule", { severity: "MEDIUM", channels: ["hook"] }),
  rule(3, "tournaments", "consecutive_failures", "tournaments", { severity: "MEDIUM", channels: ["hook"], for_ms: 10 * MINUTE }),
  rule(4, "any", "consecutive_failures", "all", { severity: "LOW", threshold: 3, channels: ["hook"], escalation_ms: 15 * MINUTE }),
  rule(5, "shared", "shared_failure", "all", { window_ms: 30 * MINUTE, escalation_ms: 10 * MINUTE, repeat_ms: 20 * MINUTE }),
  rule(6, "rate", "success_rate", "all", {
    severity: "MEDIUM",
    threshold: 0.9,
    recovery_threshold: 0.95,
    minimum_runs: 2,
    channels: ["hook", "mail"],
    escalation_ms: 10 * MINUTE,
  }),
  rule(7, "errors", "error_rate", "matches_schedule", {
    severity: "LOW",
    threshold: 0.5,
    minimum_runs: 2,
    for_ms: 5 * MINUTE,
    channels: ["pager"],
  }),
  rule(8, "tournament", "consecutive_failures", "matches_schedule", {
    scope: "TOURNAMENT",
    severity: "MEDIUM",
    no_data: "OK",
    window_ms: 2 * HOUR,
    channels: ["hook"],
  }),
  rule(9, "slow", "duration_exceeded", "matches_schedule", {
    threshold: 300,
    window_ms: 15 * MINUTE,
    channels: ["pager"],
    escalation_ms: 10 * MINUTE,
    repeat_ms: 20 * MINUTE,
  }),
  rule(10, "overdue", "sync_overdue", "matches_schedule", { threshold: 1, escalation_ms: 10 * MINUTE }),
  rule(11, "playing", "consecutive_failures", "matches_schedule", {
    scope: "TOURNAMENT",
    lowest_priority: "TODAY",
    threshold: 1,
    no_data: "OK",
    window_ms: 2 * HOUR,
    channels: ["pager"],
    escalation_ms: 10 * MINUTE,
  }),
  rule(12, "stale", "tournament_staleness", "matches_schedule", {
    scope: "TOURNAMENT",
    lowest_priority: "TODAY",
    threshold: 60,
    window_ms: 2 * HOUR,
    channels: ["hook", "pager"],
  }),
];

/** The recipients of the email channel by severity; the other channels are webhooks, which have one empty recipient. */
export const MAIL = { to: ["team@example.com"], by_severity: { CRITICAL: ["oncall@example.com", "lead@example.com"] } };
export const CHANNELS = ["hook", "mail", "pager"] as const;
const recipientsOf = (channel: string, severity: Severity): string[] =>
  channel !== "mail" ? [""] : severity === "CRITICAL" ? MAIL.by_severity.CRITICAL : MAIL.to;

/** The simulated entities, tournaments, runs, rules, silences and channels that an evaluation reads. */
export class World {
  now: number;
  readonly rules = createRules();
  readonly entities: Record<string, Entity>;
  readonly vanished = new Set<string>();
  /** The tournaments without matches for the next days: their priority is SOON, and that of the others is TODAY. */
  readonly inBreak = new Set<string>();
  readonly runs: Run[] = [];
  readonly silences: Silence[] = [];
  readonly activeChannels = new Set<string>(CHANNELS);

  constructor(start: number) {
    this.now = start;
    const entity = (interval: number, grace: number): Entity => ({
      is_active: true,
      is_paused: false,
      consecutive_failures: 0,
      last_attempt: start,
      pauses: [],
      interval,
      grace,
    });
    this.entities = { matches_schedule: entity(15 * MINUTE, 5 * MINUTE), tournaments: entity(24 * HOUR, 15 * MINUTE) };
  }

  /** The recipients of each active channel by severity. */
  recipients(): Recipients {
    const of = (channel: string) => Object.fromEntries(SEVERITIES.map((severity) => [severity, recipientsOf(channel, severity)]));
    return Object.fromEntries([...this.activeChannels].map((channel) => [channel, of(channel) as Recipients[string]]));
  }

  /** Pauses, resumes, activates or deactivates an entity. */
  setEntity(name: string, change: Partial<Pick<Entity, "is_active" | "is_paused">>): void {
    const entity = this.entities[name];
    if (!entity) return;
    Object.assign(entity, change);
    const last = entity.pauses.at(-1), wasOff = last?.until === null, isOff = !entity.is_active || entity.is_paused;
    if (isOff && !wasOff) entity.pauses.push({ from: this.now, until: null });
    else if (!isOff && wasOff) last.until = this.now;
  }

  /** Adds a run that starts now, and moves the time to its end. */
  addRun(run: Omit<Run, "id" | "start" | "end">, duration: number): Run {
    const added: Run = { ...run, id: crypto.randomUUID(), start: this.now, end: this.now + duration };
    this.now = added.end;
    this.runs.push(added);
    const entity = this.entities[run.entity_type];
    if (!entity) return added;
    entity.last_attempt = added.start;
    entity.consecutive_failures = run.status === "FAILED" ? entity.consecutive_failures + 1 : 0;
    return added;
  }
}

/** The weight of a run in a success rate: 1, 0, or the share of a PARTIAL run that did not fail. */
export function weightOf({ status, results }: Run): number {
  if (status !== "PARTIAL") return status === "SUCCEEDED" ? 1 : 0;
  return 1 - results.filter(({ fingerprint }) => fingerprint !== null).length / results.length;
}

/** The most frequent fingerprint among the failures of a run, and whether all failures have it. */
export function fingerprintOf({ results, error }: Run): { fingerprint: string | null; is_sole_cause: boolean } {
  const failed = results.flatMap(({ fingerprint }) => fingerprint === null ? [] : [fingerprint]);
  const all = failed.length > 0 ? failed : error === null ? [] : [error];
  const groups = [...Map.groupBy(all, (fingerprint) => fingerprint)]
    .toSorted(([a, first], [b, second]) => second.length - first.length || (a < b ? -1 : 1));
  return { fingerprint: groups[0]?.[0] ?? null, is_sole_cause: groups.length === 1 };
}

export function isSilencing({ starts_at, ends_at, recurs_every, lasts }: Silence, now: number): boolean {
  if (starts_at > now || ends_at <= now) return false;
  return recurs_every === null || lasts === null || (now - starts_at) % recurs_every < lasts;
}

const ANCHOR = Date.parse("2000-01-01T00:00:00Z");
/** The time at which an entity became overdue, or null; no run falls due in a pause, and the grace begins again after it. */
export function overdueSince(world: World, name: string): number | null {
  const entity = world.entities[name];
  if (!entity) return null;
  const { interval, grace, last_attempt, pauses } = entity;
  // A start up to five seconds early counts.
  const nextDue = (at: number): number => ANCHOR + (Math.floor((at + 5_000 - ANCHOR) / interval) + 1) * interval;
  let due = nextDue(last_attempt), resumed = 0;
  for (const { from, until } of pauses) {
    if (until === null || until <= due) continue;
    if (due >= from || due + interval < until) due = nextDue(until - 5_001);
    resumed = until;
  }
  const overdueAt = Math.max(due, resumed) + grace;
  return overdueAt <= world.now ? overdueAt : null;
}
