import type { Counters } from "./contract/runs.ts";
import type { Rpc } from "./rpc.ts";

type Countable = { [K in keyof Counters]: Counters[K] extends number ? K : never }[keyof Counters];

/** Bytes in use by this isolate: heap and external. */
export const isolateMemory = (): number => {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
};

/** One upstream request. */
interface ApiCall {
  /** The time until the body was read. */
  ms: number;
  bytes: number;
  failed: boolean;
  isRetry: boolean;
  /** Whether the answer was XML; the request is for JSON. */
  isXml?: boolean;
  /** Whether the request was for a full reply of a tournament with a known version. */
  isFullRead?: boolean;
}

/** Counts the work of a run in memory. */
export class MetricsCollector {
  #counters: Counters = {
    tournaments_total: null,
    tournaments_processed: 0,
    tournaments_failed: 0,
    records_read: 0,
    records_inserted: 0,
    records_updated: 0,
    records_unchanged: 0,
    records_removed: 0,
    records_rejected: 0,
    api_calls: 0,
    api_errors: 0,
    api_retries: 0,
    api_bytes: 0,
    api_bytes_saved: 0,
    api_full_reads: 0,
    api_xml_replies: 0,
    api_unchanged_replies: 0,
    api_fallbacks: 0,
    api_response_ms_total: 0,
    api_response_ms_max: null,
    cache_hits: 0,
    cache_misses: 0,
    memory_usage_mb: null,
    database_calls: 0,
    database_connections_peak: null,
    error_count: 0,
  };
  #openCalls = 0;

  constructor(private readonly memory: () => number = isolateMemory) {}

  /** Adds `by` to a counter. */
  count(name: Countable, by = 1): void {
    this.#counters[name] += by;
  }

  /** Sets the number of tournaments of the run. */
  expectTournaments(total: number): void {
    this.#counters.tournaments_total = total;
  }

  /** Adds the counts that an upsert returned. */
  countRecords(written: { inserted: number; updated: number; unchanged: number }): void {
    this.count("records_inserted", written.inserted);
    this.count("records_updated", written.updated);
    this.count("records_unchanged", written.unchanged);
  }

  /** Adds one upstream request; a retry, an answer in XML and a forced full read are fallbacks. */
  countApiCall(call: ApiCall): void {
    const ms = Math.round(call.ms);
    this.count("api_calls");
    this.count("api_bytes", call.bytes);
    this.count("api_response_ms_total", ms);
    this.#counters.api_response_ms_max = Math.max(this.#counters.api_response_ms_max ?? 0, ms);
    if (call.failed) this.count("api_errors");
    if (call.isRetry) this.count("api_retries");
    if (call.isXml) this.count("api_xml_replies");
    if (call.isFullRead) this.count("api_full_reads");
    if (call.isRetry || call.isXml || call.isFullRead) this.count("api_fallbacks");
  }

  /** Wraps `rpc` and counts its calls, and the largest number of calls that were open at the same time. */
  counting(rpc: Rpc): Rpc {
    return async (fn, args) => {
      this.count("database_calls");
      this.#openCalls++;
      this.#counters.database_connections_peak = Math.max(this.#counters.database_connections_peak ?? 0, this.#openCalls);
      try {
        return await rpc(fn, args);
      } finally {
        this.#openCalls--;
      }
    };
  }

  /** Measures the memory and returns all counters. */
  snapshot(): Counters {
    const mib = Math.ceil(this.memory() / 2 ** 20);
    this.#counters.memory_usage_mb = Math.max(this.#counters.memory_usage_mb ?? 0, mib);
    return { ...this.#counters };
  }
}
