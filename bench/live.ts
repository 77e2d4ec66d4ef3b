import { openTestDatabase } from "../testing/database.ts";
import { directRpc } from "../testing/direct-rpc.ts";
import { type LiveDay, simulateLiveDay } from "../testing/live-day.ts";
import { atMost, type Report, say, table } from "./report.ts";
import { startBenchServer } from "./server.ts";

const TOURNAMENTS = 12;
/** The simulated part of the day, such as `07:30-08:30`; by default the whole day of play. */
const [from = "06:00", until = "18:00"] = Deno.args[1]?.split("-") ?? [];

function print(name: string, { requests, runs, rows, cpu_ms, freshness_s }: LiveDay): void {
  const { full, incremental, schedule, unchanged, bytes } = requests;
  say(`\n${name}`);
  table(["requests: full", "with version", "unchanged", "of the schedule", "MB"], [[full, incremental, unchanged, schedule, bytes / 1e6]]);
  table(["runs", "skipped", "failed", "idle minutes", "CPU ms a run", "most"], [
    [runs.live, runs.skipped, runs.failed, runs.idle_minutes, cpu_ms.mean, cpu_ms.most],
  ]);
  table(["changes in VIS", "rows sent", "rows updated", "fresh p50 s", "p95", "worst"], [
    [rows.changed_in_vis, rows.sent_to_database, rows.updated, freshness_s.p50, freshness_s.p95, freshness_s.worst],
  ]);
}

/** Simulates a day of live play in virtual time with a VIS that honours versions, and half an hour with a VIS that ignores them. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  const db = await openTestDatabase();
  try {
    const honoured = await simulateLiveDay(db, { tournaments: TOURNAMENTS, from, until, rpc: directRpc(db) });
    print(`VIS honours versions, ${from} to ${until}`, honoured);
    const ignored = await simulateLiveDay(db, {
      tournaments: TOURNAMENTS,
      from: "09:00",
      until: "09:30",
      rpc: directRpc(db),
      fault: "version_ignored",
    });
    print("VIS ignores versions, 09:00 to 09:30", ignored);
    const days = [honoured, ignored];
    return {
      figures: { honoured, ignored },
      bars: [
        atMost("freshness_p95_s", Math.max(...days.map(({ freshness_s }) => freshness_s.p95)), 60),
        atMost("cpu_of_a_run_ms", Math.max(...days.map(({ cpu_ms }) => cpu_ms.most)), 1_500),
        atMost("in_flight", Math.max(...days.map(({ requests }) => requests.most_in_flight)), 4),
        atMost("runs_while_nothing_plays", honoured.runs.while_nothing_plays, 0),
      ],
    };
  } finally {
    await db.close();
    await server.stop();
  }
}
