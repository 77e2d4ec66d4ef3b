import type { TestDatabase } from "./database.ts";

const MINUTE = 60_000;

interface Rows {
  entities: {
    entity_type: string;
    frequency: number;
    grace: number;
    created: number;
    leases: boolean;
    during_play: boolean;
    active: boolean;
  }[];
  pauses: { entity_type: string; from: number; until: number | null }[];
  runs: {
    id: string;
    entity_type: string;
    status: string;
    start: number;
    end: number | null;
    due: number | null;
    heartbeat: number;
    lease: number;
    deadline: number;
  }[];
  results: {
    run: string;
    no: string;
    entity_type: string;
    success: boolean;
    fingerprint: string | null;
    warning: string | null;
    ttl: number | null;
    at: number;
  }[];
  errors: { run: string; fingerprint: string }[];
  evaluations: number[];
  notifications: {
    entity_type: string;
    channel: string;
    incident: string;
    seq: number;
    status: string;
    created: number;
    sent: number | null;
  }[];
  tournaments: { no: string; first: string; last: string; created: number }[];
}

const ms = (column: string): string => `extract(epoch from ${column})::float8 * 1000`;

/** The rows from which events are counted, with times in ms. */
export async function readObjectiveRows(db: TestDatabase): Promise<Rows> {
  const read = async <T>(sql: string): Promise<T[]> => await db.query(sql) as T[];
  return {
    entities: await read(
      `select entity_type, ${ms("sync_frequency")} as frequency, ${ms("grace")} as grace, ${ms("created_at")} as created,
        leases_tournaments as leases, runs_during_play as during_play, is_active as active from sync_status`,
    ),
    pauses: await read(`select entity_type, ${ms("paused_at")} as from, ${ms("resumed_at")} as until from entity_pauses`),
    runs: await read(
      `select id, entity_type, status, ${ms("execution_start")} as start, ${ms("execution_end")} as end, ${ms("due_at")} as due,
        ${ms("heartbeat_at")} as heartbeat, ${ms("lease_expires_at")} as lease, ${ms("deadline")} as deadline
      from sync_execution_history where tournament_no is null`,
    ),
    results: await read(
      `select sync_execution_id as run, tournament_no as no, entity_type, success, error_fingerprint as fingerprint,
        warning_code as warning, ${ms("ttl")} as ttl, ${ms("created_at")} as at from sync_tournament_results`,
    ),
    errors: await read("select sync_execution_id as run, fingerprint from sync_error_log"),
    evaluations: (await read<{ at: number }>(`select ${ms("evaluated_at")} as at from alert_evaluations`)).map(({ at }) => at),
    notifications: await read(
      `select i.entity_type, n.channel, n.incident_id as incident, n.seq::float8 as seq, n.status, ${ms("n.created_at")} as created,
        ${ms("n.sent_at")} as sent
      from alert_notifications n join alert_incidents i on i.id = n.incident_id`,
    ),
    tournaments: await read(
      `select no, start_date::text as first, end_date::text as last, ${ms("created_at")} as created from tournaments`,
    ),
  };
}

interface Event {
  entity_type: string;
  at: number;
  isBad: boolean;
  cause: string | null;
}

const isPaused = (rows: Rows, entity_type: string, at: number): boolean =>
  rows.pauses.some((pause) => pause.entity_type === entity_type && pause.from <= at && (pause.until === null || pause.until > at));

/** The most frequent fingerprint of the results of a run, else of its errors. */
function failureOf(rows: Rows, run: string): string | null {
  const failed = rows.results.filter((result) => result.run === run && result.fingerprint !== null).map((result) =>
    result.fingerprint ?? ""
  );
  const all = failed.length ? failed : rows.errors.filter((error) => error.run === run).map(({ fingerprint }) => fingerprint);
  const counts = Map.groupBy(all, (fingerprint) => fingerprint);
  return [...counts].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))[0]?.[0] ?? null;
}

const isCounted = ({ status }: Rows["runs"][number]): boolean => ["SUCCEEDED", "PARTIAL", "FAILED", "TIMED_OUT"].includes(status);

function resultsOf(rows: Rows): Event[] {
  const byRun = Map.groupBy(rows.results, ({ run }) => run);
  return rows.runs.filter(isCounted).flatMap((run): Event[] => {
    const results = byRun.get(run.id) ?? [], { entity_type, start: at } = run;
    if (!results.length && ["FAILED", "TIMED_OUT"].includes(run.status)) {
      return [{ entity_type, at, isBad: true, cause: failureOf(rows, run.id) }];
    }
    return results.map(({ success, fingerprint }) => ({ entity_type, at, isBad: !success, cause: fingerprint }));
  });
}

/** The due times of each entity until a time, and whether a run for each started within a delay. */
function duesOf(rows: Rows, until: number, delayOf: (entity: Rows["entities"][number]) => number) {
  return rows.entities.filter(({ active }) => active).flatMap((entity) => {
    const starts = Map.groupBy(
      rows.runs.filter(({ entity_type, status }) => entity_type === entity.entity_type && status !== "SKIPPED"),
      ({ due, start }) => due ?? Math.floor((start + 5_000) / entity.frequency) * entity.frequency,
    );
    const dues: { entity: typeof entity; due: number; isStarted: boolean }[] = [];
    for (let due = Math.ceil(entity.created / entity.frequency) * entity.frequency; due <= until; due += entity.frequency) {
      if (isPaused(rows, entity.entity_type, due)) continue;
      const isStarted = (starts.get(due) ?? []).some(({ start }) => start >= due - 5_000 && start <= due + delayOf(entity));
      dues.push({ entity, due, isStarted });
    }
    return dues;
  });
}

function timelinessOf(rows: Rows, now: number): Event[] {
  return duesOf(rows, now - 15 * MINUTE, () => 15 * MINUTE).map(({ entity: { entity_type }, due, isStarted }) => {
    const before = rows.runs.filter((run) => run.entity_type === entity_type && run.start < due).sort((a, b) => b.start - a.start)[0];
    return { entity_type, at: due, isBad: !isStarted, cause: isStarted || !before ? null : failureOf(rows, before.id) };
  });
}

function freshnessOf(rows: Rows, now: number): Event[] {
  const entities = rows.entities.filter(({ leases, during_play, active }) => leases && !during_play && active);
  const events: Event[] = [];
  for (const { entity_type, frequency, grace, created } of entities) {
    for (const tournament of rows.tournaments) {
      const results = rows.results.filter(({ no }) => no === tournament.no).sort((a, b) => a.at - b.at);
      let next = 0, last: string | null = null, freshUntil = tournament.created + frequency + grace;
      for (let at = Math.ceil(created / MINUTE) * MINUTE; at <= now; at += MINUTE) {
        for (let result = results[next]; result && result.at <= at; result = results[++next]) {
          last = result.fingerprint;
          const isRead = result.success && result.warning === null && result.entity_type === entity_type;
          if (isRead) freshUntil = result.at + Math.max(frequency + grace, result.ttl ?? 0);
        }
        const day = new Date(at).toISOString().slice(0, 10);
        if (day < tournament.first || day > tournament.last || tournament.created > at || isPaused(rows, entity_type, at)) continue;
        events.push({ entity_type, at, isBad: at > freshUntil, cause: last });
      }
    }
  }
  return events;
}

function detectionOf(rows: Rows, now: number): Event[] {
  const failures = [
    ...rows.runs.filter(({ status }) => ["FAILED", "TIMED_OUT", "PARTIAL"].includes(status)).map((run) => ({
      entity_type: run.entity_type,
      at: run.status === "TIMED_OUT" && run.lease < run.deadline ? run.heartbeat : run.end ?? NaN,
      recorded: run.end ?? NaN,
    })),
    ...duesOf(rows, now, ({ grace }) => grace).filter(({ isStarted }) => !isStarted).map(({ entity: { entity_type, grace }, due }) => ({
      entity_type,
      at: due + grace,
      recorded: due + grace,
    })),
  ];
  return failures.filter(({ at }) => at + 5 * MINUTE <= now).map(({ entity_type, at, recorded }) => ({
    entity_type,
    at,
    isBad: !rows.evaluations.some((evaluated) => evaluated >= recorded && evaluated <= at + 5 * MINUTE),
    cause: null,
  }));
}

function deliveriesOf(rows: Rows, now: number): Event[] {
  return rows.notifications.filter(({ created }) => created + 5 * MINUTE <= now).flatMap((state): Event[] => {
    const replaced = Math.min(
      ...rows.notifications.filter(({ incident, seq }) => incident === state.incident && seq > state.seq).map(({ created }) => created),
    );
    if (state.status === "SUPERSEDED" && !(replaced > state.created + 5 * MINUTE && replaced < Infinity)) return [];
    const isBad = state.sent === null || state.sent > state.created + 5 * MINUTE;
    return [{ entity_type: state.entity_type, at: state.created, isBad, cause: state.channel }];
  });
}

/** The events of an indicator from `from` until `now`, both in ms, with the bad events by cause; an unknown cause is empty. */
export function countEvents(
  rows: Rows,
  indicator: string,
  entity: string,
  from: number,
  now: number,
): { events: number; bad_events: number; causes: Record<string, number> } {
  const count: Record<string, () => Event[]> = {
    sync_success: () => resultsOf(rows),
    timeliness: () => timelinessOf(rows, now),
    freshness: () => freshnessOf(rows, now),
    detection: () => detectionOf(rows, now),
    delivery: () => deliveriesOf(rows, now),
  };
  const all = count[indicator]?.() ?? [];
  const events = all.filter(({ entity_type, at }) => at >= from && at <= now && (entity === "all" || entity === entity_type));
  const bad = events.filter(({ isBad }) => isBad);
  const causes = Object.fromEntries([...Map.groupBy(bad, ({ cause }) => cause ?? "")].map(([cause, list]) => [cause, list.length]));
  return { events: events.length, bad_events: bad.length, causes };
}
