import { classify, SyncError } from "../../../services/classification.ts";
import type { TournamentRecord } from "../../../services/contract/sync-writes.ts";
import { errorsOfRefused, withRecord } from "../../../services/refused-records.ts";
import { judgeReply } from "../../../services/second-look.ts";
import type { SyncRun } from "../../../services/SyncRun.ts";
import type { VisClient } from "../../../services/VisClient.ts";

const BATCH = 50;

/**
 * Syncs this season and the next, or the named tournaments; each season or tournament is a step that can fail alone. With `isConfirmed`, an
 * operator confirmed the lists, so that none is held back.
 */
export async function syncTournaments(run: SyncRun, vis: VisClient, isConfirmed: boolean): Promise<void> {
  const year = new Date(run.info.startedAt).getUTCFullYear();
  const seasons = [String(year), String(year + 1)];
  for (const no of run.info.targets ?? []) {
    if (run.shouldStop()) return;
    await run.step(`tournament ${no}`, async () => write(run, await readOne(vis, no, seasons, run)));
  }
  if (run.info.targets) return;
  for (const season of seasons) {
    if (run.shouldStop()) return;
    await run.step(`season ${season}`, () => syncSeason(run, vis, season, isConfirmed));
  }
}

async function syncSeason(run: SyncRun, vis: VisClient, season: string, isConfirmed: boolean): Promise<void> {
  const known = await run.rpc("get_known_season", { p: { season }, as_of: run.clock.asOf() });
  const { records, rejected, isUnchanged } = await vis.listTournaments(season);
  rejected.forEach((error) => run.reject(error));
  run.metrics.count("records_read", records.length + rejected.length);
  const isNothing = records.length + rejected.length + Object.keys(known.dates).length === 0;
  if (isUnchanged || isNothing) return;
  const reply = {
    records,
    present: records.map((record) => record.no),
    // A list with an invalid record does not prove that a tournament vanished.
    isIncomplete: rejected.length > 0,
    dateColumn: "start_date",
  };
  const verdict = judgeReply(reply, known, run.clock.now(), isConfirmed);
  if (verdict.warning) run.hold(new SyncError(verdict.warning, `season ${season}: ${verdict.message}`, { season, rows: records.length }));
  else if (await write(run, records)) return;
  const look = verdict.look && { ...verdict.look, entity_type: run.info.entityType, execution_id: run.info.executionId };
  const p = { season, present: reply.isIncomplete ? null : verdict.present, look, tick_at: run.info.startedAt };
  run.metrics.count("records_removed", await run.rpc("complete_season", { p, as_of: run.clock.asOf() }));
}

/** Reads one tournament by its own request or, when VIS denies that request, from the lists of the seasons. */
async function readOne(vis: VisClient, no: string, seasons: string[], run: SyncRun): Promise<TournamentRecord[]> {
  try {
    const { records, rejected } = await vis.getTournament(no);
    if (rejected[0]) throw rejected[0];
    run.metrics.count("records_read");
    return records;
  } catch (error) {
    if (classify(error).type !== "AUTH") throw error;
    for (const season of seasons) {
      const found = (await vis.listTournaments(season)).records.filter((record) => record.no === no);
      if (found.length) {
        run.metrics.count("records_read");
        return found;
      }
    }
    throw new SyncError("VIS_NO_DATA", `no list of the seasons ${seasons.join(", ")} has tournament ${no}`, {}, { cause: error });
  }
}

/**
 * Upserts batches of 50, and returns true when the run stopped early. A record that the database refuses fails its tournament; a batch
 * without an answer fails each of its tournaments.
 */
async function write(run: SyncRun, records: TournamentRecord[]): Promise<boolean> {
  run.expectTournaments(records.map(({ no }) => no));
  for (let from = 0; from < records.length; from += BATCH) {
    if (run.shouldStop()) return true;
    const batch = records.slice(from, from + BATCH);
    const startedAt = run.clock.monotonic();
    const p = { tournaments: batch, tick_at: run.info.startedAt };
    const outcome = await run.rpc("upsert_tournaments", { p, as_of: run.clock.asOf() }).then(
      ({ refused, ...written }) => {
        run.metrics.countRecords(written);
        return { errors: new Map(errorsOfRefused(refused, batch).map((error, index) => [refused[index]?.no, error])) };
      },
      (error: unknown) => run.report(withRecord(error, batch)),
    );
    for (const { no } of batch) {
      const error = "errors" in outcome ? outcome.errors.get(no) : undefined;
      if (error) run.metrics.count("records_rejected");
      run.recordTournament(no, startedAt, "failure" in outcome ? outcome : error ? { error } : { records: 1 });
    }
  }
  return false;
}
