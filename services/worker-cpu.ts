/** The platform ends a hosted worker after 2 s of CPU; the other 0.5 s are for CPU outside the estimate, such as garbage collection. */
const BUDGET_MS = 1_500;
/** Loading the modules, and compiling the code of the first run; `deno task bench overhead` measures it. */
const START_UP_MS = 250;
/** The asynchronous part of a request: headers, body, response; `deno task bench overhead` measures it. */
const REQUEST_MS = 0.5;
/** The CPU that a run keeps to finish the tournaments in flight and to record its end. */
const RESERVE_MS = 100;
/** The least CPU with which a worker starts a run; with less, a run can do little more than start and end. */
const SMALLEST_START_MS = 400;

interface WorkerCpuOptions {
  now?: () => number;
  budgetMs?: number;
  startUpMs?: number;
}

/**
 * Estimates the CPU that this worker has used: the wall time of its synchronous parts, and a calibrated cost for its start and each request.
 * `process.cpuUsage()` is not used, because it returns 0 in Deno 2.1 and the CPU of the whole process in Deno 2.9.
 */
export class WorkerCpu {
  #now: () => number;
  #budgetMs: number;
  #spentMs: number;

  constructor({ now = () => performance.now(), budgetMs = BUDGET_MS, startUpMs = START_UP_MS }: WorkerCpuOptions = {}) {
    this.#now = now;
    this.#budgetMs = budgetMs;
    this.#spentMs = startUpMs;
  }

  get spentMs(): number {
    return this.#spentMs;
  }
  /** Whether the runs of this worker must end. */
  get isSpent(): boolean {
    return this.#budgetMs - this.#spentMs <= RESERVE_MS;
  }
  /** Whether enough CPU is left to start a run. */
  get canStartRun(): boolean {
    return this.#budgetMs - this.#spentMs >= SMALLEST_START_MS;
  }

  /** Runs the synchronous `work` and adds its time. */
  measure<T>(work: () => T): T {
    const startedAt = this.#now();
    try {
      return work();
    } finally {
      this.#spentMs += this.#now() - startedAt;
    }
  }

  /** Adds the cost of a request to VIS or to the database. */
  countRequest(): void {
    this.#spentMs += REQUEST_MS;
  }
}

/** The CPU of this worker; all of its runs share it. */
export const workerCpu = new WorkerCpu();
