import pRetry from "p-retry";
import { type Attempt, classify, codeOfFetchFailure, SyncError } from "./classification.ts";
import type { Clock } from "./clock.ts";
import type { AnsweredSlot, KnownMatches, MatchRecord, TournamentRecord } from "./contract/sync-writes.ts";
import type { MetricsCollector } from "./MetricsCollector.ts";
import type { Rpc } from "./rpc.ts";
import { safeText } from "./text.ts";
import { backoffOf, slotOf } from "./upstream-slot.ts";
import type { StopReason } from "./run-outcome.ts";
import type { WorkerCpu } from "./worker-cpu.ts";
import { isXmlType, parseReply, type RawReply, type VisReply } from "./vis-reply.ts";
import { MATCH_FIELDS, readMatches, readTournaments, type Records, TOURNAMENT_FIELDS } from "./vis-rows.ts";

/** The list of a season has about 0.4 MB, the matches of a tournament 0.1 MB, the whole match table 150 MB. */
const MAX_BYTES = 8 * 2 ** 20;
/** A season has about 600 tournaments; a tournament has 12 to 112 matches, with a median of 40 (5,298 matches of 2026). */
const PLAUSIBLE_TOURNAMENTS = 2_000;
const PLAUSIBLE_MATCHES = 400;
/** The longest wait of a request for a slot, and the pause between two claims. */
const SLOT_WAIT_MS = 60_000;
const SLOT_POLL_MS = 250;

export interface VisOptions {
  url: string;
  appId?: string;
  username?: string;
  password?: string;
  timeoutMs: number;
  retries: number;
  retryMinMs: number;
}

interface VisDeps {
  options: VisOptions;
  rpc: Rpc<"claim_upstream_slot" | "release_upstream_slot" | "claim_tournament">;
  clock: Clock;
  metrics: MetricsCollector;
  cpu: WorkerCpu;
  /** Returns the reason why the run must stop; the client then retries no request, because four attempts can outlast the run. */
  shouldStop: () => StopReason | null;
  fetch?: typeof fetch;
}

/** The lease under which the run writes the reply; one call claims the lease and the slot. */
interface Lease {
  execution_id: string;
  tournament_no: string;
}

/** The reply was `NoChanges` or 204 instead of rows. */
type Unchanged = Pick<VisReply, "isUnchanged">;

/** The answer of VIS to a request for the matches of a tournament. */
export interface MatchReply extends Records<MatchRecord>, Pick<VisReply, "isUnchanged" | "version"> {
  /** The numbers of the matches that VIS marks as deleted. */
  deleted: string[];
  /** The version after which the reply has the changes; null when the reply has all matches. */
  since: number | null;
  bytes: number;
  /** The requests up to the reply. */
  attempts: Attempt[];
  /** The slot of the request, which the write of the reply releases. */
  slot: AnsweredSlot;
  /** Null when the database has no such tournament. */
  known: KnownMatches | null;
}

const escapeXml = (value: string): string => value.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
const attributes = (values: Record<string, string>): string =>
  Object.entries(values).map(([name, value]) => ` ${name}="${escapeXml(value)}"`).join("");

/** Client of the VIS web service: claims a slot for each request, retries failures that may pass, and refuses implausible replies. */
export class VisClient {
  constructor(private readonly deps: VisDeps) {}

  /** The tournaments of a season, such as "2026". @throws SyncError */
  async listTournaments(season: string): Promise<Records<TournamentRecord> & Unchanged> {
    const reply = await this.#ask(
      "GetBeachTournamentList",
      { Fields: TOURNAMENT_FIELDS },
      { Season: season },
      "BeachTournament",
      (rows) => {
        guardRows(rows, PLAUSIBLE_TOURNAMENTS, (row) => row.season === undefined || String(row.season) === season, `season ${season}`);
      },
    );
    return { ...this.deps.cpu.measure(() => readTournaments(reply.rows, reply.retries)), isUnchanged: reply.isUnchanged };
  }

  /** One tournament by its number. @throws SyncError, VIS_NO_DATA when VIS has none. */
  async getTournament(no: string): Promise<Records<TournamentRecord>> {
    const reply = await this.#ask("GetBeachTournament", { No: no, Fields: TOURNAMENT_FIELDS }, null, "BeachTournament", (rows) => {
      guardRows(rows, 1, (row) => String(row.no) === no, `tournament ${no}`);
    });
    if (reply.rows.length === 0) throw new SyncError("VIS_NO_DATA", `VIS has no tournament ${no}`);
    return this.deps.cpu.measure(() => readTournaments(reply.rows, reply.retries));
  }

  /**
   * Claims the lease of a tournament and returns its matches; `count` is their number at the last sync, and `known` the known matches.
   * `isIncremental` requests the changes since the last reply, if its version is known; VIS can still answer with all matches.
   * @throws SyncError, TOURNAMENT_BUSY when another run holds the lease.
   */
  async listMatches(lease: Lease, count = 0, isIncremental = false): Promise<MatchReply> {
    const no = lease.tournament_no;
    const guard = (rows: VisReply["rows"]) => {
      guardRows(rows, Math.max(PLAUSIBLE_MATCHES, count * 2), (row) => String(row.noTournament) === no, `tournament ${no}`);
    };
    const reply = await this.#ask(
      "GetBeachMatchList",
      { Fields: MATCH_FIELDS },
      { NoTournament: no },
      "BeachMatch",
      guard,
      lease,
      isIncremental,
    );
    const { attempts, bytes, slot, known, isUnchanged, version, since } = reply;
    const read = this.deps.cpu.measure(() => readMatches(reply.rows, reply.retries));
    return { ...read, attempts, bytes, slot, known, isUnchanged, version, since };
  }

  /** Sends a request until VIS answers or no retry is allowed; with a lease, the slot of the answered request stays claimed. */
  async #ask(
    type: string,
    parameters: Record<string, string>,
    filter: Record<string, string> | null,
    rowName: string,
    guard: (rows: VisReply["rows"]) => void,
    lease?: Lease,
    isIncremental = false,
  ): Promise<
    VisReply & { retries: number; attempts: Attempt[]; bytes: number; slot: AnsweredSlot; known: KnownMatches | null; since: number | null }
  > {
    const requestSince = (version: number | null): string => {
      const since: Record<string, string> = version === null ? {} : { Version: String(version) };
      return `<Request${attributes({ Type: type, ...parameters, ...since })}>${filter ? `<Filter${attributes(filter)}/>` : ""}</Request>`;
    };
    const { retries, retryMinMs } = this.deps.options, { clock } = this.deps;
    const attempts: Attempt[] = [];
    return await pRetry(async (attempt) => {
      let sent: { raw: RawReply | null; slot: AnsweredSlot } | null = null;
      let body = requestSince(null);
      try {
        const { token, known } = await this.#claimSlot(lease);
        const requested = isIncremental ? known?.version ?? null : null;
        body = requestSince(requested);
        sent = { raw: null, slot: slotOf(token) };
        const from = clock.monotonic();
        sent.raw = await this.#send(body, { isRetry: attempt > 1, isFullRead: isIncremental && requested === null }, sent.slot)
          .finally(() => attempts.push({ from, ms: clock.monotonic() - from }));
        const reply = this.#read(sent.raw, rowName, guard);
        if (reply.isUnchanged) this.deps.metrics.count("api_unchanged_replies");
        if (!lease) await this.#releaseSlot(sent.slot);
        return {
          ...reply,
          retries: attempt - 1,
          attempts,
          bytes: sent.raw.bytes ?? 0,
          slot: sent.slot,
          known,
          since: reply.rows.every(isNewerThan(requested)) ? requested : null,
        };
      } catch (error) {
        if (sent) await this.#releaseSlot(sent.slot);
        if (!(error instanceof SyncError)) throw error;
        const received = sent?.raw && { http_status: sent.raw.status, response_excerpt: safeText(sent.raw.body, 1000) };
        const evidence = { ...error.evidence, request: body, attempt, ...received };
        throw new SyncError(error.code, error.message, evidence, { cause: error.cause, fingerprint: error.fingerprint, attempts });
      }
    }, {
      retries,
      minTimeout: retryMinMs,
      maxTimeout: 30_000,
      factor: 2,
      randomize: true,
      shouldRetry: ({ error }) => classify(error).retry === "now" && this.deps.shouldStop() === null,
    });
  }

  #read(raw: RawReply, rowName: string, guard: (rows: VisReply["rows"]) => void): VisReply {
    return this.deps.cpu.measure(() => {
      const reply = parseReply(raw, rowName);
      guard(reply.rows);
      return reply;
    });
  }

  /** Sends one HTTP request and notes in its slot the response time and a refusal. */
  async #send(body: string, kind: { isRetry: boolean; isFullRead: boolean }, slot: AnsweredSlot): Promise<RawReply> {
    const { clock, cpu, metrics } = this.deps;
    cpu.countRequest();
    const startedAt = clock.monotonic();
    let raw: RawReply | null = null;
    let retryAfter: string | null = null;
    try {
      ({ raw, retryAfter } = await this.#exchange(body));
      return raw;
    } finally {
      const ms = clock.monotonic() - startedAt;
      const isXml = raw?.status === 200 && isXmlType(raw.contentType);
      metrics.countApiCall({ ms, bytes: raw?.bytes ?? 0, failed: raw === null || raw.status >= 300, isXml, ...kind });
      if (raw !== null && [403, 429, 503].includes(raw.status)) {
        Object.assign(slot, backoffOf(raw.status, retryAfter, clock.now()));
      }
      if (raw?.status === 200 || slot.backoff_reason) slot.response_ms = ms;
    }
  }

  async #exchange(body: string): Promise<{ raw: RawReply; retryAfter: string | null }> {
    const { url, appId, username, password, timeoutMs } = this.deps.options;
    const headers = new Headers({ "Content-Type": "application/xml; charset=utf-8", Accept: "application/json" });
    if (appId) headers.set("X-FIVB-App-ID", appId);
    if (username && password) headers.set("Authorization", `Basic ${btoa(`${username}:${password}`)}`);
    const signal = AbortSignal.timeout(timeoutMs);
    let isAnswered = false;
    try {
      const response = await (this.deps.fetch ?? fetch)(url, { method: "POST", headers, body, signal, redirect: "manual" });
      isAnswered = true;
      const { status, headers: answered } = response;
      const contentType = answered.get("content-type") ?? "";
      const { text, bytes } = await readBounded(response, contentType);
      const raw = { status, contentType, body: text, bytes, location: answered.get("location") };
      return { raw, retryAfter: answered.get("retry-after") };
    } catch (cause) {
      if (cause instanceof SyncError) throw cause;
      const code = signal.aborted ? "REQUEST_TIMED_OUT" : codeOfFetchFailure(cause) ?? (isAnswered ? "NETWORK_RESET" : "NETWORK_FAILED");
      const message = code === "REQUEST_TIMED_OUT" ? `no answer within ${timeoutMs} ms` : "VIS could not be reached";
      throw new SyncError(code, message, { host: new URL(url).host }, { cause });
    }
  }

  async #claimSlot(lease?: Lease): Promise<{ token: string; known: KnownMatches | null }> {
    const { rpc, clock } = this.deps;
    const startedAt = clock.monotonic();
    while (clock.monotonic() - startedAt < SLOT_WAIT_MS) {
      const claim = lease
        ? await rpc("claim_tournament", { p: { ...lease, upstream: "vis" }, as_of: clock.asOf() })
        : { ...await rpc("claim_upstream_slot", { p_upstream: "vis", as_of: clock.asOf() }), is_busy: false, known: null };
      if (claim.token) return { token: claim.token, known: claim.known };
      if (claim.is_busy) throw new SyncError("TOURNAMENT_BUSY", `another run holds the lease of tournament ${lease?.tournament_no}`);
      if (claim.backoff_until) {
        const message = `upstream backoff until ${claim.backoff_until}: ${claim.backoff_reason}`;
        throw new SyncError("UPSTREAM_BACKOFF", message, {}, { fingerprint: claim.backoff_fingerprint });
      }
      await clock.sleep(SLOT_POLL_MS);
    }
    throw new SyncError("UPSTREAM_BUSY", `no slot for a request to VIS was free within ${SLOT_WAIT_MS / 1000} s`);
  }

  async #releaseSlot(slot: AnsweredSlot): Promise<void> {
    // A failed release does not fail the request, because the slot is free again when its lease expires.
    await this.deps.rpc("release_upstream_slot", { p: slot, as_of: this.deps.clock.asOf() }).catch(() => {});
  }
}

/** Whether a row is newer than the requested version; VIS ignored the version when one row is not, and the reply then has all rows. */
const isNewerThan = (version: number | null) => (row: VisReply["rows"][number]): boolean =>
  version === null || Number(row.version) > version;

function guardRows(rows: VisReply["rows"], limit: number, isRequested: (row: VisReply["rows"][number]) => boolean, asked: string): void {
  const stray = rows.find((row) => !isRequested(row));
  if (stray) {
    throw new SyncError("REPLY_WRONG_ROWS", `VIS sent row ${stray.no}, which does not belong to ${asked}`, { rows: rows.length });
  }
  if (rows.length > limit) {
    throw new SyncError("REPLY_IMPLAUSIBLE", `${rows.length} rows for ${asked}; at most ${limit} are plausible`, {
      rows: rows.length,
      limit,
    });
  }
}

/** The decoder for the charset of the header, else of the XML declaration, else for UTF-8. @throws SyncError for an unknown charset */
function decoderOf(contentType: string, start: Uint8Array): TextDecoder {
  const declared = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1] ??
    /^<\?xml[^>]*\sencoding\s*=\s*["']([^"']+)/.exec(new TextDecoder("latin1").decode(start.subarray(0, 200)))?.[1] ?? "utf-8";
  try {
    return new TextDecoder(declared);
  } catch {
    throw new SyncError("REPLY_NOT_DATA", `VIS answered in the unknown charset ${safeText(declared, 50)}`);
  }
}

async function readBounded(response: Response, contentType: string): Promise<{ text: string; bytes: number }> {
  let decoder: TextDecoder | null = null;
  let text = "", bytes = 0;
  for await (const chunk of response.body ?? []) {
    decoder ??= decoderOf(contentType, chunk);
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new SyncError("REPLY_TOO_LARGE", `the reply is larger than ${MAX_BYTES / 2 ** 20} MiB`);
    text += decoder.decode(chunk, { stream: true });
  }
  return { text: text + (decoder?.decode() ?? ""), bytes };
}
