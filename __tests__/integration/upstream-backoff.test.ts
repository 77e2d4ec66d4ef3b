import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import { SyncHealthResponse } from "../../types/monitoring.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { documented } from "../../testing/openapi.ts";

const db = await openTestDatabase();
const AUDIT_KEY = "a key of thirty-two bytes or more";
const NOON = "2026-06-10T12:00:00.000Z", END = "2026-06-10T12:25:00.000Z";

/** Syncs both entities; VIS then refuses a request at noon, when the matches are due again. */
async function setUp() {
  await db.reset();
  await db.query("truncate sync_jobs, manual_sync_audit cascade");
  await db.query("update sync_status set last_attempt = '2026-06-10T11:45:00Z', last_sync = '2026-06-10T11:45:00Z'");
  await db.query(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end)
    select entity_type, 'SUCCEEDED', 'MANUAL', '2026-06-10T11:45:00Z', '2026-06-10T11:46:00Z' from sync_status`,
  );
  const clock = new TestClock(NOON);
  const { token } = await db.value<{ token: string }>("select claim_upstream_slot('vis', $1)", [clock.asOf()]);
  const refusal = { backoff_reason: "VIS answered HTTP 503", backoff_fingerprint: "VIS_UNAVAILABLE:vis answered http #" };
  await db.query("select release_upstream_slot($1, $2)", [{ upstream: "vis", token, response_ms: 40, ...refusal }, clock.asOf()]);
  const background: Promise<unknown>[] = [];
  const deps = {
    rpc: db.rpc,
    clock,
    log: () => {},
    env: testEnv({ AUDIT_KEY }),
    waitUntil: (work: Promise<unknown>) => background.push(work),
  };
  const [admin, monitoring] = [documented(createAdmin(deps)), documented(createMonitoring(deps))];
  const call = async (app: typeof admin, method: string, path: string, body?: object, role = "operator") => {
    const headers = { authorization: `Bearer ${await db.token(role)}` };
    const response = await app.fetch(
      new Request(`http://functions.test${path}`, { method, headers, body: body && JSON.stringify(body) }),
    );
    await Promise.all(background.splice(0));
    return { status: response.status, body: await response.json() };
  };
  /** The sync functions that the scheduler and the queue call at this time. */
  const called = async () => {
    await db.query("select private.dispatch_due_syncs($1)", [clock.asOf()]);
    await db.query("select drain_sync_queue($1)", [clock.asOf()]);
    return (await db.query<{ path: string; kind: string }>(
      "delete from private.call_log where path like '%-sync' returning path, body ->> 'trigger' as kind",
    )).map(({ path, kind }) => `${path} ${kind}`);
  };
  const end = (role = "operator", body: object = {}) => call(admin, "POST", "/sync-admin/upstream/end-backoff", body, role);
  const trigger = () => call(admin, "POST", "/sync-admin/manual-trigger", { entity_type: "tournaments", reason: "the draw has changed" });
  return { clock, call, admin, monitoring, called, end, trigger };
}

Deno.test("a due time stays open during a backoff and is dispatched at its end; the forecast says so", async () => {
  const { clock, called, call, monitoring } = await setUp();
  assertEquals(await called(), []);
  const { body } = await call(monitoring, "GET", "/sync-monitoring/health-overview");
  const next = Object.values(SyncHealthResponse.parse(body).sync_entities).map(({ next_sync }) => next_sync);
  assertEquals(next.map((at) => Date.parse(String(at))), [Date.parse(END), Date.parse("2026-06-11T00:00:00Z")]);
  clock.moveTo("2026-06-10T12:24:00Z");
  assertEquals(await called(), []);
  clock.moveTo(END);
  assertEquals(await called(), ["match-schedule-sync CRON"]);
  assertEquals(
    Date.parse(await db.value("select dispatched_due_at from sync_status where entity_type = 'matches_schedule'")),
    Date.parse("2026-06-10T12:15:00Z"),
  );
});

Deno.test("a job waits for the end of the backoff without an attempt, and its estimate and the queue know the end", async () => {
  const { clock, called, call, admin, trigger } = await setUp();
  const { body: { sync_job_id, estimated_completion } } = await trigger();
  assertEquals(await called(), []);
  assertEquals(Date.parse(estimated_completion), Date.parse(END) + 60_000);
  const { body: job } = await call(admin, "GET", `/sync-admin/jobs/${sync_job_id}`);
  assertObjectMatch(job, { status: "QUEUED", attempts: 0 });
  assertMatch(job.waits_because, /^the upstream backoff lasts until 2026-06-10 12:25:00.*: VIS answered HTTP 503$/);
  const { body: queue } = await call(admin, "GET", "/sync-admin/queue-status");
  assertEquals([Date.parse(queue.backoff_until), queue.backoff_reason], [Date.parse(END), "VIS answered HTTP 503"]);
  clock.moveTo(END);
  assertEquals((await called()).toSorted(), ["match-schedule-sync CRON", "tournament-master-sync MANUAL"]);
});

Deno.test("an operator ends the backoff: what waited starts at once, and the act is audited; without a backoff it is refused", async () => {
  const { end, trigger } = await setUp();
  await trigger();
  assertEquals((await end("viewer")).status, 403);
  assertEquals((await end("operator", { reasons: "x" })).status, 400);
  const { status, body } = await end("operator", { reason: "the FIVB has lifted the block" });
  assertEquals(status, 200);
  assertObjectMatch(body, { upstream: "vis", backoff_reason: "VIS answered HTTP 503", dispatched: 2 });
  const [row] = await db.query("select action, object_id, actor, reason from audit_log order by id desc limit 1");
  assertEquals(row, { action: "end-backoff", object_id: "vis", actor: "user@example.com", reason: "the FIVB has lifted the block" });
  assertEquals(await db.value("select num_nulls(backoff_until, backoff_reason, backoff_fingerprint) from upstream_state"), 3);
  assertObjectMatch(await end(), {
    status: 409,
    body: { code: "NO_BACKOFF", message: "no upstream backoff is running: the syncs send requests" },
  });
});

Deno.test("an error in the backoff has the fingerprint of the refusal, until the backoff ends", async () => {
  const { clock } = await setUp();
  const claim = () => db.value<Record<string, unknown>>("select claim_upstream_slot('vis', $1)", [clock.asOf()]);
  assertObjectMatch(await claim(), { token: null, backoff_fingerprint: "VIS_UNAVAILABLE:vis answered http #" });
  clock.moveTo(END);
  const { token, backoff_fingerprint } = await claim();
  assertEquals(backoff_fingerprint, null);
  await db.query("select release_upstream_slot($1, $2)", [{ upstream: "vis", token, response_ms: 40 }, clock.asOf()]);
  assertEquals(await db.value("select num_nulls(backoff_until, backoff_reason, backoff_fingerprint) from upstream_state"), 3);
});

Deno.test("the usual response time keeps its length after a thousand replies", async () => {
  await db.reset();
  await db.query(
    "select release_upstream_slot(jsonb_build_object('upstream', 'vis', 'response_ms', 100 + n * 1.1), '2026-06-10T12:00:00Z') from generate_series(1, 1000) n",
  );
  const usual = await db.value<string>("select baseline_response_ms::text from upstream_state");
  assert(/^\d+\.\d{3}$/.test(usual), usual);
});

Deno.test.afterAll(() => db.close());
