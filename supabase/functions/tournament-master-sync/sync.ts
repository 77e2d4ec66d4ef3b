import { z } from "zod";
import { classify, SyncError } from "../../../services/classification.ts";
import type { SyncRun } from "../../../services/SyncRun.ts";
import type { VisClient } from "../../../services/VisClient.ts";
import type { TournamentRecord } from "../../../services/vis-rows.ts";

const BATCH = 50;
const Written = z.object({ inserted: z.number(), updated: z.number(), unchanged: z.number() });

/** Syncs this season and the next, or the tournaments asked for; each of these is a step that may fail alone. */
export async function syncTournaments(run: SyncRun, vis: VisClient): Promise<void> {
  const year = new Date(run.info.startedAt).getUTCFullYear();
  const seasons = [String(year), String(year + 1)];
  for (const no of run.info.targets ?? []) {
    if (run.shouldStop()) return;
    await run.step(`tournament ${no}`, async () => write(run, await readOne(vis, no, seasons, run)));
  }
  if (run.info.targets) return;
  for (const season of seasons) {
    if (run.shouldStop()) return;
    await run.step(`season ${season}`, () => syncSeason(run, vis, season));
  }
}

async function syncSeason(run: SyncRun, vis: VisClient, season: string): Promise<void> {
  const { records, rejected } = await vis.listTournaments(season);
  rejected.forEach((error) => run.reject(error));
  run.metrics.count("records_read", records.length + rejected.length);
  const wasCut = await write(run, records);
  // A list with gaps proves nothing about what is missing from it.
  if (wasCut || rejected.length > 0 || records.length === 0) return;
  const p = { season, present: records.map((record) => record.no), tick_at: run.info.startedAt };
  run.metrics.count("records_removed", await run.rpc("mark_vanished_tournaments", { p, as_of: run.clock.asOf() }, z.number()));
}

/** One tournament by its own request; where VIS refuses that, from the seasons' lists. */
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
    throw new SyncError("VIS_NO_DATA", `tournament ${no} is in none of the seasons ${seasons.join(", ")}`, {}, { cause: error });
  }
}

/** Upserts batches of 50; a batch that fails is a failed result for each of its tournaments. True when it stopped early. */
async function write(run: SyncRun, records: TournamentRecord[]): Promise<boolean> {
  const before = run.metrics.snapshot().tournaments_total ?? 0;
  run.expectTournaments(before + records.length);
  for (let from = 0; from < records.length; from += BATCH) {
    if (run.shouldStop()) return true;
    const batch = records.slice(from, from + BATCH);
    const begun = run.clock.monotonic();
    const p = { tournaments: batch, tick_at: run.info.startedAt };
    const outcome = await run.rpc("upsert_tournaments", { p, as_of: run.clock.asOf() }, Written).then(
      (written) => (run.metrics.countRecords(written), { records: 1 }),
      (error: unknown) => run.report(error),
    );
    batch.forEach(({ no }) => run.settleTournament(no, begun, outcome));
  }
  return false;
}
