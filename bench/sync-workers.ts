import { fileURLToPath } from "node:url";
import { createSupabase } from "../platform/supabase.ts";
import { systemClock } from "../services/clock.ts";
import { MATCH_FIELDS } from "../services/vis-rows.ts";
import type { TestDatabase } from "../testing/database.ts";

/** A match of a tournament with a value in each field. */
function match(tournamentNo: string, index: number): Record<string, string | number> {
  const value = (name: string): string | number => {
    if (name === "No") return Number(tournamentNo) * 1000 + index;
    if (name === "NoTournament") return Number(tournamentNo);
    if (name === "LocalDate") return "2026-06-10";
    if (name === "LocalTime") return "10:30:00";
    if (name.endsWith("DateTimeUtc")) return "2026-06-10T08:30:00Z";
    if (name.endsWith("Name")) return "Sagstetter, J./Kōno";
    if (name.endsWith("FederationCode")) return "GER";
    if (name === "Status") return 15;
    return /^(Court|RoundCode)$/.test(name) ? "CC" : 7;
  };
  return Object.fromEntries(MATCH_FIELDS.split(" ").map((name) => [name, value(name)]));
}

/** A reply of VIS with the matches of a tournament. */
export function matchList(tournamentNo: string, matches: number, format: "json" | "xml"): Response {
  const rows = Array.from({ length: matches }, (_, index) => match(tournamentNo, index));
  if (format === "json") {
    const camelCase = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);
    const data = rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [camelCase(name), value])));
    return Response.json({ data, nbItems: matches, version: 1 });
  }
  const elements = rows.map((row) => `<BeachMatch${Object.entries(row).map(([name, value]) => ` ${name}="${value}"`).join("")}/>`);
  return new Response(`<BeachMatches NbItems="${matches}" Version="1">${elements.join("")}</BeachMatches>`, {
    headers: { "content-type": "application/xml" },
  });
}

/** The CPU in milliseconds: the estimate of the worker, and the measurement of the operating system. */
export interface Cpu {
  estimated_ms: number;
  main_thread_ms: number;
  process_ms: number;
}

/** Starts worker processes one after another, each with one match sync, until every tournament is fresh; returns the CPU of each. */
export async function runWorkers(db: TestDatabase, matches: number, format: "json" | "xml"): Promise<Cpu[]> {
  const supabase = await createSupabase(db.database, db.keys, "http://127.0.0.1");
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    if (!new URL(request.url).pathname.startsWith("/vis")) return await supabase(request);
    const no = /NoTournament="(\d+)"/.exec(await request.text())?.[1] ?? "";
    await systemClock.sleep(20);
    return matchList(no, matches, format);
  });
  const base = `http://127.0.0.1:${server.addr.port}`;
  const workers: Cpu[] = [];
  const stale = () =>
    db.value<number>(
      "select count(*)::integer from tournaments t left join tournament_sync_state s on s.tournament_no = t.no where s.synced_at is null",
    );
  try {
    for (let left = await stale(); left > 0;) {
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", fileURLToPath(new URL("sync-worker.ts", import.meta.url))],
        env: { SUPABASE_URL: base, VIS_API_URL: `${base}/vis`, NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder();
      if (!success) throw new Error(text.decode(stderr));
      workers.push(JSON.parse(text.decode(stdout)));
      const after = await stale();
      if (after >= left) throw new Error("a worker synced no tournament");
      left = after;
    }
    return workers;
  } finally {
    await server.shutdown();
  }
}
