/** The kinds of faults; from `off_season` on they are no faults of runs: no due tournament, a pause, no evaluation, and faulty channels. */
export type FaultKind =
  | "failing"
  | "outage"
  | "database"
  | "missed"
  | "slow"
  | "hung"
  | "stuck"
  | "heavy"
  | "late"
  | "partial"
  | "shared"
  | "lone"
  | "off_season"
  | "paused"
  | "no_evaluation"
  | "gone"
  | "unavailable"
  | "lossy"
  | "refused";

/** A fault that lasts some ticks of 15 minutes, of `matches_schedule`, of the given entity, or of all entities. */
export interface Fault {
  kind: FaultKind;
  tick: number;
  ticks: number;
  entity?: string;
}

/** The tournaments of every simulated run of matches; a shared fault fails `SHARED` with one fingerprint, and a lone one only `LONE`. */
export const SHARED = ["8101", "8102", "8103"], LONE = "8104";

/** The fingerprints of the failures of each kind of fault. */
export const CAUSES: Partial<Record<FaultKind, string>> = {
  outage: "VIS_UNAVAILABLE",
  database: "DATABASE_UNREACHABLE",
  shared: "VIS_SERVER_ERROR",
  lone: "REPLY_WRONG_ROWS",
};

const ERRORS: Record<string, { error_type: string; error_message: string }> = {
  VIS_UNAVAILABLE: { error_type: "API", error_message: "VIS answered HTTP 503" },
  DATABASE_UNREACHABLE: { error_type: "DATABASE", error_message: "the database refused the connection" },
  VIS_SERVER_ERROR: { error_type: "API", error_message: "VIS answered HTTP 500" },
  REPLY_WRONG_ROWS: { error_type: "VALIDATION", error_message: "the reply has matches of another tournament" },
};

/** A simulated run, in ms since the epoch; `ended` is null for a run that the worker does not finish. */
export interface SimulatedRun {
  entity: string;
  kinds: ReadonlySet<FaultKind>;
  /** The due time, the start and the end; the reaper closes a run without an end. */
  due: number;
  started: number;
  ended: number | null;
  /** The weight of the run in a success rate: 1, 0, or the share of tournaments that did not fail. */
  weight: number;
}

const MINUTE = 60_000;

/** The end of a run; the reaper closes a run without heartbeats after its lease, and any run at its deadline. */
export const endOf = ({ ended, started, kinds }: SimulatedRun): number =>
  ended ?? Math.ceil((started + (kinds.has("hung") ? 10 : 1) * MINUTE) / MINUTE) * MINUTE + 1_000;

/** Plans the run of an entity under faults, which can overlap: a run can be slow, use too much memory and fail. */
export function planRun(entity: string, due: number, kinds: ReadonlySet<FaultKind>, random: () => number): SimulatedRun {
  const isDaily = entity === "tournaments";
  const started = due + (kinds.has("late") ? 4 * MINUTE : Math.floor(random() * 2_000));
  const seconds = kinds.has("slow") ? (isDaily ? 150 : 420) : isDaily ? 4 : 20 + random() * 40;
  const ended = kinds.has("hung") || kinds.has("stuck") ? null : Math.round(started + seconds * 1_000);
  const results = resultsOf(kinds);
  const failed = results.filter(({ error_type }) => error_type !== null).length;
  const isFailed = isFailing(kinds);
  const weight = isFailed || ended === null ? 0 : kinds.has("partial") ? 0.9 : isDaily ? 1 : 1 - failed / 10;
  return { entity, kinds, due, started, ended, weight };
}

const isFailing = (kinds: SimulatedRun["kinds"]): boolean => kinds.has("failing") || kinds.has("outage") || kinds.has("database");

/** The report of the worker at the end of a run. */
export function reportOf({ entity, kinds, started }: SimulatedRun, hasResults: boolean, random: () => number) {
  const isFailed = isFailing(kinds), isIdle = kinds.has("off_season");
  const cause = kinds.has("database") ? CAUSES.database : kinds.has("outage") ? CAUSES.outage : undefined;
  const results = !hasResults || entity === "tournaments" || isIdle || kinds.has("failing") && !kinds.has("shared") ? [] : resultsOf(kinds);
  const failed = isFailed ? 10 : Math.max(results.filter(({ error_type }) => error_type !== null).length, kinds.has("partial") ? 1 : 0);
  // A run without results reports one error.
  const errors = (results.length ? results : [{ tournament_no: null, error_fingerprint: cause ?? null }]).flatMap((result) => {
    const { tournament_no, error_fingerprint } = result;
    return error_fingerprint === null ? [] : [{
      ...ERRORS[error_fingerprint],
      id: crypto.randomUUID(),
      error_code: error_fingerprint,
      error_severity: "HIGH",
      retryable: true,
      fingerprint: error_fingerprint,
      tournament_no,
      occurred_at: new Date(started + 1_000).toISOString(),
    }];
  });
  return {
    status: isFailed ? "FAILED" : failed > 0 ? "PARTIAL" : "SUCCEEDED",
    reason: isFailed ? "all 10 tournaments failed" : failed > 0 ? `${failed} of 10 tournaments failed` : "10 tournaments done",
    counters: {
      tournaments_processed: isIdle ? 0 : 10,
      tournaments_failed: isIdle ? 0 : failed,
      memory_usage_mb: kinds.has("heavy") ? 220 : Math.round(40 + random() * 120),
      records_read: isIdle ? 0 : 400,
      records_updated: isIdle || isFailed ? 0 : 12,
      records_unchanged: isIdle || isFailed ? 0 : 388,
      api_calls: isIdle ? 0 : 10,
      api_response_ms_total: isIdle ? 0 : 1_200,
      api_response_ms_max: isIdle ? 0 : 240,
      database_calls: isIdle ? 2 : 24,
      error_count: errors.length,
    },
    results,
    errors,
  };
}

/** The result of each tournament of a run of matches. */
function resultsOf(kinds: ReadonlySet<FaultKind>) {
  const causeOf = (no: string): string | null => {
    const kind = (["database", "outage"] as const).find((each) => kinds.has(each)) ??
      (kinds.has("shared") && SHARED.includes(no) ? "shared" : kinds.has("lone") && no === LONE ? "lone" : null);
    return kind === null ? null : CAUSES[kind] ?? null;
  };
  return [...SHARED, LONE].map((tournament_no) => {
    const cause = causeOf(tournament_no);
    return { tournament_no, error_fingerprint: cause, error_type: null, error_message: null, ...(cause === null ? {} : ERRORS[cause]) };
  });
}
