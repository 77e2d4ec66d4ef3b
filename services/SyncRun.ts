// Over 300 lines: one class keeps the state of a run from its start to its end.
import pMap from "p-map";
import { type Attempt, classify, SyncError } from "./classification.ts";
import type { Clock } from "./clock.ts";
import type { Arguments } from "./contract/index.ts";
import type { ErrorRecord, TournamentResult } from "./contract/runs.ts";
import { type ErrorCode, ERRORS } from "./error-table.ts";
import { ErrorLogger } from "./ErrorLogger.ts";
import { DatabaseError } from "./errors.ts";
import { LeftOutList } from "./LeftOutList.ts";
import type { Log } from "./log.ts";
import type { MetricsCollector } from "./MetricsCollector.ts";
import type { Rpc } from "./rpc.ts";
import { judgeRun, type RunOutcome, type StopReason } from "./run-outcome.ts";
import type { LeftOutReason } from "../types/sync.ts";
import type { WorkerCpu } from "./worker-cpu.ts";

/** A heartbeat every 5 s renews the lease of 60 s. */
const HEARTBEAT_MS = 5_000;
const LEASE_MS = 60_000;
/** The pauses between the attempts to record the end of a run double from the first to the longest. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

export interface SyncDeps {
  rpc: Rpc;
  clock: Clock;
  log: Log;
  /** Milliseconds until the platform ends this worker. */
  wallClockLeft: () => number;
  /** The CPU of this worker, which all of its runs share. */
  cpu: WorkerCpu;
  /** The bytes in use; by default, those of the isolate. */
  memory?: () => number;
}

/** The outcome of a tournament that was synced. */
export interface TournamentOutcome {
  records: number;
  retries?: number;
  /** The requests of its reply on the monotonic clock. */
  attempts?: Attempt[];
  /** The size of its reply. */
  bytes?: number;
  /** The reason why the reply was held back for a second look. */
  held?: SyncError;
}

/** The outcome of a failed tournament: its own error, or a recorded error that several tournaments share. */
type Failure = { error: unknown; retries?: number; attempts?: Attempt[] } | { failure: ErrorRecord };

type Progress = Arguments<"heartbeat_sync_execution">["p"];

/** The facts of a run that are known at its start. */
interface RunInfo {
  entityType: string;
  executionId: string;
  tournamentNo: string | null;
  /** The tournaments of a run for named tournaments; null for a full run. */
  targets: string[] | null;
  budgetMs: number;
  startedAt: string;
  /** Null when the start could not be recorded. */
  deadline: string | null;
  previousWasCut: boolean;
  isRecorded: boolean;
}

/** The runs of this worker that have not ended. */
const liveRuns = new Set<SyncRun>();

/** Closes the live runs of this worker as TIMED_OUT when it shuts down; the reaper closes a run for which this call failed. */
export async function closeLiveRuns(): Promise<void> {
  await Promise.allSettled([...liveRuns].map((run) => run.shutDown()));
}

/** A started run: isolates the failures of its steps and tournaments, counts its work, sends heartbeats, and records its outcome. */
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
  #held = 0;
  #inMainDraw: number | null = null;
  #total: number | null = null;
  #leftOut = new LeftOutList();
  #startedAt: number;
  #cpuAtStart: number;
  #leaseUntil: number;
  #heartbeat: Promise<void> | null = null;

  constructor(private readonly deps: SyncDeps, readonly metrics: MetricsCollector, readonly info: RunInfo) {
    this.errors = new ErrorLogger(deps.log, deps.clock);
    this.#startedAt = deps.clock.monotonic();
    this.#leaseUntil = this.#startedAt + LEASE_MS;
    this.#cpuAtStart = deps.cpu.spentMs;
  }

  /** The database client of the run, which counts each call. */
  get rpc(): Rpc {
    return this.deps.rpc;
  }
  get clock(): Clock {
    return this.deps.clock;
  }

  /** The reason why the run must stop; null while it may continue. UPSTREAM_BACKOFF and SHUTDOWN replace an earlier reason. */
  shouldStop(): StopReason | null {
    if (this.#stop === null && this.deps.clock.monotonic() - this.#startedAt >= this.info.budgetMs) this.#stop = "BUDGET";
    if (this.#stop === null && this.deps.cpu.isSpent) this.#stop = "CPU";
    return this.#stop;
  }

  /** Sets the stage that the progress of the run shows. */
  stage(name: string): void {
    this.#stage = name;
  }

  /** Counts a rejected record and records its error. */
  reject(error: SyncError, tournamentNo?: string): void {
    this.#rejected++;
    this.metrics.count("records_rejected");
    this.#recordError(error, tournamentNo);
  }

  /** Counts a reply that is held back for a second look, and records its reason. */
  hold(reason: SyncError, tournamentNo?: string): void {
    this.#held++;
    this.#recordError(reason, tournamentNo);
  }

  /** Adds a tournament to the number of tournaments whose main draw is today, if `isToday`. */
  countMainDraw(isToday: boolean): void {
    this.#inMainDraw = (this.#inMainDraw ?? 0) + Number(isToday);
  }

  /** Runs one step; after a failure, records the error and returns null, so that the run continues with its other steps. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T | null> {
    this.stage(name);
    this.#steps++;
    try {
      return await work();
    } catch (error) {
      this.#stepsFailed++;
      this.#recordError(error, undefined, { step: name });
      return null;
    }
  }

  /** Records one error that several tournaments share; pass the result to {@link recordTournament} for each of them. */
  report(error: unknown): { failure: ErrorRecord } {
    return { failure: this.#recordError(error) };
  }

  /** Adds the result of one tournament, synced or failed, whose work started at `startedAt` on the monotonic clock; never throws. */
  recordTournament(no: string, startedAt: number, outcome: TournamentOutcome | Failure): void {
    const failure = "failure" in outcome ? outcome.failure : "error" in outcome ? this.#recordError(outcome.error, no) : null;
    const held = "held" in outcome ? outcome.held : undefined;
    if (held) this.hold(held, no);
    this.#leftOut.settle(no);
    this.#processed++;
    this.metrics.count("tournaments_processed");
    if (failure) {
      this.#failed++;
      this.metrics.count("tournaments_failed");
    }
    const attempts = "attempts" in outcome ? outcome.attempts ?? [] : [];
    this.#results.push({
      tournament_no: no,
      records_processed: "records" in outcome ? outcome.records : null,
      duration_ms: Math.round(this.deps.clock.monotonic() - startedAt),
      error_message: failure?.error_message ?? null,
      error_type: failure?.error_type ?? null,
      error_fingerprint: failure?.fingerprint ?? null,
      warning_code: held?.code ?? null,
      retry_attempt: "retries" in outcome ? outcome.retries ?? 0 : 0,
      attempts: attempts.length > 1
        ? attempts.map(({ from, ms }) => ({ from_ms: Math.max(0, Math.round(from - startedAt)), ms: Math.round(ms) }))
        : [],
      started_ms: Math.max(0, Math.round(startedAt - this.#startedAt)),
      reply_bytes: "bytes" in outcome ? outcome.bytes ?? null : null,
    });
  }

  /**
   * Runs `work` for each tournament, `concurrency` at a time, until the run must stop; an error fails only its tournament.
   * When `work` resolves to null, another run syncs the tournament.
   */
  async eachTournament<T extends { no: string }>(
    tournaments: T[],
    concurrency: number,
    work: (tournament: T) => Promise<TournamentOutcome | null>,
  ): Promise<void> {
    this.expectTournaments(tournaments.map(({ no }) => no));
    await pMap(tournaments, async (tournament) => {
      if (this.shouldStop()) return;
      const startedAt = this.deps.clock.monotonic();
      try {
        const outcome = await work(tournament);
        if (outcome) this.recordTournament(tournament.no, startedAt, outcome);
        else this.#giveUp(tournament.no);
      } catch (error) {
        if (error instanceof SyncError && error.code === "UPSTREAM_BACKOFF") {
          if (this.#stop !== "UPSTREAM_BACKOFF") this.#recordError(error);
          this.#stop = "UPSTREAM_BACKOFF";
          return;
        }
        // The error of an upstream request has the number of the last attempt; the first attempt is 1.
        const attempt = error instanceof SyncError ? error.evidence.attempt : undefined;
        const attempts = error instanceof SyncError ? error.attempts : [];
        this.recordTournament(tournament.no, startedAt, { error, retries: typeof attempt === "number" ? attempt - 1 : 0, attempts });
      }
    }, { concurrency });
  }

  /** Adds tournaments to those of the run. */
  expectTournaments(nos: string[]): void {
    this.#leftOut.expect(nos);
    this.#setTotal((this.#total ?? 0) + nos.length);
  }

  /** Records tournaments that the run does not sync, and the reason. */
  leaveOut(reason: LeftOutReason, nos: string[]): void {
    this.#leftOut.add(reason, nos);
  }

  /** Runs `work` with heartbeats and records the outcome; never throws. */
  async perform(work: (run: SyncRun) => Promise<void>): Promise<RunOutcome> {
    liveRuns.add(this);
    const stopHeartbeats = this.info.isRecorded ? this.deps.clock.every(HEARTBEAT_MS, () => void this.sendHeartbeat()) : () => {};
    let fatal: string | null = null;
    try {
      await work(this);
    } catch (error) {
      fatal = this.#recordError(error).error_message;
    } finally {
      stopHeartbeats();
    }
    await this.#heartbeat;
    return await this.#finish(fatal);
  }

  /** Sends the progress, new results and new errors, and reads whether the run must stop; the next heartbeat repeats a failed one. */
  sendHeartbeat(): Promise<void> {
    return this.#heartbeat ??= this.#heartbeatOnce().finally(() => this.#heartbeat = null);
  }

  /** Ends the run as TIMED_OUT because its worker shuts down. */
  async shutDown(): Promise<void> {
    this.#stop = "SHUTDOWN";
    await this.#finish(null);
  }

  #setTotal(total: number): void {
    this.#total = total;
    this.metrics.expectTournaments(total);
  }

  /** Records a tournament that the run does not sync, because another run holds its lease. */
  #giveUp(no: string): void {
    this.leaveOut("LEASED", [no]);
    this.#setTotal((this.#total ?? 1) - 1);
  }

  #recordError(error: unknown, tournamentNo?: string, context?: Record<string, unknown>) {
    const row = this.errors.record(error, { tournament_no: tournamentNo ?? this.info.tournamentNo ?? undefined, context });
    this.#codes.set(row.error_code, (this.#codes.get(row.error_code) ?? 0) + 1);
    this.metrics.count("error_count");
    return row;
  }

  #progress(): Progress {
    return {
      execution_id: this.info.executionId,
      counters: {
        ...this.metrics.snapshot(),
        current_stage: this.#stage,
        cpu_ms: Math.round(this.deps.cpu.spentMs - this.#cpuAtStart),
        left_out: this.#leftOut.toJSON(),
      },
      results: [...this.#results],
      errors: this.errors.pending(),
    };
  }

  /** Sends the progress; without results and errors when the database refuses one of their values, so that the run stays recorded. */
  async #send<A>(call: (progress: Progress) => Promise<A>): Promise<A> {
    const progress = this.#progress();
    try {
      const answer = await call(progress);
      this.#results = this.#results.filter((result) => !progress.results.includes(result));
      this.errors.forget(progress.errors);
      return answer;
    } catch (error) {
      const isRefused = error instanceof DatabaseError && classify(error).retry === "never";
      if (!isRefused || progress.results.length + progress.errors.length === 0) throw error;
      this.deps.log("error", "results_not_recorded", { execution_id: this.info.executionId, message: error.message });
      return await call({ ...progress, results: [], errors: [] });
    }
  }

  async #heartbeatOnce(): Promise<void> {
    const sentAt = this.deps.clock.monotonic();
    try {
      const { live, cancel_requested } = await this.#send((p) =>
        this.rpc("heartbeat_sync_execution", { p, as_of: this.deps.clock.asOf() })
      );
      if (live) this.#leaseUntil = sentAt + LEASE_MS;
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
      held: this.#held,
      in_main_draw: this.#inMainDraw,
      codes,
    });
    liveRuns.delete(this);
    this.#leftOut.close(this.#stop === null || this.#stop === "FENCED" ? "FAILED" : this.#stop);
    if (this.info.isRecorded) await this.#record(outcome);
    const { records_inserted, records_updated, records_removed } = this.metrics.snapshot();
    this.deps.log(outcome.status === "FAILED" ? "error" : "info", "sync_finished", {
      execution_id: this.info.executionId,
      ...outcome,
      records_inserted,
      records_updated,
      records_removed,
      worker_cpu_ms: Math.round(this.deps.cpu.spentMs),
    });
    return outcome;
  }

  async #record(outcome: RunOutcome): Promise<void> {
    const top = [...this.#codes].map(([code, count]) => ({ code, count, type: ERRORS[code as ErrorCode].type }));
    // The job is retried unless every error of the run is permanent.
    const retryable = top.length === 0 || top.some(({ code }) => ERRORS[code as ErrorCode].retry !== "never");
    const was_cut = outcome.status === "PARTIAL" && (this.#stop === "BUDGET" || this.#stop === "CPU");
    const end = { ...outcome, was_cut, retryable, error_details: top.length ? { codes: top } : null };
    // The run repeats the call until its lease expires, because an answer can be lost or the database unreachable for a moment. A
    // repetition is safe, because the database closes a run only once.
    for (let pause = FIRST_PAUSE_MS;; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const { recorded, status } = await this.#send((progress) =>
          this.rpc("finish_sync_execution", { p: { ...progress, ...end }, as_of: this.deps.clock.asOf() })
        );
        if (!recorded && status !== outcome.status) {
          this.deps.log("warn", "sync_closed_elsewhere", { execution_id: this.info.executionId, status });
        }
        return;
      } catch (error) {
        const isLast = this.deps.clock.monotonic() + pause >= this.#leaseUntil;
        this.deps.log(isLast ? "error" : "warn", "sync_not_recorded", {
          execution_id: this.info.executionId,
          at: "finish",
          message: String(error),
        });
        if (isLast) return;
        await this.deps.clock.sleep(pause);
      }
    }
  }
}
