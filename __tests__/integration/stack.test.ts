// Over 300 lines, because the tests share one running stack.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createClient } from "@supabase/supabase-js";
import { startStack } from "../../platform/stack.ts";
import { sql } from "../../scripts/sql.ts";
import { JobDetailResponse, ManualSyncResponse } from "../../types/jobs.ts";
import { SyncHealthResponse } from "../../types/monitoring.ts";
import { until } from "../../testing/wait.ts";

// On a real server only this suite uses pg_cron, which runs in a single database; on the embedded database it uses the stand-in.
const server = Deno.env.get("TEST_DATABASE_URL");
const folder = await Deno.makeTempDir({ prefix: "sync-stack-" });
// A run syncs one tournament after another, so that a test can act in the middle of a run.
Deno.env.set("SYNC_CONCURRENCY", "1");
/** The function of each living process. */
const processes = new Map<number, string>();
/** The function whose processes are killed before they execute code. */
let killedAtStart: string | undefined;
const killProcesses = (name: string) => processes.forEach((of, pid) => of === name && Deno.kill(pid, "SIGKILL"));
const onProcess = (name: string, pid: number, isAlive: boolean) => {
  if (!isAlive) processes.delete(pid);
  else if (name === killedAtStart) Deno.kill(pid, "SIGKILL");
  else processes.set(pid, name);
};
const stack = await startStack({ port: 0, folder, databaseUrl: server, onProcess, write: () => {} });
const { base, database, state } = stack;
const FN = `${base}/functions/v1`;
const secret = { apikey: state.keys.secret };
const finished = (entity: string, since: string) =>
  until(`a run of ${entity}`, async () => {
    const [run] = await database.query<{ id: string; status: string }>(
      "select id, status from sync_execution_history where entity_type = $1 and execution_start > $2 and status not in ('RUNNING', 'SKIPPED') order by execution_start limit 1",
      [entity, since],
    );
    return run;
  });

Deno.test("after set-up each entity is synced once, and its data can be read without signing in", async () => {
  assertEquals((await finished("tournaments", "2000-01-01")).status, "SUCCEEDED");
  assertEquals((await finished("matches_schedule", "2000-01-01")).status, "SUCCEEDED");
  const anon = createClient(base, state.keys.publishable, { auth: { persistSession: false } });
  const [tournaments, matches] = await Promise.all(
    ["tournaments", "matches"].map((table) => anon.from(table).select("no", { count: "exact", head: true })),
  );
  assert(Number(tournaments?.count) > 400 && Number(matches?.count) > 100);
  assert((await anon.from("sync_status").select("*")).error);
});

Deno.test("a user of each role reads health-overview; a user without a role is refused", async () => {
  for (const { email, password } of state.accounts) {
    const client = createClient(base, state.keys.publishable, { auth: { persistSession: false, autoRefreshToken: false } });
    const { data, error } = await client.auth.signInWithPassword({ email, password });
    assertEquals(error, null);
    const headers = { authorization: `Bearer ${data.session?.access_token}` };
    assertEquals((await fetch(`${FN}/sync-monitoring/health-overview`, { headers })).status, 200, email);
    assertEquals((await client.from("sync_status").select("entity_type")).data?.length, 3);
  }
  const userWithoutRole = createClient(base, state.keys.publishable, { auth: { persistSession: false, autoRefreshToken: false } });
  const email = `${crypto.randomUUID()}@example.com`;
  const { data } = await userWithoutRole.auth.signUp({ email, password: "correct horse battery" });
  const response = await fetch(`${FN}/sync-monitoring/health-overview`, {
    headers: { authorization: `Bearer ${data.session?.access_token}` },
  });
  assertEquals(response.status, 403);
  assertEquals((await userWithoutRole.from("sync_status").select("*")).data, []);
});

Deno.test("a schedule changed to each minute counts at once and starts runs, and health-overview equals SQL over the rows", async () => {
  const [{ since } = { since: "" }] = await database.query<{ since: string }>("select clock_timestamp()::text as since");
  await database.query("update sync_status set sync_frequency = '1 minute' where is_active");
  for (const entity of ["tournaments", "matches_schedule"]) assertEquals((await finished(entity, since)).status, "SUCCEEDED");
  await database.query(
    "update sync_status set sync_frequency = case entity_type when 'tournaments' then interval '1 day' else '15 minutes' end where is_active",
  );
  const response = await fetch(`${FN}/sync-monitoring/health-overview`, { headers: secret });
  const overview = SyncHealthResponse.parse(await response.json());
  const rows = await database.query<{ entity_type: string; runs: number; rate: number; records: number }>(`
    select entity_type, count(*)::int as runs, avg((status = 'SUCCEEDED')::int)::float8 as rate,
      coalesce(sum(records_inserted + records_updated + records_unchanged + records_removed)
        filter (where execution_start >= date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'), 0)::int as records
    from sync_execution_history where status <> 'SKIPPED' group by 1`);
  for (const { entity_type, runs, rate, records } of rows) {
    assertObjectMatch(overview.sync_entities[entity_type] as object, {
      status: "HEALTHY",
      runs_24h: runs,
      success_rate_24h: rate,
      records_processed_today: records,
    });
  }
  const ticks = await database.query(
    "select status from cron.job_run_details d join cron.job j using (jobid) where j.jobname = 'dispatch-due-syncs'",
  );
  assert(ticks.length > 0 && ticks.every((tick) => tick.status === "succeeded" || tick.status === "running"));
  await until(
    "pg_net's answers",
    async () => (await database.query("select 1 from net._http_response where status_code = 202")).length > 2,
  );
  const traced = await database.query(
    "select 1 from sync_execution_history h join private.call_log c on c.id::text = h.correlation_id where c.outcome = 'SENT'",
  );
  assert(traced.length >= 4, "one correlation id connects the cron job and the run");
});

Deno.test("a fault of the upstream changes the health and notifies at once; its end changes the health back and notifies too", async () => {
  const arrivals: { status: string; at: number }[] = [];
  const receiver = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    arrivals.push({ status: (await request.json()).status, at: Date.now() });
    return new Response();
  });
  await database.query(
    "insert into notification_channels (name, kind, config, secret, group_window) values ('hook', 'webhook', $1, $2, '0')",
    [
      { url: `http://127.0.0.1:${receiver.addr.port}/` },
      `whsec_${btoa("a secret of twenty-four by")}`,
    ],
  );
  await database.query(
    `update alert_rules set threshold = 1, notification_channels = '["hook"]' where name = 'Tournament Sync Consecutive Failures'`,
  );
  const control = (method: string, body?: object) =>
    fetch(`${base}/vis/control`, { method, headers: secret, body: body && JSON.stringify(body) }).then((response) => response.json());
  const start = async () => {
    const response = await fetch(`${FN}/tournament-master-sync`, { method: "POST", headers: secret });
    assertEquals(response.status, 202);
    const { execution_id } = await response.json();
    return await until("the run's end", async () => {
      const [run] = await database.query<{ status: string }>(
        "select status from sync_execution_history where id = $1 and status <> 'RUNNING'",
        [execution_id],
      );
      return run?.status;
    });
  };
  const health = async () =>
    SyncHealthResponse.parse(await (await fetch(`${FN}/sync-monitoring/health-overview`, { headers: secret })).json()).sync_entities
      .tournaments;
  assertObjectMatch(await control("POST", { kind: "nonsense" }), { code: "BAD_REQUEST" });
  await control("POST", { kind: "access_denied" });
  assertEquals(await start(), "FAILED");
  assertObjectMatch(await health() as object, { status: "WARNING", consecutive_failures: 1 });
  const fired = await until("the webhook", () => Promise.resolve(arrivals.find((arrival) => arrival.status === "firing")));
  const ended = await database.query<{ at: string }>(
    "select execution_end as at from sync_execution_history where status = 'FAILED' order by execution_end desc limit 1",
  );
  // deno-lint-ignore no-console -- information only: the time depends on the machine
  console.log(`from the failing run's end to the webhook: ${fired.at - Date.parse(String(ended[0]?.at))} ms`);
  await control("DELETE");
  assertEquals(await start(), "SUCCEEDED");
  assertObjectMatch(await health() as object, { consecutive_failures: 0 });
  await until("the webhook of the end", () => Promise.resolve(arrivals.find((arrival) => arrival.status === "resolved")));
  assertEquals(arrivals.map((arrival) => arrival.status), ["firing", "resolved"]);
  await receiver.shutdown();
});

Deno.test("a triggered sync is followed to its end, cancelled half way, and retried when its process is killed", async () => {
  const operator = createClient(base, state.keys.publishable, { auth: { persistSession: false, autoRefreshToken: false } });
  const account = state.accounts.find(({ role }) => role === "operator");
  const { data } = await operator.auth.signInWithPassword({ email: account?.email ?? "", password: account?.password ?? "" });
  const headers = { authorization: `Bearer ${data.session?.access_token}` };
  const admin = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${FN}/sync-admin${path}`, { method, headers, body: body && JSON.stringify(body) });
    return await response.json();
  };
  const job = (id: string) => admin("GET", `/jobs/${id}`).then((answer) => JobDetailResponse.parse(answer));
  const half = (id: string) =>
    until("half of it", async () => {
      const { progress } = await job(id);
      return progress && progress.tournaments_processed > 0 && progress.tournaments_processed < Number(progress.total_tournaments)
        ? progress
        : null;
    });
  const trigger = async () => {
    const answer = ManualSyncResponse.parse(
      await admin("POST", "/manual-trigger", { entity_type: "matches_schedule", reason: "shown in a test" }),
    );
    assertEquals(answer.status, "RUNNING");
    return answer.sync_job_id;
  };
  const ended = (id: string) =>
    until("its end", async () => ["COMPLETED", "FAILED", "CANCELLED"].includes((await job(id)).status) && await job(id));
  await fetch(`${base}/vis/control`, { method: "POST", headers: secret, body: JSON.stringify({ kind: "latency", ms: 2_500 }) });

  const watched = await trigger();
  await half(watched);
  assertObjectMatch(await ended(watched), { status: "COMPLETED", final_status: "SUCCEEDED", attempts: 1, triggered_by: account?.email });

  const stopped = await trigger();
  await half(stopped);
  await admin("POST", `/jobs/${stopped}/cancel`, { reason: "seen enough" });
  const cancelled = await ended(stopped);
  assertObjectMatch(cancelled, { status: "CANCELLED", cancelled_by: account?.email });
  assert(Number(cancelled.progress?.tournaments_processed) < Number(cancelled.progress?.total_tournaments));

  const killed = await trigger();
  await half(killed);
  killProcesses("match-schedule-sync");
  await fetch(`${base}/vis/control`, { method: "DELETE", headers: secret });
  // The test expires the lease and ends the delay of the retry, so that it waits for neither.
  await database.query("update sync_execution_history set lease_expires_at = now() where sync_job_id = $1 and status = 'RUNNING'", [
    killed,
  ]);
  await database.query("select reap_sync_executions()");
  assertObjectMatch(await job(killed), { status: "QUEUED", attempts: 1 });
  await database.query("update sync_jobs set not_before = now() where id = $1", [killed]);
  await database.query("select drain_sync_queue()");
  assertObjectMatch(await ended(killed), { status: "COMPLETED", attempts: 2 });

  const rows = await database.query<{ final_status: string }>(
    "select final_status from manual_sync_audit where sync_job_id = any ($1::uuid[]) order by trigger_timestamp",
    [`{${[watched, stopped, killed].join(",")}}`],
  );
  assertEquals(rows.map((row) => row.final_status), ["SUCCEEDED", "CANCELLED", "SUCCEEDED"]);
  const verified = await until("the seals", async () => {
    const answer = await admin("GET", "/audit/verify");
    return answer.unsealed === 0 && answer;
  });
  assertObjectMatch(verified, { status: "INTACT" });
  const connectivity = await admin("POST", "/test-connectivity");
  assertEquals(
    connectivity.checks.filter((check: { status: string; kind: string }) => check.status !== "OK" && check.kind !== "channel"),
    [],
  );
});

Deno.test("a function that is killed at its start is called again, and late and doubled calls start no second run of a due time", async () => {
  const NAME = "tournament-master-sync";
  const answered = async (callId: string | undefined) => {
    const query = "select 1 from private.call_log c join net._http_response n on n.id = c.net_request_id where c.id = $1";
    await until("the answer to the lost call", async () => (await database.query(query, [callId])).length > 0);
  };
  // The test makes the ticks at its own times.
  await database.query("select cron.unschedule(jobid) from cron.job where jobname = 'dispatch-due-syncs'");
  await database.query("update sync_status set is_active = false where entity_type = 'matches_schedule'");
  await database.query("update sync_status set sync_frequency = '5 minutes' where entity_type = 'tournaments'");
  const first = Math.ceil(Date.now() / 300_000) * 300_000;
  const dispatch = async (at: number) => {
    assertEquals(Object.values((await database.query("select private.dispatch_due_syncs($1)", [new Date(at).toISOString()]))[0] ?? {}), [
      1,
    ]);
    const [call] = await database.query<{ body: { attempt: number; correlation_id: string } }>(
      "select body from private.call_log where path = $1 order by called_at desc limit 1",
      [NAME],
    );
    return call?.body;
  };
  const post = async (body: unknown) => {
    const headers = { ...secret, "content-type": "application/json" };
    const response = await fetch(`${FN}/${NAME}`, { method: "POST", headers, body: JSON.stringify(body) });
    return [response.status, (await response.json()).code];
  };
  const runs = (due: number) =>
    database.query<{ status: string; attempt: number }>(
      "select status, attempt from sync_execution_history where entity_type = 'tournaments' and due_at = $1",
      [new Date(due).toISOString()],
    );
  for (let tick = 0; tick < 10; tick++) {
    const due = first + tick * 300_000;
    killProcesses(NAME);
    killedAtStart = NAME;
    const lost = await dispatch(due);
    await answered(lost?.correlation_id);
    killedAtStart = undefined;
    assertEquals([lost?.attempt, await runs(due)], [1, []]);
    const repeated = await dispatch(due + 60_000);
    await until("the run", async () => (await runs(due)).some(({ status }) => status === "SUCCEEDED"));
    // pg_net delivers the second call again, and then the lost first call.
    assertEquals(await Promise.all([repeated, lost].map(post)), [[409, "ALREADY_RUN"], [409, "ALREADY_RUN"]]);
    assertEquals(await runs(due), [{ status: "SUCCEEDED", attempt: 2 }]);
  }
  const doubled = await dispatch(first + 3_000_000);
  const statuses = await Promise.all([doubled, doubled, doubled].map(post));
  assert(statuses.filter(([status]) => status === 202).length <= 1);
  await until("the run", async () => (await runs(first + 3_000_000)).some(({ status }) => status === "SUCCEEDED"));
  assertEquals((await runs(first + 3_000_000)).length, 1);
  await database.query("update sync_status set sync_frequency = '1 day' where entity_type = 'tournaments'");
  await database.query("update sync_status set is_active = true where entity_type = 'matches_schedule'");
  await database.query("select private.apply_schedules()");
});

Deno.test("deno task sql reads the database of the running stack", async () => {
  const lines: string[] = [];
  const options = { readInput: () => Promise.resolve(""), write: (line: string) => lines.push(line) };
  await sql(["--data", folder, "--json", "select entity_type from sync_status order by 1"], options);
  assertEquals(lines, ['[{"entity_type":"matches_live"},{"entity_type":"matches_schedule"},{"entity_type":"tournaments"}]']);
});

Deno.test("the example client reads the health and follows a triggered sync to its end", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "docs/client/example.ts"],
    env: { SUPABASE_URL: base, SECRET_KEY: state.keys.secret, NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assert(success, text.decode(stderr));
  assertMatch(text.decode(stdout), /^matches_schedule is [A-Z]+: [^]+COMPLETED: \d+ of \d+/);
});

Deno.test("unknown functions, paths, methods and keys are answered with their status and code", async () => {
  const answer = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${base}${path}`, init);
    return [response.status, (await response.json()).code];
  };
  assertEquals(await answer("/functions/v1/nobody"), [404, "NOT_FOUND"]);
  assertEquals(await answer("/nowhere"), [404, "NOT_FOUND"]);
  assertEquals(await answer("/functions/v1/sync-monitoring/nowhere", { headers: secret }), [404, "NOT_FOUND"]);
  assertEquals(await answer("/functions/v1/tournament-master-sync", { headers: secret }), [405, "METHOD_NOT_ALLOWED"]);
  assertEquals(await answer("/functions/v1/tournament-master-sync", { method: "POST" }), [401, "UNAUTHORIZED"]);
  assertEquals(
    await answer("/rest/v1/sync_status", {
      headers: { apikey: state.keys.publishable, authorization: "Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln" },
    }),
    [401, "PGRST301"],
  );
});

Deno.test("the secret key is rotated while syncs go on: no call, run, job or notification is lost, and the old key then gets 401", async () => {
  const since = (await database.query<{ at: string }>("select clock_timestamp()::text as at"))[0]?.at ?? "";
  const arrivals: { status: string }[] = [];
  const receiver = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    arrivals.push(await request.json());
    return new Response();
  });
  await database.query(
    "insert into notification_channels (name, kind, config, secret, group_window) values ('rotation', 'webhook', $1, $2, '0')",
    [{ url: `http://127.0.0.1:${receiver.addr.port}/` }, `whsec_${btoa("a secret of twenty-four by")}`],
  );
  await database.query(
    `update alert_rules set threshold = 1, notification_channels = '["rotation"]' where name = 'Tournament Sync Consecutive Failures'`,
  );
  const call = (key: string, path: string, method = "GET", body?: object) =>
    fetch(`${FN}/${path}`, { method, headers: { apikey: key, "content-type": "application/json" }, body: body && JSON.stringify(body) });
  /** The status of each function for a key; 400 refuses the body of an accepted caller. */
  const statuses = async (key: string) => {
    const found: number[] = [];
    for (const path of ["sync-monitoring/health-overview", "sync-admin/jobs"]) found.push((await call(key, path)).status);
    for (const name of ["sync-alert-processor", "tournament-master-sync", "match-schedule-sync"]) {
      found.push((await call(key, name, "POST", { cause: 1, trigger: 1 })).status);
    }
    return found;
  };
  const ACCEPTED = [200, 200, 400, 400, 400];
  const unanswered = () =>
    database.query(
      `select c.path from private.call_log c left join net._http_response r on r.id = c.net_request_id
      where c.called_at > $1 and c.outcome = 'SENT' and r.id is null
      union all select r.command from cron.job_run_details r where r.status not in ('succeeded', 'failed')`,
      [since],
    );
  const replace = async (name: string) => {
    const old = [...processes].filter(([, of]) => of === name).map(([pid]) => pid);
    // A killed worker loses the calls that it has not answered, so no cron job may call it now.
    await database.query("select cron.unschedule(jobid) from cron.job");
    await until("the answer to each call", async () => (await unanswered()).length === 0);
    killProcesses(name);
    await until("the exit", () => Promise.resolve(old.every((pid) => !processes.has(pid))));
    await database.query("select private.apply_schedules()");
  };
  const trigger = async (key: string) => {
    const request = { entity_type: "matches_schedule", reason: "during a rotation", priority: "EMERGENCY" };
    return ManualSyncResponse.parse(await (await call(key, "sync-admin/manual-trigger", "POST", request)).json()).sync_job_id;
  };
  const ended = (id: string) =>
    until("the end of the job", async () => {
      const [job] = await database.query("select status, attempts from sync_jobs where id = $1 and finished_at is not null", [id]);
      return job;
    });
  const syncTournaments = async () => {
    const [next] = await database.query<{ id: string }>("select private.call_function('tournament-master-sync') as id");
    return await until("the run of the tournaments", async () => {
      const [run] = await database.query<{ status: string }>(
        "select status from sync_execution_history where correlation_id = $1 and status <> 'RUNNING'",
        [next?.id],
      );
      return run?.status;
    });
  };

  const first = Object.values(stack.secretKeys.all())[0] ?? "";
  assertEquals(await statuses(first), ACCEPTED);
  await finished("matches_schedule", "2000-01-01");
  // The sync of tournaments fails, and the sync of matches is slow.
  const year = new Date().getUTCFullYear();
  for (const season of [year, year + 1]) stack.vis.faults.add({ kind: "access_denied", season: String(season) });
  stack.vis.faults.add({ kind: "latency", ms: 2_500 });
  const running = await trigger(first);
  await until(
    "the run of the job",
    async () => (await database.query("select 1 from sync_jobs where id = $1 and execution_id is not null", [running])).length,
  );

  // The second key is created while the workers have the old environment.
  const second = await stack.secretKeys.create("second");
  assertEquals([await statuses(first), await statuses(second)], [ACCEPTED, ACCEPTED]);

  // The calls switch to the second key. The new worker of sync-admin knows both keys; the others know the second key only from callers.
  await database.query("select vault.update_secret(id, $1) from vault.secrets where name = 'secret_key'", [second]);
  await replace("sync-admin");
  assertEquals(await syncTournaments(), "FAILED");
  await until("the webhook", () => Promise.resolve(arrivals.some(({ status }) => status === "firing")));
  assertEquals(await statuses(second), ACCEPTED);

  // The old key is deleted while a run works.
  assertEquals(await database.query("select status from sync_jobs where id = $1", [running]), [{ status: "RUNNING" }]);
  await stack.secretKeys.delete("default");
  assertEquals(await statuses(second), ACCEPTED);
  assertEquals(await statuses(first), [401, 401, 401, 401, 401]);
  const headers = { apikey: first, authorization: `Bearer ${first}` };
  assertEquals((await fetch(`${base}/rest/v1/matches?limit=1`, { headers })).status, 401);
  stack.vis.faults.clear();
  assertEquals(await syncTournaments(), "SUCCEEDED");
  await until("the webhook of the end", () => Promise.resolve(arrivals.some(({ status }) => status === "resolved")));
  const later = await trigger(second);
  for (const id of [running, later]) assertEquals(await ended(id), { status: "COMPLETED", attempts: 1 });

  // The environment of new workers does not have the old key. Before each replacement a call is on its way, as from a cron job.
  for (const name of new Set(processes.values())) {
    await database.query(`select private.call_function('sync-alert-processor', '{"cause": "cron"}')`);
    await replace(name);
  }
  assertEquals([await statuses(second), await statuses(first)], [ACCEPTED, [401, 401, 401, 401, 401]]);
  assertEquals(
    await database.query(
      `select c.path, r.status_code, r.error_msg from private.call_log c left join net._http_response r on r.id = c.net_request_id
      where c.called_at > $1 and coalesce(r.status_code, 202) in (401, 403, 500, 502, 503)`,
      [since],
    ),
    [],
  );
  assertEquals(
    await database.query("select distinct actor from audit_log where at > $1 and actor_role = 'service' order by 1", [since]),
    [{ actor: "secret key default" }, { actor: "secret key second" }],
  );
  assertEquals(
    await database.query("select 1 from alert_notifications where channel = 'rotation' and status not in ('SENT', 'SUPERSEDED')"),
    [],
  );
  await receiver.shutdown();
});

Deno.test.afterAll(async () => {
  await stack.stop();
  await Deno.remove(folder, { recursive: true });
});
