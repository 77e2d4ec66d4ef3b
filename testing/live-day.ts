import { createVisStandIn } from "../platform/vis/stand-in.ts";
import { matchesOf, type Row, versionAt } from "../platform/vis/season.ts";
import type { Fault } from "../platform/vis/faults.ts";
import { createLog } from "../services/log.ts";
import type { Rpc } from "../services/rpc.ts";
import { WorkerCpu } from "../services/worker-cpu.ts";
import { createApp as createLiveSync } from "../supabase/functions/match-live-sync/app.ts";
import { createApp as createMatchSync } from "../supabase/functions/match-schedule-sync/app.ts";
import type { TestDatabase } from "./database.ts";
import { testEnv } from "./env.ts";
import { aTournament } from "./factories.ts";
import { VirtualClock } from "./virtual-clock.ts";

const DAY = "2026-06-10", TICK_MS = 30_000, STEP_MS = 15_000, MINUTE = 60_000;
/** The first tick, a second before a change of the stand-in, so that each change waits as long as possible. */
const FIRST_TICK = ":14.000Z";
/** Two tournaments of the stand-in on one site, each with two matches an hour from 08:00 to 14:00 UTC. */
const SITE = ["8106", "8107"] as const;
/** The response time of VIS, as in `docs/architecture.md`. */
const ANSWER_MS = 300;

interface Options {
  tournaments: number;
  /** The simulated part of the day, such as from `06:00`. */
  from: string;
  until: string;
  rpc: Rpc;
  fault?: Fault["kind"];
}

export interface LiveDay {
  requests: { full: number; incremental: number; schedule: number; unchanged: number; bytes: number; most_in_flight: number };
  runs: { live: number; skipped: number; failed: number; while_nothing_plays: number; idle_minutes: number };
  cpu_ms: { mean: number; most: number };
  rows: { changed_in_vis: number; sent_to_database: number; updated: number };
  most_live_matches: number;
  /** The seconds from a change of a live match in VIS to its row. */
  freshness_s: { p50: number; p95: number; worst: number };
}

/** Tournaments of the stand-in under other numbers; two thirds of them have the matches of both tournaments of the site. */
class Tournaments {
  constructor(readonly count: number) {}
  numbers = (): number[] => Array.from({ length: this.count }, (_, index) => 9_001 + index);
  sourcesOf = (no: number): string[] => (no % 3 === 0 ? [SITE[0]] : [...SITE]);
  renumber = <R extends Record<string, unknown>>(row: R, no: number, key: string): R => ({
    ...row,
    [key]: Number(row[key]) + no * 1_000_000,
  });
  matches = (no: number, now: number): Row[] =>
    this.sourcesOf(no).flatMap((source) => matchesOf(Number(source), now)).map((row) => this.renumber(row, no, "No"));
}

const playsAt = (row: Row, now: number): boolean => {
  const start = Date.parse(`${row.UtcDate}T${row.UtcTime}Z`), status = Number(row.Status);
  return status >= 3 && status <= 11 || status < 3 && start <= now + 15 * MINUTE && start >= now - 180 * MINUTE;
};
const percentile = (sorted: number[], share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;

/** Runs the cron ticks, both match syncs and VIS through a part of a day of live play in virtual time. */
export async function simulateLiveDay(db: TestDatabase, options: Options): Promise<LiveDay> {
  const tournaments = new Tournaments(options.tournaments);
  const clock = new VirtualClock(`${DAY}T${options.from}${FIRST_TICK}`);
  const vis = createVisStandIn({ now: () => clock.now(), sleep: (ms) => clock.sleep(ms) });
  vis.faults.add({ kind: options.fault ?? "latency", ms: ANSWER_MS });
  await db.reset();
  await db.query("update sync_status set is_active = entity_type <> 'tournaments', last_sync = $1, updated_at = $1", [clock.asOf()]);
  await db.query("truncate entity_pauses");
  for (const no of tournaments.numbers()) {
    await aTournament(db, { no, start_date_main_draw: DAY, end_date: "2026-06-12", last_synced: clock.asOf() });
  }

  const requests = { full: 0, incremental: 0, schedule: 0, unchanged: 0, bytes: 0, most_in_flight: 0 };
  const ask = (name: string): typeof fetch => async (input, init) => {
    const body = String(init?.body), no = Number(/NoTournament="(\d+)"/.exec(body)?.[1]);
    const aliased = body.replace(/NoTournament="\d+"/, `NoTournaments="${tournaments.sourcesOf(no).join(" ")}"`);
    const response = await vis.fetch(new Request(input as string, { ...init, body: aliased }));
    const reply = await response.json() as { data: Record<string, unknown>[] | object };
    if (Array.isArray(reply.data)) reply.data = reply.data.map((row) => tournaments.renumber({ ...row, noTournament: no }, no, "no"));
    else requests.unchanged++;
    requests[name === "schedule" ? "schedule" : body.includes(" Version=") ? "incremental" : "full"]++;
    const text = JSON.stringify(reply);
    requests.bytes += text.length;
    return new Response(text, { headers: { "content-type": "application/json" } });
  };

  const seen = new Map<string, number>();
  const freshness: number[] = [];
  const rows = { changed_in_vis: 0, sent_to_database: 0, updated: 0 };
  /** Adds the delay of each written match since its first change that the database did not have. */
  function noteWrite(no: number, written: { no: string; status: number | null; vis_version: number | null }[]): void {
    for (const row of written) {
      const version = row.vis_version ?? 0, before = seen.get(row.no);
      seen.set(row.no, version);
      if (before === undefined || version <= before) continue;
      const changes: number[] = [];
      for (let newest = version; newest > before;) {
        const at = clock.now() - clock.now() % STEP_MS - (versionAt(clock.now()) - newest) * STEP_MS;
        changes.push(at);
        newest = Number(history(no, at - STEP_MS).get(Number(row.no)) ?? 0);
      }
      rows.changed_in_vis += changes.length;
      if ((row.status ?? 0) >= 3) changes.forEach((at) => freshness.push((clock.now() - at) / 1000));
    }
  }
  const cached = new Map<string, Map<number, unknown>>();
  function history(no: number, at: number): Map<number, unknown> {
    const key = `${no} ${at}`;
    const found = cached.get(key) ?? new Map(tournaments.matches(no, at).map((row) => [Number(row.No), row.Version]));
    if (cached.size > 200 * options.tournaments) cached.clear();
    cached.set(key, found);
    return found;
  }

  const rpc = (async (fn: "write_matches", args: Parameters<Rpc<"write_matches">>[1]) => {
    const answer = await clock.during(options.rpc(fn, args));
    if (fn !== "write_matches") return answer;
    rows.sent_to_database += args.p.matches.length;
    rows.updated += answer.updated;
    noteWrite(Number(args.p.tournament_no), args.p.matches);
    return answer;
  }) as Rpc;

  const work = new Set<Promise<unknown>>();
  const cpuMs: number[] = [];
  const runs = { live: 0, skipped: 0, failed: 0, while_nothing_plays: 0, idle_minutes: 0 };
  async function call(path: string, body: object): Promise<void> {
    const isLive = path === "match-live-sync";
    const cpu = new WorkerCpu({ budgetMs: Infinity, startUpMs: 0 });
    const background: Promise<unknown>[] = [];
    const app = (isLive ? createLiveSync : createMatchSync)({
      env: testEnv(),
      rpc,
      clock,
      cpu,
      log: createLog({}, () => {}),
      wallClockLeft: () => 400_000,
      waitUntil: (task) => background.push(task),
      fetch: ask(isLive ? "live" : "schedule"),
    });
    const headers = { apikey: db.keys.secret, "content-type": "application/json" };
    await app.fetch(new Request(`http://functions.test/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
    await Promise.all(background);
    if (isLive) cpuMs.push(cpu.spentMs);
  }

  const until = Date.parse(`${DAY}T00:00:00Z`) + Number(options.until.slice(0, 2)) * 60 * MINUTE + Number(options.until.slice(3)) * MINUTE;
  let mostLive = 0, quietSince = 0;
  while (clock.now() < until) {
    const tick = clock.now();
    const matches = tournaments.numbers().flatMap((no) => tournaments.matches(no, tick));
    mostLive = Math.max(mostLive, matches.filter((row) => Number(row.Status) >= 3 && Number(row.Status) <= 11).length);
    if (matches.some((row) => playsAt(row, tick))) quietSince = tick;
    await db.query("select private.dispatch_due_syncs($1)", [clock.asOf()]);
    const calls = await db.query<{ path: string; body: object }>("delete from private.call_log returning path, body");
    for (const { path, body } of calls.filter((sent) => sent.path.startsWith("match-"))) {
      if (path === "match-live-sync") runs.live++;
      // The first run after the last change of a match is still due.
      if (path === "match-live-sync" && tick - quietSince > TICK_MS) runs.while_nothing_plays++;
      const task: Promise<void> = call(path, body).finally(() => work.delete(task));
      work.add(task);
    }
    await clock.runUntil(tick + TICK_MS, () => work.size > 0);
    requests.most_in_flight = Math.max(requests.most_in_flight, vis.seen.most_in_flight);
  }
  await clock.runUntil(clock.now() + TICK_MS, () => work.size > 0);
  await Promise.all(work);

  const byStatus = await db.query(
    "select status, count(*)::integer as n from sync_execution_history where entity_type = 'matches_live' group by 1",
  );
  const count = (...statuses: string[]) =>
    byStatus.filter((row) => statuses.includes(String(row.status))).reduce((sum, row) => sum + Number(row.n), 0);
  runs.skipped = count("SKIPPED");
  runs.failed = count("FAILED", "TIMED_OUT", "PARTIAL");
  runs.idle_minutes = Number(
    await db.value(
      "select coalesce(sum(extract(epoch from least(coalesce(resumed_at, $1), $1) - paused_at) / 60), 0)::integer from entity_pauses where entity_type = 'matches_live'",
      [clock.asOf()],
    ),
  );
  freshness.sort((a, b) => a - b);
  return {
    requests,
    runs,
    cpu_ms: { mean: cpuMs.reduce((a, b) => a + b, 0) / Math.max(cpuMs.length, 1), most: Math.max(0, ...cpuMs) },
    rows,
    most_live_matches: mostLive,
    freshness_s: { p50: percentile(freshness, 0.5), p95: percentile(freshness, 0.95), worst: freshness.at(-1) ?? 0 },
  };
}
