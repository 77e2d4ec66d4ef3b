// Over 300 lines, because each way in which a run can end has its case here.
import { assert, assertEquals, assertMatch, assertObjectMatch, assertRejects } from "@std/assert";
import { createLog } from "../../services/log.ts";
import { startSync } from "../../services/SyncRunner.ts";
import { closeLiveRuns, type SyncDeps, type SyncRun } from "../../services/SyncRun.ts";
import { SyncError } from "../../services/classification.ts";
import { type AppError, DatabaseError } from "../../services/errors.ts";
import type { Rpc } from "../../services/rpc.ts";
import { WorkerCpu } from "../../services/worker-cpu.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { aRun, aTournament } from "../../testing/factories.ts";

const db = await openTestDatabase();

async function setUp(options: { rpc?: Rpc } = {}) {
  await db.reset();
  const clock = new TestClock("2026-06-10T10:00:00.000Z");
  const lines: Record<string, unknown>[] = [];
  const calls: string[] = [];
  const rpc: Rpc = (fn, args) => {
    calls.push(fn);
    return (options.rpc ?? db.rpc)(fn, args);
  };
  const deps: SyncDeps = {
    rpc,
    clock,
    log: createLog({}, (line) => lines.push(JSON.parse(line))),
    wallClockLeft: () => 400_000,
    cpu: new WorkerCpu({ budgetMs: Infinity }),
    memory: () => 50 * 2 ** 20,
  };
  const start = (entity = "matches_schedule", tournament_no?: string) => startSync(deps, entity, { trigger: "CRON", tournament_no });
  return { clock, lines, calls, deps, start };
}
const row = async (run: SyncRun) =>
  (await db.query("select * from sync_execution_history where id = $1", [run.info.executionId]))[0] as Record<string, unknown>;

Deno.test("a run is recorded with its counters, results and errors in two round trips, for any number of them", async () => {
  for (const count of [1, 60]) {
    const { start, calls, clock } = await setUp();
    const tournaments = await Promise.all(Array.from({ length: count }, () => aTournament(db)));
    const run = await start();
    const outcome = await run.perform(async (open) => {
      await open.eachTournament(tournaments.map(({ no }) => ({ no: String(no) })), 4, () => {
        clock.advance(10);
        return Promise.reject(new SyncError("VIS_LATER", "VIS answered HTTP 404"));
      });
    });
    assertEquals(calls, ["start_sync_execution", "finish_sync_execution"]);
    assertEquals(outcome.status, "FAILED");
    assertObjectMatch(await row(run), {
      status: "FAILED",
      tournaments_total: count,
      tournaments_failed: count,
      error_count: count,
      memory_usage_mb: 50,
    });
    assertEquals(Number(await db.value("select count(*) from sync_tournament_results where error_type = 'API'")), count);
    assertEquals(
      Number(await db.value("select count(distinct id) from sync_error_log where fingerprint = 'VIS_LATER:vis answered http #'")),
      count,
    );
  }
});

Deno.test("a run works on as many tournaments at a time as its concurrency", async () => {
  const { start } = await setUp();
  const tournaments = await Promise.all(Array.from({ length: 7 }, () => aTournament(db)));
  const third = Promise.withResolvers<void>();
  let open = 0, most = 0;
  await (await start()).perform((run) =>
    run.eachTournament(tournaments.map(({ no }) => ({ no: String(no) })), 3, async () => {
      most = Math.max(most, ++open);
      if (open === 3) third.resolve();
      await third.promise;
      open--;
      return { records: 1 };
    })
  );
  assertEquals(most, 3);
});

Deno.test("a heartbeat sends progress, new results and new errors, and each is written once", async () => {
  const { start, clock, calls } = await setUp();
  const [first, second] = await Promise.all([aTournament(db), aTournament(db)]);
  const run = await start();
  await run.perform(async (open) => {
    open.expectTournaments([String(first?.no), String(second?.no)]);
    open.stage("first half");
    open.recordTournament(String(first?.no), clock.monotonic(), { records: 3 });
    open.reject(new SyncError("RECORD_INVALID", "record 1"));
    clock.advance(5_000);
    await open.sendHeartbeat();
    assertObjectMatch(await row(run), { status: "RUNNING", tournaments_processed: 1, current_stage: "first half", error_count: 1 });
    assertEquals(Number(await db.value("select count(*) from sync_tournament_results")), 1);
    open.recordTournament(String(second?.no), clock.monotonic(), { records: 4 });
  });
  assertEquals(calls.filter((call) => call.includes("heartbeat")).length, 1);
  assertObjectMatch(await row(run), { status: "SUCCEEDED", tournaments_processed: 2, current_stage: null });
  assertEquals(Number(await db.value("select count(*) from sync_tournament_results")), 2);
  assertEquals(Number(await db.value("select count(*) from sync_error_log")), 1);
});

Deno.test("a second live run of one scope is refused and recorded as SKIPPED", async () => {
  const { start, clock } = await setUp();
  const run = await start();
  clock.advance(30_000);
  await run.sendHeartbeat();
  clock.advance(31_000);
  const error = await assertRejects(() => start(), Error, "already running") as AppError;
  assertObjectMatch(error, { code: "RUN_IN_PROGRESS", status: 409, details: { execution_id: run.info.executionId } });
  assertEquals(await db.query("select status, success from sync_execution_history order by status"), [
    { status: "RUNNING", success: null },
    { status: "SKIPPED", success: null },
  ]);
  await (await start("matches_schedule", "123")).perform(() => Promise.resolve());
  await (await start("tournaments")).perform(() => Promise.resolve());
  await run.perform(() => Promise.resolve());
  await start();
});

Deno.test("unknown, inactive and paused entities are refused", async () => {
  const { start } = await setUp();
  assertObjectMatch(await assertRejects(() => start("ghosts"), Error), { code: "ENTITY_UNKNOWN", status: 404 });
  assertObjectMatch(await assertRejects(() => start("matches_live"), Error), { code: "ENTITY_INACTIVE", status: 409 });
  await db.query("update sync_status set paused_at = now(), paused_by = 'admin@example.com' where entity_type = 'tournaments'");
  assertObjectMatch(await assertRejects(() => start("tournaments"), Error, "paused by admin@example.com"), {
    code: "ENTITY_PAUSED",
    status: 409,
  });
});

Deno.test("the reaper closes the run of a dead worker as TIMED_OUT, and refuses its late finish", async () => {
  const { start, clock } = await setUp();
  const run = await start();
  clock.advance(59_000);
  assertEquals(await db.value("select reap_sync_executions($1)", [clock.asOf()]), 0);
  clock.advance(2_000);
  assertEquals(await db.value("select reap_sync_executions($1)", [clock.asOf()]), 1);
  assertObjectMatch(await row(run), { status: "TIMED_OUT", success: false });
  assertEquals(await db.value("select execution_end = heartbeat_at from sync_execution_history"), true, "its end is its last sign of life");
  assertMatch(String((await row(run)).status_reason), /no heartbeat since 2026-06-10 10:00:00.*closed at 2026-06-10 10:01:01/);
  assertObjectMatch((await db.query("select * from sync_error_log"))[0] as object, {
    error_type: "TIMEOUT",
    error_code: "RUN_TIMED_OUT",
    error_severity: "HIGH",
  });
  assertEquals(await db.value("select consecutive_failures from sync_status where entity_type = 'matches_schedule'"), 1);
  await run.sendHeartbeat();
  assertEquals(run.shouldStop(), "FENCED");
  await run.perform(() => Promise.resolve());
  assertObjectMatch(await row(run), { status: "TIMED_OUT" });
  assertEquals(await db.value("select error_count from sync_status where entity_type = 'matches_schedule'"), 1);
});

Deno.test("a run past its deadline is closed although it sends heartbeats, so that the next run can start", async () => {
  const { start, clock } = await setUp();
  const run = await start("tournaments");
  for (let beat = 0; beat < 7; beat++) {
    clock.advance(45_000);
    await run.sendHeartbeat();
  }
  const next = await start("tournaments");
  assertEquals(next.info.isRecorded, true);
  assertObjectMatch(await row(run), { status: "TIMED_OUT" });
  assertEquals(
    await db.value("select duration::text from sync_execution_history where id = $1", [run.info.executionId]),
    "00:05:15",
    "its end is its last heartbeat",
  );
});

Deno.test("a run reads a request to cancel with its heartbeat, stops before the next tournament and is CANCELLED", async () => {
  const { start } = await setUp();
  const tournaments = await Promise.all([aTournament(db), aTournament(db)]);
  const run = await start();
  await run.perform((open) =>
    open.eachTournament(tournaments.map(({ no }) => ({ no: String(no) })), 1, async () => {
      await db.query("update sync_execution_history set cancel_requested_at = now()");
      await open.sendHeartbeat();
      return { records: 1 };
    })
  );
  assertObjectMatch(await row(run), { status: "CANCELLED", success: null, tournaments_processed: 1, tournaments_total: 2 });
  assertObjectMatch((await db.query("select * from sync_status where entity_type = 'matches_schedule'"))[0] as object, {
    success_count: 0,
    error_count: 0,
    consecutive_failures: 0,
  });
});

Deno.test("when the database cannot be reached to record a run, the run does its work and logs the failure", async () => {
  const failing: Rpc = (fn, args) =>
    /_sync_execution$/.test(fn) ? Promise.reject(new DatabaseError(fn, "08006", "connection failure")) : db.rpc(fn, args);
  const { start, lines } = await setUp({ rpc: failing });
  let isDone = false;
  const run = await start();
  const outcome = await run.perform(() => {
    isDone = true;
    return Promise.resolve();
  });
  assert(isDone);
  assertEquals(outcome.status, "SUCCEEDED");
  assertObjectMatch(lines.find((line) => line.event === "sync_not_recorded") as object, { level: "error", at: "start" });
});

Deno.test("a run that the database refuses to start does not start: only a failed connection leaves a run unrecorded", async () => {
  for (const sqlstate of ["22P05", "23514", "42P01", "57014", "PGRST301", "ANSWER"]) {
    const { start, lines } = await setUp({ rpc: (fn) => Promise.reject(new DatabaseError(fn, sqlstate, "refused")) });
    assertEquals((await assertRejects(() => start(), DatabaseError)).sqlstate, sqlstate);
    assertEquals(lines, []);
  }
});

Deno.test("an error with bad characters is recorded with its run, wherever they are", async () => {
  const bad = "\0 \ud83c";
  const { start, lines } = await setUp();
  const run = await start();
  await run.perform(async (open) => {
    const evidence = { record: { [bad]: bad }, response_excerpt: `${"x".repeat(999)}\ud83c` };
    open.reject(new SyncError("RECORD_INVALID", `a text that Postgres cannot store: ${bad}`, evidence), "8100");
    await open.step("a step", () => Promise.reject(new Error(`${"y".repeat(1999)}🏐`, { cause: new Error(bad) })));
    open.recordTournament("8101", 0, { error: new Error(bad) });
    throw new SyncError("VIS_INTERNAL", `VIS answered ${bad}`);
  });
  assertObjectMatch(await row(run), { status: "FAILED", error_count: 4, records_rejected: 1 });
  assertEquals(await db.value("select count(*)::int from sync_error_log where sync_execution_id = $1", [run.info.executionId]), 4);
  assertEquals(lines.filter((line) => /not_recorded/.test(String(line.event))), []);
});

Deno.test("after a lost answer the finish is sent again, and the run is closed once", async () => {
  let lost = 0;
  const flaky: Rpc = async (fn, args) => {
    const result = await db.rpc(fn, args);
    if (fn === "finish_sync_execution" && lost++ === 0) throw new Error("connection reset");
    return result;
  };
  const { start } = await setUp({ rpc: flaky });
  const run = await start();
  await run.perform(() => Promise.resolve());
  assertEquals(lost, 2);
  assertObjectMatch(await row(run), { status: "SUCCEEDED" });
  assertEquals(await db.value("select success_count from sync_status where entity_type = 'matches_schedule'"), 1);
});

Deno.test("an end that meets no database is recorded when the database is back before the lease expires, and given up after it", async () => {
  for (const [awayMs, status] of [[55_000, "SUCCEEDED"], [70_000, "RUNNING"]] as const) {
    let backAt = Infinity;
    const rpc: Rpc = (fn, args) =>
      setup.clock.now() < backAt && fn === "finish_sync_execution"
        ? Promise.reject(new DatabaseError(fn, "", "connection refused"))
        : db.rpc(fn, args);
    const setup = await setUp({ rpc });
    const run = await setup.start();
    await run.perform(async (open) => {
      setup.clock.advance(120_000);
      await open.sendHeartbeat();
      backAt = setup.clock.now() + awayMs;
    });
    assertEquals((await row(run)).status, status);
    assert(setup.clock.now() < backAt + 8_000);
    assertEquals(setup.lines.some((line) => line.event === "sync_not_recorded" && line.level === "error"), status === "RUNNING");
  }
});

Deno.test("a result or an error that the database refuses is logged, and the run is recorded without it", async () => {
  const rpc: Rpc = (fn, args) =>
    JSON.stringify(args).includes("a value that Postgres refuses")
      ? Promise.reject(new DatabaseError(fn, "22P05", "unsupported Unicode escape sequence"))
      : db.rpc(fn, args);
  const { start, lines, clock } = await setUp({ rpc });
  const run = await start();
  await run.perform(async (open) => {
    open.reject(new SyncError("RECORD_INVALID", "a value that Postgres refuses"));
    clock.advance(50_000);
    await open.sendHeartbeat();
    clock.advance(50_000);
  });
  assertObjectMatch(await row(run), { status: "SUCCEEDED", error_count: 1, records_rejected: 1 });
  assert(lines.some((line) => line.event === "results_not_recorded"));
});

Deno.test("a closed run is not closed again, by any end, and is counted once", async () => {
  const { start } = await setUp();
  const { executionId } = (await start()).info;
  const close = (status: string) =>
    db.value<string | null>("select (private.close_run($1, $2)).id", [
      { execution_id: executionId, status, reason: status },
      "2026-06-10T10:01:00Z",
    ]);
  const stored = () =>
    Promise.all([
      db.query("select * from sync_execution_history"),
      db.query("select * from sync_status where entity_type = 'matches_schedule'"),
      db.query("select * from sync_metrics order by resolution"),
      db.query("select * from net.http_request_queue"),
    ]);
  assertEquals(await close("SUCCEEDED"), executionId);
  const closed = await stored();
  assertObjectMatch(closed[1][0] as object, { success_count: 1, error_count: 0, consecutive_failures: 0 });
  for (const status of ["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED"]) {
    assertEquals(await close(status), null, status);
    assertEquals(await stored(), closed, status);
  }
});

Deno.test("a worker that shuts down closes its run as TIMED_OUT", async () => {
  const { start } = await setUp();
  const run = await start();
  const waiting = Promise.withResolvers<void>();
  const work = run.perform(() => waiting.promise);
  await closeLiveRuns();
  assertObjectMatch(await row(run), { status: "TIMED_OUT", status_reason: "the worker was shut down" });
  waiting.resolve();
  await work;
  assertObjectMatch(await row(run), { status: "TIMED_OUT" });
});

Deno.test("a streak of failures: a single run does not change it, PARTIAL and SUCCEEDED end it", async () => {
  const { start, clock } = await setUp();
  const [first, second] = await Promise.all([aTournament(db), aTournament(db)]);
  const streak = () => db.value("select consecutive_failures from sync_status where entity_type = 'matches_schedule'");
  const fail = () => Promise.reject(new Error("boom"));
  const end = async (work: (run: SyncRun) => Promise<void>, single?: string) => {
    clock.advance(60_000);
    await (await start("matches_schedule", single)).perform(work);
    return await streak();
  };
  assertEquals(await end(fail), 1);
  assertEquals(await end(fail), 2);
  const half = [first, second].map((tournament) => ({ no: String(tournament?.no) }));
  assertEquals(await end(() => Promise.resolve(), String(first?.no)), 2);
  assertEquals(await end(fail, String(first?.no)), 2);
  assertEquals(await end((run) => run.eachTournament(half, 1, ({ no }) => no === first?.no ? fail() : Promise.resolve({ records: 1 }))), 0);
  assertEquals(await end(fail), 1);
  assertEquals(await end(() => Promise.resolve()), 0);
});

Deno.test("each run changes the counters of its entity: a single run not those of full runs, and a success not the last error", async () => {
  await setUp();
  const start = Date.parse("2026-06-10T10:00:00Z");
  const runs = [
    [{ status: "SUCCEEDED", seconds: 100, records: 5, memory: 50 }, [1, 0, 0, null, 100, 100, 5, 5, 50]],
    [{ status: "SUCCEEDED", seconds: 200, records: 3, memory: null }, [2, 0, 0, null, 120, 200, 3, 8, 50]],
    [{ status: "FAILED", seconds: 10, records: 1, memory: 60 }, [2, 1, 1, "run 2", 120, 10, 1, 9, 60]],
    [{ status: "FAILED", seconds: 30, records: 0, memory: 70, tournament_no: "1" }, [2, 2, 1, "run 3", 120, 10, 0, 9, 70]],
    [{ status: "PARTIAL", seconds: 20, records: 4, memory: 70 }, [2, 3, 0, "run 4", 100, 20, 4, 13, 70]],
    [{ status: "SUCCEEDED", seconds: 100, records: 0, memory: 70 }, [3, 3, 0, "run 4", 100, 100, 0, 13, 70]],
    [{ status: "CANCELLED", seconds: 5, records: 2, memory: 70 }, [3, 3, 0, "run 4", 100, 5, 2, 15, 70]],
  ] as [{ status: string; seconds: number; records: number; memory: number | null; tournament_no?: string }, unknown[]][];
  for (const [index, [{ status, seconds, records, memory, tournament_no }, expected]] of runs.entries()) {
    const startedAt = new Date(start + index * 3_600_000).toISOString();
    const run = { execution_start: startedAt, heartbeat_at: startedAt, lease_expires_at: startedAt, deadline: startedAt };
    const { id } = await aRun(db, { ...run, tournament_no: tournament_no ?? null, status: "RUNNING", execution_end: null });
    const counters = { records_inserted: records, memory_usage_mb: memory, tournaments_failed: 0 };
    const p = { execution_id: id, status, reason: `run ${index}`, counters };
    await db.query("select finish_sync_execution($1, $2)", [p, new Date(start + index * 3_600_000 + seconds * 1_000).toISOString()]);
    const [entity] = await db.query(
      `select success_count, error_count, consecutive_failures, last_error, extract(epoch from average_duration)::float as average,
        extract(epoch from last_duration)::int as last, records_processed_last, records_processed_total::int as total, last_memory_usage
      from sync_status where entity_type = 'matches_schedule'`,
    );
    assertEquals(Object.values(entity as object), expected, `run ${index}`);
  }
  assertEquals(
    await db.query("select last_sync = $1 as sync, last_error_time = $2 as error from sync_status where entity_type = 'matches_schedule'", [
      new Date(start + 5 * 3_600_000).toISOString(),
      new Date(start + 4 * 3_600_000 + 20_000).toISOString(),
    ]),
    [{ sync: true, error: true }],
  );
});

Deno.test("the hourly rollup equals what SQL over the rows says, status by status", async () => {
  const { start, clock } = await setUp();
  for (let run = 0; run < 12; run++) {
    clock.advance(11 * 60_000);
    const open = await start(run % 3 ? "matches_schedule" : "tournaments", run % 4 === 3 ? "99" : undefined);
    await open.perform((self) => {
      clock.advance(run * 777);
      self.metrics.count("records_read", run);
      self.metrics.countRecords({ inserted: run, updated: 1, unchanged: 2 });
      self.metrics.countApiCall({ ms: 100 * run, bytes: 1000, failed: false, isRetry: false });
      return run % 5 === 0 ? Promise.reject(new Error("boom")) : Promise.resolve();
    });
  }
  const independent = await db.query(`
    select entity_type, date_trunc('hour', execution_start) as hour, count(*) filter (where trigger = 'CRON')::int as runs_cron,
      count(*) filter (where status = 'SUCCEEDED')::int as runs_succeeded, count(*) filter (where status = 'FAILED')::int as runs_failed,
      sum(records_processed)::int as records_processed, sum(api_response_ms_total)::int as api_response_ms_total,
      coalesce(round(sum(extract(epoch from duration) * 1000) filter (where tournament_no is null)), 0)::int as duration_ms_total,
      max(memory_usage_mb) as memory_usage_mb_peak
    from sync_execution_history group by 1, 2 order by 1, 2`);
  const rolled = await db.query(`
    select entity_type, bucket as hour, runs_cron, runs_succeeded, runs_failed, records_processed::int, api_response_ms_total::int,
      duration_ms_total::int, memory_usage_mb_peak from sync_metrics where resolution = '1 hour' order by 1, 2`);
  assertEquals(rolled, independent);
  const buckets = await db.query(
    `select m.entity_type, sum(n)::int as runs from sync_metrics m, unnest(m.durations) n where resolution = '1 day' group by 1 order by 1`,
  );
  const full = "select entity_type, count(*)::int as runs from sync_execution_history where tournament_no is null group by 1 order by 1";
  assertEquals(buckets, await db.query(full));
});

Deno.test("the duration that represents a bucket errs by at most 4.8 % at either edge", async () => {
  for (const ms of [1, 7, 350, 60_000, 399_999, 86_400_000]) {
    const bucket = await db.value<number>("select private.duration_bucket(make_interval(secs => $1::float8 / 1000))", [ms]);
    const [low, high] = [1.1 ** (bucket - 1), 1.1 ** bucket];
    assert(ms > low * 0.999 && ms <= high * 1.001, `${ms} in (${low}, ${high}]`);
    const shown = await db.value<number>("select private.bucket_ms($1)", [bucket]);
    for (const edge of [low, high]) assert(Math.abs(shown - edge) / edge <= 0.0477, `${shown} for ${edge}`);
  }
});

Deno.test("a failed run calls the alert processor at once, with one correlation id; the first success dispatches the entities that depend on it", async () => {
  const { start, clock } = await setUp();
  const run = await start();
  await run.perform(() => Promise.reject(new Error("boom")));
  const [call] = await db.query<{ path: string; id: string; body: Record<string, unknown> }>("select * from private.call_log");
  assertObjectMatch(call as object, {
    path: "sync-alert-processor",
    outcome: "SENT",
    body: { cause: "run_ended", execution_id: run.info.executionId },
  });
  assertEquals(call?.body.correlation_id, call?.id);
  const [queued] = await db.query<{ url: string; headers: Record<string, string> }>("select url, headers from net.http_request_queue");
  assertMatch(String(queued?.url), /\/functions\/v1\/sync-alert-processor$/);
  assertEquals(queued?.headers.apikey, db.keys.secret);
  await db.query("update sync_status set last_attempt = null");
  clock.advance(1000);
  await (await start("tournaments")).perform(() => Promise.resolve());
  assertEquals((await db.query("select path from private.call_log order by called_at, path")).map((c) => c.path), [
    "sync-alert-processor",
    "match-schedule-sync",
  ]);
});

Deno.test("a result of a deleted tournament and an error sent twice do not fail the recording", async () => {
  const { start, deps, clock } = await setUp();
  const run = await start();
  const error = run.errors.record(new Error("twice"));
  const success = {
    records_processed: 0,
    error_message: null,
    error_type: null,
    error_fingerprint: null,
    warning_code: null,
    retry_attempt: 0,
    attempts: [],
    started_ms: 0,
    reply_bytes: null,
  };
  const results = [{ tournament_no: "1", duration_ms: 1, ...success }];
  const p = { execution_id: run.info.executionId, counters: {}, results, errors: [error] };
  for (let twice = 0; twice < 2; twice++) await deps.rpc("heartbeat_sync_execution", { p, as_of: clock.asOf() });
  assertEquals(Number(await db.value("select count(*) from sync_error_log")), 1);
  assertEquals(Number(await db.value("select count(*) from sync_tournament_results")), 0);
});

Deno.test.afterAll(() => db.close());
