import { z } from "zod";
import { SyncError } from "../../../services/classification.ts";
import type { Answer } from "../../../services/contract/index.ts";
import type { AnsweredSlot, Look } from "../../../services/contract/sync-writes.ts";
import { errorsOfRefused, withRecord } from "../../../services/refused-records.ts";
import { judgeReply, refuseMissingRows, unchanged, type Verdict } from "../../../services/second-look.ts";
import type { SyncRun, TournamentOutcome } from "../../../services/SyncRun.ts";
import type { VisClient } from "../../../services/VisClient.ts";

type DueTournament = Answer<"list_due_tournaments">[number];
type Reply = Awaited<ReturnType<VisClient["listMatches"]>>;

interface Options {
  concurrency: number;
  ignoreTtl: boolean;
  /** An operator confirmed the replies: none is held back. */
  isConfirmed: boolean;
}

/** Syncs the matches of the due tournaments, in the order of the database; with targets or `ignoreTtl` also those that are still fresh. */
export async function syncMatches(run: SyncRun, vis: VisClient, options: Options): Promise<void> {
  run.stage("choosing tournaments");
  const { targets, previousWasCut } = run.info;
  const p = { tournament_nos: targets ?? undefined, stalest_first: previousWasCut };
  const candidates = await run.rpc("list_due_tournaments", { p, as_of: run.clock.asOf() });
  if (targets && candidates.length === 0) throw new SyncError("TOURNAMENT_UNKNOWN", `the database has no tournament ${targets.join(", ")}`);
  const due = candidates.filter((candidate) => targets !== null || options.ignoreTtl || !candidate.is_fresh);
  const fresh = candidates.filter((candidate) => !due.includes(candidate));
  run.metrics.count("cache_hits", fresh.length);
  run.metrics.count("api_bytes_saved", fresh.reduce((sum, { reply_bytes }) => sum + (reply_bytes ?? 0), 0));
  run.metrics.count("cache_misses", due.length);
  run.stage("syncing matches");
  await run.eachTournament(due, options.concurrency, (tournament) => syncTournament(run, vis, tournament, options.isConfirmed));
}

/** Syncs the matches of one tournament under its lease; null in a full run when another run holds the lease. */
async function syncTournament(
  run: SyncRun,
  vis: VisClient,
  tournament: DueTournament,
  isConfirmed: boolean,
): Promise<TournamentOutcome | null> {
  const lease = { execution_id: run.info.executionId, tournament_no: tournament.no };
  let slot: AnsweredSlot | undefined;
  try {
    const reply = await vis.listMatches(lease, tournament.match_count);
    const { records, rejected, retries, isUnchanged, bytes } = reply;
    slot = reply.slot;
    if (isUnchanged) run.metrics.count("api_bytes_saved", Math.max(0, (tournament.reply_bytes ?? 0) - bytes));
    run.metrics.count("records_read", records.length + rejected.length);
    rejected.forEach((error) => run.reject(error, tournament.no));
    const { warning, message, present, look } = judge(run, reply, tournament.no, isConfirmed);
    const matches = warning ? [] : records;
    const p = { ...lease, matches, present, look, tick_at: run.info.startedAt, slot, reply_bytes: isUnchanged ? undefined : bytes };
    const written = await run.rpc("write_matches", { p, as_of: run.clock.asOf() }).catch((error) => {
      throw withRecord(error, matches);
    });
    errorsOfRefused(written.refused, matches).forEach((error) => run.reject(error, tournament.no));
    run.metrics.countRecords(written);
    run.metrics.count("records_removed", written.removed);
    return {
      records: matches.length - written.refused.length + written.removed,
      retries,
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
function judge(run: SyncRun, reply: Reply, no: string, isConfirmed: boolean): Omit<Verdict, "look"> & { look?: Look } {
  const { records, rejected, known, isUnchanged } = reply;
  if (known === null) throw new SyncError("TOURNAMENT_UNKNOWN", `the database has no tournament ${no}`);
  run.countMainDraw(known.are_rows_due);
  if (!isConfirmed) refuseMissingRows(records.length + rejected.length, reply, known, no);
  const seen = new Set(records.map((record) => record.no));
  const numbers = rejected.map(numberOf);
  const verdict = isUnchanged ? unchanged(known) : judgeReply(
    {
      records,
      // VIS still has a rejected record, so that its match has not vanished. The second record of a number hides the one that it replaced.
      present: [...seen, ...numbers.filter((number) => number !== null)],
      isIncomplete: numbers.some((number) => number === null || seen.has(number)),
      dateColumn: "local_date",
    },
    known,
    run.clock.now(),
    isConfirmed,
  );
  // Nothing is stored about a tournament whose replies were always believed.
  const { look, ...rest } = verdict;
  if (!look || !known.held && !look.held) return rest;
  return { ...rest, look: { ...look, entity_type: run.info.entityType, execution_id: run.info.executionId } };
}

const numberOf = (error: SyncError): string | null => {
  const no = z.object({ record: z.object({ no: z.coerce.string().regex(/^\d+$/) }) }).safeParse(error.evidence);
  return no.success ? no.data.record.no : null;
};
