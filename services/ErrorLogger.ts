import { classify, SyncError } from "./classification.ts";
import { DatabaseError } from "./errors.ts";
import type { Clock } from "./clock.ts";
import type { ErrorRecord } from "./contract/runs.ts";
import type { Log } from "./log.ts";
import { boundedContext, redactText } from "./redact.ts";
import { safeText } from "./text.ts";

/** The number of errors of a run that are stored; further errors are only counted and logged. */
const KEPT_PER_RUN = 1000;

/** The code and the message without ids, numbers, dates, addresses and quoted parts; errors with the same cause share it. */
export function fingerprint(code: string, message: string): string {
  const shape = message
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/gi, "#")
    .replace(/https?:\/\/[^\s)]+/g, "<url>")
    .replace(/"[^"]*"|'[^']*'/g, "<text>")
    .replace(/\d+(?:[.:,-]\d+)*/g, "#")
    .toLowerCase();
  return safeText(`${code}:${shape}`, 200);
}

/** Classifies the errors of a run and collects them until the next heartbeat, or the finish, writes them. */
export class ErrorLogger {
  #pending: ErrorRecord[] = [];
  #count = 0;

  constructor(private readonly log: Log, private readonly clock: Clock) {}

  /** The number of errors of the run. */
  get count(): number {
    return this.#count;
  }

  /** Classifies, logs and collects one error, and returns its record; the context is redacted and at most 8 kB. */
  record(error: unknown, about: { tournament_no?: string; context?: Record<string, unknown> } = {}): ErrorRecord {
    const { code, type, severity, retry, advice } = classify(error);
    const { name, message: raw, stack } = error instanceof Error ? error : new Error(String(error));
    const message = redactText(raw, 2000);
    const row: ErrorRecord = {
      id: crypto.randomUUID(),
      tournament_no: about.tournament_no ?? null,
      error_type: type,
      error_code: code,
      error_severity: severity,
      retryable: retry !== "never",
      error_message: message,
      error_context: boundedContext({
        name,
        ...about.context,
        ...(error instanceof SyncError ? error.evidence : {}),
        ...(error instanceof DatabaseError ? { function: error.fn, sqlstate: error.sqlstate } : {}),
        stack,
        cause: error instanceof Error && error.cause ? String(error.cause) : undefined,
      }),
      recovery_suggestion: advice,
      fingerprint: (error instanceof SyncError ? error.fingerprint : null) ?? fingerprint(code, message),
      occurred_at: new Date(this.clock.now()).toISOString(),
    };
    this.#count++;
    if (this.#count <= KEPT_PER_RUN) this.#pending.push(row);
    this.log(retry === "never" || severity === "CRITICAL" ? "error" : "warn", "sync_error", {
      error_type: type,
      error_code: code,
      error_severity: severity,
      tournament_no: row.tournament_no,
      message: row.error_message,
    });
    return row;
  }

  /** The errors that are not written yet; {@link forget} removes them after they were written. */
  pending(): ErrorRecord[] {
    return [...this.#pending];
  }

  /** Removes errors that were written. */
  forget(written: ErrorRecord[]): void {
    const ids = new Set(written.map((row) => row.id));
    this.#pending = this.#pending.filter((row) => !ids.has(row.id));
  }
}
