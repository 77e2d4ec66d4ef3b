// Over 300 lines, because each function that measures a rule has a model.
import type { Measurement, Measurements } from "../services/contract/alerts.ts";
import { SEVERITIES } from "../types/sync.ts";
import { type Incident, isLive, newestStates, scopeKey, type Snapshot } from "./incident-snapshot.ts";
import {
  fingerprintOf,
  HOUR,
  isSilencing,
  MINUTE,
  overdueSince,
  type Rule,
  type Run,
  type Silence,
  TOURNAMENTS,
  TTL,
  weightOf,
  type World,
} from "./incident-world.ts";

/** The value of a rule in one scope. */
type Value =
  & Pick<Measurement, "tournament_no" | "value" | "runs" | "since" | "execution_id" | "fingerprint" | "is_sole_cause" | "is_stale">
  & Pick<Measurement, "bad_runs" | "uncovered" | "ended">
  & { entities: string[] };

const NOTHING: Value = {
  tournament_no: null,
  value: null,
  runs: 0,
  since: null,
  execution_id: null,
  fingerprint: null,
  is_sole_cause: false,
  is_stale: false,
  bad_runs: [],
  uncovered: [],
  ended: null,
  entities: [],
};
const toIso = (ms: number): string => new Date(ms).toISOString();
const byStart = (a: Run, b: Run): number => b.start - a.start;
const errorsOf = (run: Run): number => Number(run.error !== null);
const isAfter = (window: number, now: number) => ({ end }: Run): boolean => end > now - window && end <= now;
const mean = (numbers: number[]): number | null =>
  numbers.length ? numbers.reduce((sum, number) => sum + number, 0) / numbers.length : null;

function measured(world: World, rule: Rule): [entity_type: string, Run[]][] {
  return Object.entries(world.entities).filter(([name, { is_active, is_paused }]) =>
    is_active && !is_paused && (rule.entity_type === "all" || rule.entity_type === name)
  ).map(([name]) => [name, world.runs.filter((run) => run.entity_type === name)]);
}

const badRunsOf = (entity_type: string, runs: Run[]): Measurement["bad_runs"] => {
  const starts = runs.map(({ start }) => start);
  return starts.length ? [{ entity_type, first_run_at: toIso(Math.min(...starts)), last_run_at: toIso(Math.max(...starts)) }] : [];
};
const isIn = (window: number, now: number) => ({ start }: Run): boolean => start > now - window && start <= now;

function rateOf(world: World, rule: Rule, snapshot: Snapshot): Value {
  const figures = measured(world, rule).map(([entity_type, all]) => ({ entity_type, runs: all.filter(isIn(rule.window_ms, world.now)) }))
    // The rates are rounded, because equal rates can differ as floating-point numbers; the numeric values of the database do not.
    .filter(({ runs }) => runs.length > 0).map((figure) => ({
      ...figure,
      rate: Number((mean(figure.runs.map(weightOf)) ?? 0).toFixed(9)),
    }));
  const [lowest] = figures.toSorted((a, b) =>
    Number(b.runs.length >= rule.minimum_runs) - Number(a.runs.length >= rule.minimum_runs) || a.rate - b.rate ||
    (a.entity_type < b.entity_type ? -1 : 1)
  );
  const isRate = rule.metric === "success_rate";
  const counted = isRate ? lowest?.runs ?? [] : figures.flatMap(({ runs }) => runs);
  const [latest] = counted.filter((run) => weightOf(run) < 1).sort(byStart);
  // An error has the time of the end of its run, and a run that of its start.
  const errors = measured(world, rule).flatMap(([, all]) => all.filter(isAfter(rule.window_ms, world.now))).map(errorsOf);
  const value = isRate ? lowest?.rate ?? null : counted.length ? errors.reduce((sum, count) => sum + count, 0) / counted.length : null;
  const isOpen = snapshot.incidents.some((one) => one.rule_id === rule.id && isLive(one));
  const isBreach = value !== null && (isRate ? value < rule.threshold : value >= rule.threshold);
  return {
    ...NOTHING,
    value,
    runs: counted.length,
    since: latest ? toIso(latest.end) : null,
    execution_id: latest?.id ?? null,
    ...(latest ? fingerprintOf(latest) : {}),
    uncovered: isBreach || isOpen ? uncoveredOf(world, rule, snapshot) : [],
    entities: figures.filter(({ runs }) => runs.some((run) => weightOf(run) < 1)).map(({ entity_type }) => entity_type),
  };
}

/** The value of a rate at each destination without the runs that it was notified of. */
function uncoveredOf(world: World, rule: Rule, { incidents, rows, coverage }: Snapshot): Measurement["uncovered"] {
  const own = incidents.filter((one) => one.rule_id === rule.id && isLive(one));
  const openedAt = Math.min(world.now, ...own.map(({ opened_at }) => Date.parse(opened_at)));
  const there = new Map<string, { channel: string; recipient: string; covers: (run: Run) => boolean }>();
  for (const { incident_id, entity_type, first_run_at, last_run_at } of coverage) {
    const incident = incidents.find(({ id }) => id === incident_id);
    const isOver = incident?.state === "RESOLVED", last = isOver ? Date.parse(last_run_at) : world.now;
    if (isOver && last <= openedAt - rule.window_ms || rule.entity_type !== "all" && rule.entity_type !== entity_type) continue;
    for (const { channel, recipient, status, kind, severity } of rows.filter((row) => row.incident_id === incident_id)) {
      if (status === "DEAD" || status === "SUPERSEDED" || kind === "RESOLVED") continue;
      if (SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(rule.severity)) continue;
      const key = `${channel} ${recipient}`, other = there.get(key)?.covers ?? (() => false);
      const covers = (run: Run) =>
        other(run) || run.entity_type === entity_type && run.start >= Date.parse(first_run_at) && run.start <= last;
      there.set(key, { channel, recipient, covers });
    }
  }
  return [...there.values()].map(({ channel, recipient, covers }) => {
    const rest = measured(world, rule).map(([, runs]) => runs.filter((run) => isIn(rule.window_ms, world.now)(run) && !covers(run)))
      .filter((runs) => runs.length > 0);
    const rates = rest.filter((runs) => rule.entity_type !== "all" || runs.length >= rule.minimum_runs)
      .map((runs) => mean(runs.map(weightOf)) ?? 0);
    const value = rule.metric === "success_rate" ? (rates.length ? Math.min(...rates) : null) : mean(rest.flat().map(errorsOf));
    return { channel, recipient, value, runs: rest.flat().length };
  });
}

function streakOf(world: World, rule: Rule): Value {
  const worst =
    measured(world, rule).map(([name]) => name).sort((a, b) =>
      failuresOf(world, b) - failuresOf(world, a) || (overdueSince(world, a) ?? Infinity) - (overdueSince(world, b) ?? Infinity) ||
      (a < b ? -1 : 1)
    )[0];
  if (worst === undefined) return NOTHING;
  const failures = failuresOf(world, worst);
  const failed = world.runs.filter((run) => run.entity_type === worst && run.status === "FAILED").sort(byStart).slice(0, failures);
  const [latest] = failed;
  return {
    ...NOTHING,
    value: failures,
    since: latest ? toIso(latest.end) : null,
    execution_id: latest?.id ?? null,
    ...(latest ? fingerprintOf(latest) : {}),
    bad_runs: badRunsOf(worst, failed),
    entities: rule.entity_type === "all" && failures > 0 ? [worst] : [],
  };
}

const failuresOf = (world: World, name: string): number => world.entities[name]?.consecutive_failures ?? 0;
function overdueOf(world: World, rule: Rule): Value {
  const [first] = measured(world, rule);
  const since = first ? overdueSince(world, first[0]) : null;
  return {
    ...NOTHING,
    value: first ? (since === null ? 0 : (world.now - since) / 1000) : null,
    since: since === null ? null : toIso(since),
  };
}

function durationOf(world: World, rule: Rule): Value {
  const finished = measured(world, rule).flatMap(([, runs]) => runs);
  const recent = finished.filter((run) => run.end > world.now - rule.window_ms && isIn(rule.window_ms + HOUR, world.now)(run));
  const last = finished.toSorted((a, b) => b.end - a.end).slice(0, 1);
  const [longest] = (recent.length ? recent : last).toSorted((a, b) => b.end - b.start - (a.end - a.start) || (a.id < b.id ? -1 : 1));
  if (!longest) return NOTHING;
  return {
    ...NOTHING,
    value: (longest.end - longest.start) / 1000,
    since: toIso(longest.start + rule.threshold * 1000),
    execution_id: longest.id,
    is_stale: recent.length === 0,
  };
}

function sharedOf(world: World, rule: Rule): Value {
  const runs = measured(world, rule).flatMap(([, all]) => all.filter(isIn(rule.window_ms, world.now))).sort((a, b) => a.end - b.end);
  const latest = new Map<string, { run: Run; fingerprint: string | null }>();
  for (const run of runs) for (const { tournament_no, fingerprint } of run.results) latest.set(tournament_no, { run, fingerprint });
  const failed = [...latest.values()].filter(({ fingerprint }) => fingerprint !== null);
  const [largest] = [...Map.groupBy(failed, ({ fingerprint }) => fingerprint ?? "")]
    .toSorted(([a, first], [b, second]) => second.length - first.length || (a < b ? -1 : 1));
  if (runs.length === 0) return NOTHING;
  if (!largest) return { ...NOTHING, value: 0, runs: latest.size };
  const bad = largest[1].map(({ run }) => run), [last] = bad.toSorted(byStart);
  const alike = runs.filter((run) => run.error === largest[0] && weightOf(run) < 1);
  return {
    ...NOTHING,
    value: largest[1].length,
    runs: latest.size,
    since: toIso(Math.min(...bad.map(({ end }) => end))),
    execution_id: last?.id ?? null,
    fingerprint: largest[0],
    // The failed runs of any sync with the same fingerprint also count.
    bad_runs: [...Map.groupBy([...bad, ...alike], ({ entity_type }) => entity_type)].sort().flatMap(([name, own]) => badRunsOf(name, own)),
    entities: ["matches_schedule"],
  };
}

/** The time for which a tournament was due when the last run ended without reading it; null if it was read or not due. */
function staleOf(tournamentNo: string, runs: Run[]): { run: Run; freshUntil: number } | null {
  const [run] = runs.toSorted(byStart);
  const lastRead =
    runs.filter(({ results }) => results.some(({ tournament_no, fingerprint }) => tournament_no === tournamentNo && fingerprint === null))
      .sort(byStart)[0];
  if (!run || !lastRead || lastRead === run) return null;
  const freshUntil = lastRead.start + TTL;
  return freshUntil <= run.start + MINUTE ? { run, freshUntil } : null;
}

function tournamentsOf(world: World, rule: Rule, incidents: Incident[]): Value[] {
  const [syncing] = measured(world, rule);
  const runs = world.runs.filter(({ entity_type }) => entity_type === rule.entity_type).sort((a, b) => b.end - a.end);
  return TOURNAMENTS.flatMap((tournament_no) => {
    const results = runs.flatMap((run) =>
      run.results.filter((result) => result.tournament_no === tournament_no).map(({ fingerprint }) => ({ run, fingerprint }))
    );
    const recent = results.filter(({ run }) => run.end > world.now - rule.window_ms);
    const hasIncident = incidents.some((incident) =>
      incident.rule_id === rule.id && incident.tournament_no === tournament_no &&
      (incident.state !== "RESOLVED" || incident.awaits_recovery)
    );
    const isStaleness = rule.metric === "tournament_staleness", stale = isStaleness && syncing ? staleOf(tournament_no, runs) : null;
    const isFound = isStaleness ? stale !== null : recent.some(({ fingerprint }) => fingerprint !== null);
    const isVanished = world.vanished.has(tournament_no);
    const isBelow = rule.lowest_priority !== null && (isVanished || world.inBreak.has(tournament_no));
    if (!hasIncident && (!syncing || !isFound || isBelow)) return [];
    const success = results.findIndex(({ fingerprint }) => fingerprint === null);
    const streak = success === -1 ? results : results.slice(0, success), [last] = streak;
    return [{
      ...NOTHING,
      tournament_no,
      value: isStaleness ? Math.round(stale ? (stale.run.end - stale.freshUntil) / 100 : 0) / 10 : recent.length ? streak.length : null,
      runs: recent.length,
      since: stale ? toIso(stale.freshUntil + rule.threshold * 1000) : last ? toIso(last.run.end) : null,
      execution_id: last?.run.id ?? stale?.run.id ?? null,
      fingerprint: last?.fingerprint ?? (stale?.run.status === "FAILED" ? fingerprintOf(stale.run).fingerprint : null),
      ended: isVanished
        ? "the tournament is no longer synced"
        : isBelow
        ? "the tournament now has the priority SOON, and the rule is for TODAY or higher"
        : null,
    }];
  });
}

function valuesOf(world: World, rule: Rule, snapshot: Snapshot): Value[] {
  if (rule.scope === "TOURNAMENT") return tournamentsOf(world, rule, snapshot.incidents);
  if (rule.metric === "success_rate" || rule.metric === "error_rate") return [rateOf(world, rule, snapshot)];
  if (rule.metric === "shared_failure") return [sharedOf(world, rule)];
  if (rule.metric === "duration_exceeded") return [durationOf(world, rule)];
  return [rule.metric === "sync_overdue" ? overdueOf(world, rule) : streakOf(world, rule)];
}

/** The active silence of a scope; a silence that names the incident is selected only if no other matches. */
function silenceOf(world: World, rule: Rule, { tournament_no, entities }: Value, incident: Incident | undefined): Silence | undefined {
  const stored = Array.isArray(incident?.evidence.entities) ? incident.evidence.entities : [];
  const failing = entities.length ? entities : stored;
  return world.silences.filter((silence) =>
    isSilencing(silence, world.now) &&
    (silence.entity_type === null || silence.entity_type === rule.entity_type ||
      rule.entity_type === "all" && failing.length === 1 && failing[0] === silence.entity_type) &&
    (silence.rule_id === null || silence.rule_id === rule.id) &&
    (silence.severity === null || silence.severity === (incident?.severity ?? rule.severity)) &&
    (silence.tournament_no === null || silence.tournament_no === tournament_no) &&
    (silence.incident_id === null || silence.incident_id === incident?.id)
  ).toSorted((a, b) => Number(a.incident_id !== null) - Number(b.incident_id !== null) || b.ends_at - a.ends_at)[0];
}

/** Whether a pause can be the reason of an empty window. */
const isEmptied = ({ entity_type, window_ms }: Rule, { entities, now }: World): boolean =>
  entities[entity_type]?.pauses.some(({ until }) => until === null || until > now - window_ms) ?? false;

/** The expected answer of `measure_alert_rules` for a world and its incidents. */
export function measureWorld(world: World, snapshot: Snapshot, evaluatedSince: number | null): Measurements {
  const live = snapshot.incidents.filter(isLive), ended = snapshot.incidents.filter((incident) => !isLive(incident));
  const measurements = world.rules.filter(({ is_active }) => is_active).flatMap((rule) =>
    valuesOf(world, rule, snapshot).map((value): Measurement => {
      const scope = { rule_id: rule.id, rule_name: rule.name, entity_type: rule.entity_type, tournament_no: value.tournament_no };
      const key = scopeKey(scope), incident = live.find((one) => scopeKey(one) === key);
      const before = ended.filter((one) => scopeKey(one) === key), silence = silenceOf(world, rule, value, incident);
      const parent = snapshot.incidents.find(({ id }) => id === incident?.parent_id);
      const flap_ms = Math.max(HOUR, Math.min(4 * rule.window_ms, 24 * HOUR));
      const entity = world.entities[rule.entity_type], { entities, ...measuredValue } = value;
      return {
        ...scope,
        ...measuredValue,
        metric: rule.metric,
        severity: rule.severity,
        threshold: rule.threshold,
        recovery_threshold: rule.recovery_threshold,
        minimum_runs: rule.minimum_runs,
        no_data: isEmptied(rule, world) ? "KEEP" : rule.no_data,
        for_ms: rule.for_ms,
        escalation_ms: rule.escalation_ms,
        escalation_channels: rule.escalation_channels,
        repeat_ms: rule.repeat_ms,
        flap_ms,
        channels: rule.channels,
        evidence: entities.length > 0 ? { entities } : {},
        is_paused: entity?.is_paused ?? false,
        ended: entity && !entity.is_active ? "the entity was deactivated" : value.ended,
        silenced_by: silence?.id ?? null,
        is_silenced_by_name: silence !== undefined && silence.incident_id !== null,
        closed_incident: before.filter(({ awaits_recovery }) => awaits_recovery)
          .toSorted((a, b) => Date.parse(b.resolved_at ?? "") - Date.parse(a.resolved_at ?? ""))[0]?.id ?? null,
        resolved_recently: before.filter((one) =>
          one.missed_due_at === null && one.notified_at !== null && Date.parse(one.resolved_at ?? "") > world.now - flap_ms
        ).length,
        missed: [],
        incident: incident
          ? {
            ...incident,
            destinations: [...newestStates(snapshot.rows, incident.id).values()].map(({ channel, recipient, severity, cause, status }) => ({
              channel,
              recipient,
              severity,
              cause,
              is_dead: status === "DEAD",
            })),
            bad_runs: snapshot.coverage.filter(({ incident_id }) =>
              incident_id === incident.id
            )
              .map(({ entity_type, first_run_at, last_run_at }) => ({ entity_type, first_run_at, last_run_at })),
            parent: parent?.rule_id
              ? {
                rule_id: parent.rule_id,
                rule_name: parent.rule_name,
                entity_type: parent.entity_type,
                tournament_no: parent.tournament_no,
              }
              : null,
          }
          : null,
      };
    })
  );
  return {
    as_of: toIso(world.now),
    evaluated_since: evaluatedSince === null ? null : toIso(evaluatedSince),
    recipients: world.recipients(),
    broken: [],
    measurements,
  };
}
