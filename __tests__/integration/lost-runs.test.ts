// Over 300 lines, because every loss is injected into one simulated way from the cron job to the run.
import { assertEquals } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { SystemStatusResponse } from "../../types/history.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aRun } from "../../testing/factories.ts";

const db = await openTestDatabase();
const clock = new TestClock("2026-06-10T12:00:00Z");
const app = createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv() });
const viewer = await db.token("viewer");
const at = (time: string) => `2026-06-10T${time}Z`;
const NO_RUN = "no run has settled the due time 2026-06-10T12:00:00Z";

async function systemStatus(time: string) {
  clock.moveTo(at(time));
  const headers = { authorization: `Bearer ${viewer}` };
  const response = await app.fetch(new Request("http://functions.test/sync-monitoring/system-status", { headers }));
  return SystemStatusResponse.parse(await response.json());
}

/** The status and the message of a component at a time of 10 June. */
async function verdict(time: string, name = "matches_schedule") {
  const { components } = await systemStatus(time);
  const found = components.find((component) => component.name === name);
  return [found?.status, found?.message];
}

/** pg_cron runs every job (retention once a day), and every run before noon succeeds. */
async function setUp(): Promise<void> {
  await db.reset();
  await db.query("truncate cron.job_run_details, net._http_response");
  await renameSecret("elsewhere", "project_url");
  await db.query("delete from cron.job");
  await db.query("select private.apply_schedules()");
  await tick("12:00:00");
  await db.query("update cron.job_run_details set start_time = $1 where command like '%prune_batch%'", [at("03:17:00")]);
  for (const [entity_type, time] of [["tournaments", "00:00:01"], ["matches_schedule", "11:45:01"]]) {
    await aRun(db, { entity_type, execution_start: at(String(time)), execution_end: at(String(time)) });
    await db.query("update sync_status set last_attempt = $2, last_sync = $2 where entity_type = $1", [entity_type, at(String(time))]);
  }
}

const tick = (time: string, status = "succeeded", message = "1 row") =>
  db.query(
    "insert into cron.job_run_details (jobid, command, status, return_message, start_time) select jobid, command, $2, $3, $1 from cron.job",
    [at(time), status, message],
  );

/** Dispatches as the cron job does, with the simulated time in the log of calls. */
async function dispatch(time: string): Promise<void> {
  await db.query("create temporary table if not exists simulated as select id from private.call_log where false");
  await db.query("select private.dispatch_due_syncs($1)", [at(time)]);
  await db.query("update private.call_log set called_at = $1 where id not in (select id from simulated)", [at(time)]);
  await db.query("insert into simulated select id from private.call_log except select id from simulated");
}

/** Sends the queued requests as pg_net does, with the given answers. */
async function answer(row: { status_code?: number; timed_out?: boolean; error_msg?: string } | null): Promise<void> {
  const sent = await db.query<{ id: number }>("delete from net.http_request_queue returning id");
  for (const { id } of row ? sent : []) {
    await db.query("insert into net._http_response (id, status_code, timed_out, error_msg) values ($1, $2, $3, $4)", [
      id,
      row?.status_code ?? null,
      row?.timed_out ?? false,
      row?.error_msg ?? null,
    ]);
  }
}

async function start(time: string, fields: object = { trigger: "CRON", due_at: at("12:00:00"), attempt: 1 }): Promise<string> {
  const execution_id = crypto.randomUUID();
  const p = { execution_id, entity_type: "matches_schedule", wall_clock_ms: 400_000, ...fields };
  await db.query("select start_sync_execution($1, $2)", [p, at(time)]);
  return execution_id;
}

const finish = (execution_id: string, time: string, status = "SUCCEEDED", reason = "done") =>
  db.query("select finish_sync_execution($1, $2)", [{ execution_id, status, reason, counters: {}, results: [], errors: [] }, at(time)]);

/** Answers the call of noon with 202, and starts its run. */
async function startNoon(): Promise<string> {
  await setUp();
  await dispatch("12:00:00");
  const id = await start("12:00:01");
  await answer({ status_code: 202 });
  return id;
}

const renameSecret = (from: string, to: string) =>
  db.query("select vault.update_secret(id, new_name => $2) from vault.secrets where name = $1", [from, to]);

Deno.test("1 loss: a missing cron job is named with its last run and the statement that creates it", async () => {
  await setUp();
  await db.query("select cron.unschedule('dispatch-due-syncs')");
  const words = "the cron job dispatch-due-syncs is missing; its last run started at 2026-06-10T12:00:00Z: " +
    "run select private.apply_schedules();";
  assertEquals(await verdict("12:00:05"), ["FAILED", words]);
  assertEquals(await verdict("12:00:05", "scheduler"), ["FAILED", words]);
  await db.query("select private.apply_schedules()");
  assertEquals((await verdict("12:00:05", "scheduler"))[0], "OK");
});

Deno.test("2 loss: an inactive cron job is named with the statement that activates it, which apply_schedules does not", async () => {
  await setUp();
  const id = await db.value("select jobid::int from cron.job where jobname = 'dispatch-due-syncs'");
  await db.query("select cron.alter_job($1, active := false)", [id]);
  await db.query("select private.apply_schedules()");
  const repair = `select cron.alter_job(${id}, active := true);`;
  const words = `the cron job dispatch-due-syncs is inactive; its last run started at 2026-06-10T12:00:00Z: run ${repair}`;
  assertEquals(await verdict("12:00:05"), ["FAILED", words]);
  assertEquals(await verdict("12:00:05", "scheduler"), ["FAILED", words]);
  await db.query(repair);
  assertEquals((await verdict("12:00:05"))[0], "OK");
});

Deno.test("3 loss: a changed schedule or command of a cron job is named with the statement that restores it", async () => {
  await setUp();
  const last = "its last run started at 2026-06-10T12:00:00Z: run select private.apply_schedules();";
  for (
    const [change, words] of [
      ["schedule := '0 0 * * *'", 'the cron job dispatch-due-syncs has the schedule "0 0 * * *" instead of "* * * * *"'],
      ["command := 'select 1'", "the command of the cron job dispatch-due-syncs was changed"],
    ]
  ) {
    await db.query(`select cron.alter_job(jobid, ${change}) from cron.job where jobname = 'dispatch-due-syncs'`);
    assertEquals(await verdict("12:00:05"), ["FAILED", `${words}; ${last}`]);
    assertEquals(await verdict("12:00:05", "scheduler"), ["FAILED", `${words}; ${last}`]);
    await db.query("select private.apply_schedules()");
    assertEquals((await verdict("12:00:05"))[0], "OK");
  }
});

Deno.test("4 loss: pg_cron that starts no job is named with the time of its last tick", async () => {
  await setUp();
  assertEquals((await verdict("12:01:30", "scheduler"))[0], "OK");
  const words = "pg_cron has started no job since 2026-06-10T12:00:00Z: check show cron.launch_active_jobs; and show cron.log_run; " +
    "(both on), then restart the database";
  assertEquals(await verdict("12:03:01"), ["FAILED", words]);
  assertEquals(await verdict("12:03:01", "scheduler"), ["FAILED", words]);
});

Deno.test("5 loss: a secret that is missing in Vault is named, before and after a call needs it", async () => {
  await setUp();
  await renameSecret("project_url", "elsewhere");
  const words = "because Vault has no project_url: run select vault.create_secret('https://<ref>.supabase.co', 'project_url');";
  assertEquals(await verdict("12:00:00"), ["FAILED", `the next call cannot be sent, ${words}`]);
  await dispatch("12:00:00");
  assertEquals(await verdict("12:00:05"), ["FAILED", `no call is sent since 2026-06-10T12:00:00Z, ${words}`]);
  await renameSecret("elsewhere", "project_url");
  assertEquals(await verdict("12:00:05"), [
    "FAILED",
    `${NO_RUN}; the call of 2026-06-10T12:00:00Z was not sent, because Vault had no project_url or no secret_key`,
  ]);
});

Deno.test("6 loss: a call that pg_net does not send is named", async () => {
  await setUp();
  await dispatch("12:00:00");
  assertEquals((await verdict("12:00:15"))[0], "OK");
  const words = `${NO_RUN}; the call of 2026-06-10T12:00:00Z is still queued, because the worker of pg_net does not run: ` +
    "run select net.worker_restart();";
  assertEquals(await verdict("12:00:16"), ["FAILED", words]);
});

for (
  const [title, row, words] of [
    [
      "7 loss: a call that times out is named",
      { timed_out: true, error_msg: "Timeout of 5000 ms reached" },
      "the call of 2026-06-10T12:00:00Z timed out, because match-schedule-sync did not answer within 5 s: read its log",
    ],
    [
      "8 loss: a call that is refused with 401 names the key in Vault",
      { status_code: 401 },
      "the call of 2026-06-10T12:00:00Z started no run: match-schedule-sync answered 401, because secret_key in Vault is not a key of " +
      "the project: run select vault.update_secret(id, '<secret key>') from vault.secrets where name = 'secret_key';",
    ],
    [
      "8 loss: a call that is refused with 403 names the key in Vault",
      { status_code: 403 },
      "the call of 2026-06-10T12:00:00Z started no run: match-schedule-sync answered 403, because secret_key in Vault is not a key of " +
      "the project: run select vault.update_secret(id, '<secret key>') from vault.secrets where name = 'secret_key';",
    ],
    [
      "9 loss: a call that is answered with 404 names the function that is not deployed",
      { status_code: 404 },
      "the call of 2026-06-10T12:00:00Z started no run: match-schedule-sync answered 404, because it is not deployed: " +
      "run supabase functions deploy match-schedule-sync",
    ],
    [
      "10 loss: a call that is answered with 503 names the log of the function",
      { status_code: 503 },
      "the call of 2026-06-10T12:00:00Z started no run: match-schedule-sync answered 503: read its log, which names the environment " +
      "variable, the schema version or the error",
    ],
    [
      "11 loss: a call that is accepted and starts no run is named",
      { status_code: 202 },
      "match-schedule-sync accepted the call of 2026-06-10T12:00:00Z (202), but no run started: look for sync_not_recorded in its log",
    ],
    [
      "a call that fails before it reaches the project names the URL in Vault",
      { error_msg: "Could not resolve host" },
      "the call of 2026-06-10T12:00:00Z failed (Could not resolve host): check project_url in Vault",
    ],
    [
      "a call that is sent and never answered is named",
      null,
      "the call of 2026-06-10T12:00:00Z has no answer: read the log of match-schedule-sync and of pg_net",
    ],
  ] as const
) {
  Deno.test(title, async () => {
    await setUp();
    await dispatch("12:00:00");
    await answer(row);
    assertEquals(await verdict("12:00:16"), ["FAILED", `${NO_RUN}; ${words}`]);
    assertEquals((await systemStatus("12:00:16")).status, "FAILED");
  });
}

Deno.test("12 loss: a killed run is DEGRADED from the second missed heartbeat, FAILED at the end of its lease, and FAILED when closed", async () => {
  await startNoon();
  const silent = "the run of 2026-06-10T12:00:01Z has sent no heartbeat since 2026-06-10T12:00:01Z";
  const read = "read the log of match-schedule-sync at that time";
  assertEquals((await verdict("12:00:11"))[0], "OK");
  assertEquals(await verdict("12:00:12"), ["DEGRADED", `${silent}; its lease ends at 2026-06-10T12:01:01Z: ${read}`]);
  assertEquals(await verdict("12:01:01"), ["FAILED", `${silent}, so it was killed; the cron job reap-dead-runs closes it: ${read}`]);
  await db.query("select private.reap_dead_runs($1)", [at("12:01:02")]);
  const [status, message] = await verdict("12:01:05");
  assertEquals(status, "FAILED");
  assertEquals(
    message?.replace(/\(.*\)/, "()"),
    `the last run, of 2026-06-10T12:00:01Z, timed out (); the next run is due at 2026-06-10T12:15:00Z: ${read}`,
  );
});

Deno.test("each cron job that is missing, inactive or changed is named, and every one of them is checked", async () => {
  await setUp();
  const names = (await db.query<{ name: string }>("select name from private.cron_jobs() order by name")).map(({ name }) => name);
  assertEquals(names.length, 9);
  for (const name of names) {
    await setUp();
    await db.query("select cron.unschedule($1)", [name]);
    const [status, message] = await verdict("12:00:05", "scheduler");
    assertEquals([status, message?.split(";")[0]], ["FAILED", `the cron job ${name} is missing`]);
  }
  await setUp();
  await db.query("select cron.unschedule(jobname) from cron.job where jobname <> 'dispatch-due-syncs'");
  const [, message] = await verdict("12:00:05", "scheduler");
  assertEquals(message?.match(/is missing/g)?.length, 8);
});

Deno.test("a cron job that stopped or whose last run failed is named while the others run", async () => {
  await setUp();
  await tick("12:05:00");
  await db.query("delete from cron.job_run_details where start_time = $1 and command like 'select private.reap_dead_runs()%'", [
    at("12:05:00"),
  ]);
  assertEquals(await verdict("12:05:30", "scheduler"), [
    "FAILED",
    "the cron job reap-dead-runs has not run since 2026-06-10T12:00:00Z: read cron.job_run_details and the log of the database",
  ]);
  await tick("12:06:00", "failed", "ERROR:  out of memory");
  assertEquals(await verdict("12:06:30"), [
    "FAILED",
    "the cron job dispatch-due-syncs failed at 2026-06-10T12:06:00Z (out of memory): run its command by hand and remove the cause",
  ]);
});

Deno.test("a due time for which no call is sent is named, and a good run by hand settles a lost one", async () => {
  await setUp();
  await tick("12:02:00");
  assertEquals((await verdict("12:02:00"))[0], "OK");
  assertEquals(await verdict("12:02:01"), [
    "FAILED",
    "a call is due since 2026-06-10T12:00:00Z, but dispatch-due-syncs has sent none: run select private.dispatch_due_syncs();",
  ]);
  await dispatch("12:02:02");
  await answer({ status_code: 503 });
  assertEquals((await verdict("12:02:10"))[0], "FAILED");
  await finish(await start("12:02:20", { trigger: "MANUAL" }), "12:02:40");
  assertEquals(await verdict("12:02:41"), ["OK", "the last run, of 2026-06-10T12:02:20Z, succeeded"]);
});

Deno.test("a lost call stays named until a later call is answered, also in the next due time", async () => {
  await setUp();
  await dispatch("12:00:00");
  await answer({ status_code: 503 });
  const lost = await verdict("12:00:05");
  await tick("12:01:00");
  await dispatch("12:01:00");
  assertEquals(await verdict("12:01:05"), lost);
  await answer({ status_code: 503 });
  await tick("12:15:00");
  const words = lost[1]?.replace("the call of 2026-06-10T12:00:00Z", "the call of 2026-06-10T12:01:00Z");
  assertEquals(await verdict("12:15:01"), ["FAILED", words]);
  await dispatch("12:15:01");
  assertEquals(await verdict("12:15:02"), ["FAILED", words]);
});

Deno.test("a retry of a failed run that is lost is named instead of the failure", async () => {
  await setUp();
  await db.query("delete from sync_execution_history where entity_type = 'tournaments'");
  await tick("00:00:00");
  await dispatch("00:00:00");
  const first = await start("00:00:01", { entity_type: "tournaments", trigger: "CRON", due_at: at("00:00:00"), attempt: 1 });
  await answer({ status_code: 202 });
  await finish(first, "00:00:05", "FAILED");
  await tick("00:11:00");
  await dispatch("00:11:00");
  await answer({ status_code: 404 });
  assertEquals(await verdict("00:11:05", "tournaments"), [
    "FAILED",
    "no run has settled the due time 2026-06-10T00:00:00Z; the call of 2026-06-10T00:11:00Z started no run: tournament-master-sync " +
    "answered 404, because it is not deployed: run supabase functions deploy tournament-master-sync",
  ]);
});

Deno.test("a manual run of one tournament, answered, hides no lost call", async () => {
  await setUp();
  await dispatch("12:00:00");
  await answer(null);
  await db.query(
    "insert into private.call_log (path, body, outcome, net_request_id, called_at) values ('match-schedule-sync', $1, 'SENT', 99, $2)",
    [
      { trigger: "MANUAL", tournament_no: "1" },
      at("12:00:10"),
    ],
  );
  await db.query("insert into net._http_response (id, status_code, timed_out) values (99, 202, false)");
  await aRun(db, { trigger: "MANUAL", tournament_no: "1", execution_start: at("12:00:11"), execution_end: at("12:00:12") });
  assertEquals((await verdict("12:00:20"))[0], "FAILED");
});

Deno.test("a run of one tournament that failed or is silent is not judged as a run of the schedule", async () => {
  await finish(await startNoon(), "12:00:05");
  const single = { trigger: "MANUAL", tournament_no: "1" };
  await aRun(db, { ...single, status: "FAILED", execution_start: at("12:00:10"), execution_end: at("12:00:11") });
  const silent = { heartbeat_at: at("12:00:12"), lease_expires_at: at("12:01:12"), deadline: at("12:10:00") };
  await aRun(db, { ...single, ...silent, status: "RUNNING", execution_start: at("12:00:12") });
  assertEquals(await verdict("12:00:50"), ["OK", "the last run, of 2026-06-10T12:00:01Z, succeeded"]);
});

Deno.test("a due time that is settled is OK when pg_net has deleted the answer", async () => {
  await finish(await startNoon(), "12:00:05");
  await db.query("truncate net._http_response");
  assertEquals(await verdict("12:03:00"), ["OK", "the last run, of 2026-06-10T12:00:01Z, succeeded"]);
});

Deno.test("while every run fails neither the schedule nor the system is OK, also during the next run", async () => {
  await finish(await startNoon(), "12:00:05", "FAILED", "VIS_UNAVAILABLE");
  const { components } = await systemStatus("12:00:06");
  const { finished } = components.find(({ name }) => name === "matches_schedule")?.evidence as { finished: { id: string } };
  const words = (id: string) => `: read GET sync-monitoring/executions/${id}`;
  assertEquals(await verdict("12:00:06"), [
    "FAILED",
    "the last run, of 2026-06-10T12:00:01Z, failed (VIS_UNAVAILABLE); the next run is due at 2026-06-10T12:15:00Z" + words(finished.id),
  ]);
  await tick("12:15:00");
  await dispatch("12:15:00");
  const second = await start("12:15:01", { trigger: "CRON", due_at: at("12:15:00"), attempt: 1 });
  await answer({ status_code: 202 });
  assertEquals((await verdict("12:15:05"))[0], "FAILED");
  await finish(second, "12:15:06", "FAILED", "VIS_UNAVAILABLE");
  assertEquals(await verdict("12:15:07"), [
    "FAILED",
    "the last run, of 2026-06-10T12:15:01Z, failed (VIS_UNAVAILABLE); every run since 2026-06-10T12:00:01Z has failed; " +
    "the next run is due at 2026-06-10T12:30:00Z" + words(second),
  ]);
  assertEquals((await systemStatus("12:15:07")).status, "FAILED");
});

Deno.test("a pause and an upstream backoff are named as the reason why nothing runs", async () => {
  await setUp();
  await db.query("update upstream_state set backoff_until = $1, backoff_reason = 'VIS answered HTTP 503'", [at("12:25:00")]);
  const ends = "the upstream backoff at 2026-06-10T12:25:00Z (VIS answered HTTP 503): an operator can end it with POST " +
    "sync-admin/upstream/end-backoff";
  await tick("12:10:00");
  assertEquals(await verdict("12:10:00"), ["DEGRADED", `the due time 2026-06-10T12:00:00Z waits for the end of ${ends}`]);
  assertEquals(await verdict("12:10:00", "tournaments"), [
    "OK",
    "the last run, of 2026-06-10T00:00:01Z, succeeded; upstream backoff until 2026-06-10T12:25:00Z",
  ]);
  await tick("12:26:00");
  assertEquals((await verdict("12:26:00"))[0], "OK");
  await db.query(
    "update sync_status set paused_at = $1, paused_by = 'admin@example.com', updated_at = $1 where entity_type = 'matches_schedule'",
    [
      at("12:26:30"),
    ],
  );
  assertEquals(await verdict("12:27:00"), ["OK", "paused by admin@example.com since 2026-06-10T12:26:30Z: it has no due times"]);
});

Deno.test.afterAll(() => db.close());
