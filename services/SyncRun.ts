import pMap from "p-map";
import { z } from "zod";
import { ERROR_CLASSES, SyncError } from "./classification.ts";
import type { Clock } from "./clock.ts";
import { ErrorLogger, type ErrorRecord } from "./ErrorLogger.ts";
import type { Log } from "./log.ts";
import type { MetricsCollector } from "./MetricsCollector.ts";
import type { Rpc } from "./rpc.ts";
import { judgeRun, type RunOutcome, type StopReason } from "./run-outcome.ts";

/** A heartbeat every five seconds of work; the lease it renews lasts sixty. */
const HEARTBEAT_MS = 5_000;

const Beat = z.object({ live: z.boolean(), cancel_requested: z.boolean() });
const Finished = z.object({ recorded: z.boolean(), status: z.string().nullable() });

export interface SyncDeps {
  rpc: Rpc;
  clock: Clock;
  log: Log;
  /** Milliseconds from now until the platform kills this worker. */
  wallClockLeft: () => number;
  /** Bytes in use; the isolate's own unless a test says otherwise. */
  memory?: () => number;
}

interface TournamentResult {
  tournament_no: string;
  records_processed: number | null;
  duration_ms: number;
  error_message: string | null;
  error_type: string | null;
  error_fingerprint: string | null;
  retry_attempt: number;
}

/** What a tournament's work reports when it is done. */
export interface TournamentOutcome {
  records: number;
  retries?: number;
}

/** Why a tournament's work failed: an error of its own, or one recorded already. */
type Failure = { error: unknown; retries?: number } | { failure: ErrorRecord };

/** What the start of a run settled. */
interface RunInfo {
  entityType: string;
  executionId: string;
  tournamentNo: string | null;
  /** The tournaments the run is for, however long they have been fresh; null when it is for all that are due. */
  targets: string[] | null;
  budgetMs: number;
  startedAt: string;
  /** Null when the run could not be recorded. */
  deadline: string | null;
  previousWasCut: boolean;
  isRecorded: boolean;
}

/** Runs that have not ended yet, for {@link closeLiveRuns}. */
const liveRuns = new Set<SyncRun>();

/** Best effort at shutdown: closes what still runs here as TIMED_OUT; what this misses, the reaper closes. */
export async function closeLiveRuns(): Promise<void> {
  await Promise.allSettled([...liveRuns].map((run) => run.shutDown()));
}

/** One open run: does the work in isolated pieces, counts, keeps the heartbeat, and records the end. */
export class SyncRun {
  readonly errors: ErrorLogger;
  #results: TournamentResult[] = [];
  #codes = new Map<string, number>();
  #stop: StopReason | null = null;
  #stage: string | null = null;
  #steps = 0;
  #stepsFailed = 0;
  #processed = 0;
  #failed = 0;
  #rejected = 0;
  #total: number | null = null;
  #begun: number;
  #beating: Promise<void> | null = null;

  constructor(private readonly deps: SyncDeps, readonly metrics: MetricsCollector, readonly info: RunInfo) {
    this.errors = new ErrorLogger(deps.log, deps.clock);
    this.#begun = deps.clock.monotonic();
  }

  /** The database, with every call counted. */
  get rpc(): Rpc {
    return this.deps.rpc;
  }
  get clock(): Clock {
    return this.deps.clock;
  }

  /** Why the run should not begin anything new, null while it may; once it should stop, that is why it ended. */
  shouldStop(): StopReason | null {
    if (this.#stop === null && this.deps.clock.monotonic() - this.#begun >= this.info.budgetMs) this.#stop = "BUDGET";
    return this.#stop;
  }

  /** Names what the run is doing, for its progress. */
  stage(name: string): void {
    this.#stage = name;
  }

  /** Leaves one record out of the sync and reports it; the rest goes on. */
  reject(error: SyncError, tournamentNo?: string): void {
    this.#rejected++;
    this.metrics.count("records_rejected");
    this.#note(error, tournamentNo);
  }

  /** Does one step of the work; its failure is recorded and null returned, and the other steps go on. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T | null> {
    this.stage(name);
    this.#steps++;
    try {
      return await work();
    } catch (error) {
      this.#stepsFailed++;
      this.#note(error, undefined, { step: name });
      return null;
    }
  }

  /** Records one error that several tournaments share; each is then settled with what this returns. */
  report(error: unknown): { failure: ErrorRecord } {
    return { failure: this.#note(error) };
  }

  /** Counts a tournament done or failed as its own result; never throws. */
  settleTournament(no: string, begun: number, outcome: TournamentOutcome | Failure): void {
    const failure = "failure" in outcome ? outcome.failure : "error" in outcome ? this.#note(outcome.error, no) : null;
    this.#processed++;
    this.metrics.count("tournaments_processed");
    if (failure) {
      this.#failed++;
      this.metrics.count("tournaments_failed");
    }
    this.#results.push({
      tournament_no: no,
      records_processed: "records" in outcome ? outcome.records : null,
      duration_ms: Math.round(this.deps.clock.monotonic() - begun),
      error_message: failure?.error_message ?? null,
      error_type: failure?.error_type ?? null,
      error_fingerprint: failure?.fingerprint ?? null,
      retry_attempt: "retries" in outcome ? outcome.retries ?? 0 : 0,
    });
  }

  /** Works on tournaments, `concurrency` at a time, each failure its own; begins no more once there is a reason to stop. */
  async eachTournament<T extends { no: string }>(
    tournaments: T[],
    concurrency: number,
    work: (tournament: T) => Promise<TournamentOutcome | null>,
  ): Promise<void> {
    this.expectTournaments(tournaments.length);
    await pMap(tournaments, async (tournament) => {
      if (this.shouldStop()) return;
      const begun = this.deps.clock.monotonic();
      try {
        const outcome = await work(tournament);
        if (outcome) this.settleTournament(tournament.no, begun, outcome);
        else this.expectTournaments((this.#total ?? 1) - 1);
      } catch (error) {
        if (error instanceof SyncError && error.code === "UPSTREAM_BACKOFF") {
          if (this.#stop !== "UPSTREAM_BACKOFF") this.#note(error);
          this.#stop = "UPSTREAM_BACKOFF";
          return;
        }
        // The upstream's errors say at which attempt they were given up.
        const attempt = error instanceof SyncError ? error.evidence.attempt : undefined;
        this.settleTournament(tournament.no, begun, { error, retries: typeof attempt === "number" ? attempt - 1 : 0 });
      }
    }, { concurrency });
  }

  /** Says how many tournaments the run has before it. */
  expectTournaments(total: number): void {
    this.#total = total;
    this.metrics.expectTournaments(total);
  }

  /** Does the whole work under heartbeats and records how it ended; never throws. */
  async perform(work: (run: SyncRun) => Promise<void>): Promise<RunOutcome> {
    liveRuns.add(this);
    const stopBeating = this.info.isRecorded ? this.deps.clock.every(HEARTBEAT_MS, () => void this.beat()) : () => {};
    let fatal: string | null = null;
    try {
      await work(this);
    } catch (error) {
      fatal = this.#note(error).error_message;
    } finally {
      stopBeating();
    }
    await this.#beating;
    return await this.#finish(fatal);
  }

  /** Sends progress, results and errors so far and learns whether to go on; a failure is logged and the next beat repeats it. */
  beat(): Promise<void> {
    return this.#beating ??= this.#sendBeat().finally(() => this.#beating = null);
  }

  /** Ends the run now as TIMED_OUT because its worker is going away. */
  async shutDown(): Promise<void> {
    this.#stop = "SHUTDOWN";
    await this.#finish(null);
  }

  #note(error: unknown, tournamentNo?: string, context?: Record<string, unknown>) {
    const row = this.errors.record(error, { tournament_no: tournamentNo ?? this.info.tournamentNo ?? undefined, context });
    this.#codes.set(row.error_code, (this.#codes.get(row.error_code) ?? 0) + 1);
    this.metrics.count("error_count");
    return row;
  }

  #progress() {
    return {
      execution_id: this.info.executionId,
      counters: { ...this.metrics.snapshot(), current_stage: this.#stage },
      results: [...this.#results],
      errors: this.errors.pending(),
    };
  }

  #settle(sent: { results: TournamentResult[]; errors: ReturnType<ErrorLogger["pending"]> }): void {
    this.#results = this.#results.filter((result) => !sent.results.includes(result));
    this.errors.settle(sent.errors);
  }

  async #sendBeat(): Promise<void> {
    const p = this.#progress();
    try {
      const { live, cancel_requested } = await this.rpc("heartbeat_sync_execution", { p, as_of: this.deps.clock.asOf() }, Beat);
      this.#settle(p);
      if (!live) this.#stop ??= "FENCED";
      else if (cancel_requested) this.#stop ??= "CANCELLED";
    } catch (error) {
      this.deps.log("warn", "heartbeat_failed", { execution_id: this.info.executionId, message: String(error) });
    }
  }

  async #finish(fatal: string | null): Promise<RunOutcome> {
    const codes = [...this.#codes].sort((a, b) => b[1] - a[1]).map(([code]) => code);
    const outcome = judgeRun({
      stop: this.#stop,
      fatal,
      steps: this.#steps,
      steps_failed: this.#stepsFailed,
      total: this.#total,
      processed: this.#processed,
      failed: this.#failed,
      rejected: this.#rejected,
      codes,
    });
    liveRuns.delete(this);
    if (this.info.isRecorded) await this.#record(outcome);
    const { records_inserted, records_updated, records_removed } = this.metrics.snapshot();
    this.deps.log(outcome.status === "FAILED" ? "error" : "info", "sync_finished", {
      execution_id: this.info.executionId,
      ...outcome,
      records_inserted,
      records_updated,
      records_removed,
    });
    return outcome;
  }

  async #record(outcome: RunOutcome): Promise<void> {
    const top = [...this.#codes].map(([code, count]) => ({ code, count, type: ERROR_CLASSES[code as keyof typeof ERROR_CLASSES].type }));
    // What failed only for reasons that no retry helps need not be tried again by its job.
    const retryable = top.length === 0 || top.some(({ code }) => ERROR_CLASSES[code as keyof typeof ERROR_CLASSES].retry !== "never");
    const p = { ...this.#progress(), ...outcome, retryable, error_details: top.length ? { codes: top } : null };
    // A second try, because the answer to the first may have been lost; the database closes a run once.
    for (const isLast of [false, true]) {
      try {
        const { recorded, status } = await this.rpc("finish_sync_execution", { p, as_of: this.deps.clock.asOf() }, Finished);
        this.#settle(p);
        if (!recorded && status !== outcome.status) {
          this.deps.log("warn", "sync_closed_elsewhere", { execution_id: this.info.executionId, status });
        }
        return;
      } catch (error) {
        this.deps.log(isLast ? "error" : "warn", "sync_not_recorded", {
          execution_id: this.info.executionId,
          at: "finish",
          message: String(error),
        });
      }
    }
  }
}
