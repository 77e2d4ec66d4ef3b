import { z } from "zod";
import { SyncError } from "./classification.ts";
import type { Answer } from "./contract/index.ts";
import type { AnsweredSlot, Look } from "./contract/sync-writes.ts";
import { errorsOfRefused, withRecord } from "./refused-records.ts";
import { judgeReply, refuseMissingRows, unchanged, type Verdict } from "./second-look.ts";
import type { SyncRun, TournamentOutcome } from "./SyncRun.ts";
import type { MatchReply, VisClient } from "./VisClient.ts";

type DueTournament = Answer<"list_due_tournaments">[number];

interface Options {
  concurrency: number;
  ignoreTtl: boolean;
  /** Whether a full run covers only the tournaments that play now, and requests the changes since the last reply. */
  isLive: boolean;
  /** Whether an operator confirmed the replies, so that none is held back. */
  isConfirmed: boolean;
}

/** Syncs the matches of the due tournaments in the order of the database; with targets or `ignoreTtl`, also of the fresh ones. */
export async function syncMatches(run: SyncRun, vis: VisClient, options: Options): Promise<void> {
  run.stage("choosing tournaments");
  const { targets, previousWasCut } = run.info;
  const isLive = options.isLive && targets === null;
  const p = { tournament_nos: targets ?? undefined, stalest_first: previousWasCut, playing: isLive };
  const candidates = await run.rpc("list_due_tournaments", { p, as_of: run.clock.asOf() });
  if (targets && candidates.length === 0) throw new SyncError("TOURNAMENT_UNKNOWN", `the database has no tournament ${targets.join(", ")}`);
  const due = candidates.filter((candidate) => targets !== null || options.ignoreTtl || !candidate.is_fresh);
  // A live run reads every tournament, so its fresh tournaments are no cache hits.
  if (!isLive) {
    const fresh = candidates.filter((candidate) => !due.includes(candidate));
    run.metrics.count("cache_hits", fresh.length);
    run.leaveOut("FRESH", fresh.map(({ no }) => no));
    run.metrics.count("api_bytes_saved", fresh.reduce((sum, { reply_bytes }) => sum + (reply_bytes ?? 0), 0));
    run.metrics.count("cache_misses", due.length);
  }
  run.stage("syncing matches");
  await run.eachTournament(due, options.concurrency, (tournament) => syncTournament(run, vis, tournament, isLive, options.isConfirmed));
}

/** Syncs the matches of one tournament under its lease; null in a full run when another run holds the lease. */
async function syncTournament(
  run: SyncRun,
  vis: VisClient,
  tournament: DueTournament,
  isIncremental: boolean,
  isConfirmed: boolean,
): Promise<TournamentOutcome | null> {
  const lease = { execution_id: run.info.executionId, tournament_no: tournament.no };
  let slot: AnsweredSlot | undefined;
  try {
    const reply = await vis.listMatches(lease, tournament.match_count, isIncremental);
    const { records, rejected, deleted, retries, attempts, isUnchanged, since, bytes } = reply;
    slot = reply.slot;
    const isFull = !isUnchanged && since === null;
    if (!isFull) run.metrics.count("api_bytes_saved", Math.max(0, (tournament.reply_bytes ?? 0) - bytes));
    run.metrics.count("records_read", records.length + rejected.length + deleted.length);
    rejected.forEach((error) => run.reject(error, tournament.no));
    const { warning, message, present, look } = judge(run, reply, tournament.no, isConfirmed);
    const matches = warning ? [] : records;
    const p = {
      ...lease,
      matches,
      present,
      look,
      tick_at: run.info.startedAt,
      slot,
      is_full: !warning && isFull,
      // A later incremental reply repeats the records that were rejected.
      version: warning || rejected.length > 0 ? null : reply.version,
      reply_bytes: isFull ? bytes : undefined,
    };
    const written = await run.rpc("write_matches", { p, as_of: run.clock.asOf() }).catch((error) => {
      throw withRecord(error, matches);
    });
    errorsOfRefused(written.refused, matches).forEach((error) => run.reject(error, tournament.no));
    run.metrics.countRecords(written);
    run.metrics.count("records_removed", written.removed);
    return {
      records: matches.length - written.refused.length + written.removed,
      retries,
      attempts,
      bytes,
      held: warning ? new SyncError(warning, message, { rows: records.length, ...look?.held }) : undefined,
    };
  } catch (error) {
    const isBusy = error instanceof SyncError && error.code === "TOURNAMENT_BUSY";
    if (isBusy && run.info.targets === null) return null;
    await run.rpc("release_tournament", { p: { ...lease, slot }, as_of: run.clock.asOf() }).catch(() => {});
    throw error;
  }
}

/** Judges a reply against the known matches. @throws SyncError REPLY_EMPTY */
function judge(run: SyncRun, reply: MatchReply, no: string, isConfirmed: boolean): Omit<Verdict, "look"> & { look?: Look } {
  const { records, rejected, deleted, known, isUnchanged, since } = reply;
  if (known === null) throw new SyncError("TOURNAMENT_UNKNOWN", `the database has no tournament ${no}`);
  run.countMainDraw(known.are_rows_due);
  const isIncremental = since !== null;
  if (!isConfirmed) refuseMissingRows(records.length + rejected.length, isUnchanged || isIncremental, known, no);
  const seen = new Set(records.map((record) => record.no));
  const numbers = rejected.map(numberOf);
  const untouched = isIncremental ? Object.keys(known.dates).filter((number) => !deleted.includes(number)) : [];
  const verdict = isUnchanged ? unchanged(known) : judgeReply(
    {
      records,
      // VIS still has a rejected record, so its match has not vanished.
      present: [...seen, ...numbers.filter((number) => number !== null), ...untouched],
      // An incremental reply names the deleted matches. In a full reply, the second record of a number hides the one that it replaced.
      isIncomplete: !isIncremental && numbers.some((number) => number === null || seen.has(number)),
      isIncremental,
      dateColumn: "local_date",
    },
    known,
    run.clock.now(),
    isConfirmed,
  );
  // A tournament whose replies were always accepted has no row in request_states.
  const { look, ...rest } = verdict;
  if (!look || !known.held && !look.held) return rest;
  return { ...rest, look: { ...look, entity_type: run.info.entityType, execution_id: run.info.executionId } };
}

const numberOf = (error: SyncError): string | null => {
  const no = z.object({ record: z.object({ no: z.coerce.string().regex(/^\d+$/) }) }).safeParse(error.evidence);
  return no.success ? no.data.record.no : null;
};
