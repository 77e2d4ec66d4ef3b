import { z } from "zod";
import { SyncError } from "../../../services/classification.ts";
import type { Answer } from "../../../services/contract/index.ts";
import type { AnsweredSlot } from "../../../services/contract/sync-writes.ts";
import { errorsOfRefused, withRecord } from "../../../services/refused-records.ts";
import type { SyncRun, TournamentOutcome } from "../../../services/SyncRun.ts";
import type { VisClient } from "../../../services/VisClient.ts";

type DueTournament = Answer<"list_due_tournaments">[number];

/** Syncs the matches of the due tournaments, in the order of the database; with targets or `ignoreTtl` also those that are still fresh. */
export async function syncMatches(run: SyncRun, vis: VisClient, options: { concurrency: number; ignoreTtl: boolean }): Promise<void> {
  run.stage("choosing tournaments");
  const { targets, previousWasCut } = run.info;
  const p = { tournament_nos: targets ?? undefined, stalest_first: previousWasCut };
  const candidates = await run.rpc("list_due_tournaments", { p, as_of: run.clock.asOf() });
  if (targets && candidates.length === 0) throw new SyncError("TOURNAMENT_UNKNOWN", `the database has no tournament ${targets.join(", ")}`);
  const due = candidates.filter((candidate) => targets !== null || options.ignoreTtl || !candidate.is_fresh);
  run.metrics.count("cache_hits", candidates.length - due.length);
  run.metrics.count("cache_misses", due.length);
  run.stage("syncing matches");
  await run.eachTournament(due, options.concurrency, (tournament) => syncTournament(run, vis, tournament));
}

/** Syncs the matches of one tournament under its lease; null in a full run when another run holds the lease. */
async function syncTournament(run: SyncRun, vis: VisClient, tournament: DueTournament): Promise<TournamentOutcome | null> {
  const lease = { execution_id: run.info.executionId, tournament_no: tournament.no };
  let slot: AnsweredSlot | undefined;
  try {
    const reply = await vis.listMatches(lease, tournament.match_count);
    const { records, rejected } = reply;
    slot = reply.slot;
    run.metrics.count("records_read", records.length + rejected.length);
    rejected.forEach((error) => run.reject(error, tournament.no));
    // VIS still has a rejected record, so that its match has not vanished.
    const present = [...records.map((record) => record.no), ...rejected.map(numberOf).filter((no) => no !== null)];
    const p = { ...lease, matches: records, present, tick_at: run.info.startedAt, slot };
    const written = await run.rpc("write_matches", { p, as_of: run.clock.asOf() }).catch((error) => {
      throw withRecord(error, records);
    });
    errorsOfRefused(written.refused, records).forEach((error) => run.reject(error, tournament.no));
    run.metrics.countRecords(written);
    run.metrics.count("records_removed", written.removed);
    return { records: records.length - written.refused.length + written.removed, retries: reply.retries };
  } catch (error) {
    const isBusy = error instanceof SyncError && error.code === "TOURNAMENT_BUSY";
    if (isBusy && run.info.targets === null) return null;
    await run.rpc("release_tournament", { p: { ...lease, slot }, as_of: run.clock.asOf() }).catch(() => {});
    throw error;
  }
}

const numberOf = (error: SyncError): string | null => {
  const no = z.object({ record: z.object({ no: z.coerce.string() }) }).safeParse(error.evidence);
  return no.success ? no.data.record.no : null;
};
