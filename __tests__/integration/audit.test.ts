// Over 300 lines: a case for each way in which the audit log can be changed.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { sealAudit } from "../../supabase/functions/sync-admin/audit-logger.ts";
import { AuditVerifyResponse, ConnectivityResponse } from "../../types/admin.ts";
import { anAuditLog, AUDIT_KEY, tamper } from "../../testing/audit.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { aNotification } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { testEnv } from "../../testing/env.ts";

const db = await openTestDatabase();
const audit = anAuditLog(db);
const { clock, lines, log } = audit;
const app = (env: Record<string, string> = { AUDIT_KEY }, fetch?: typeof globalThis.fetch) =>
  documented(createApp({ rpc: db.rpc, clock, log, env: testEnv(env), waitUntil: () => {}, fetch }));
async function get(path: string, on = app()): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { authorization: `Bearer ${await db.token("viewer")}` };
  const response = await on.fetch(new Request(`http://functions.test/sync-admin${path}`, { headers }));
  return { status: response.status, body: await response.json() };
}
const verify = async (head?: string) => AuditVerifyResponse.parse((await get(`/audit/verify${head ? `?head=${head}` : ""}`)).body);

Deno.test("an unchanged audit log is intact; its head is in the log and in the response", async () => {
  await audit.fill(1_203);
  const { status, rows, unsealed, head, first_bad } = await verify();
  assertEquals([status, rows, unsealed, first_bad], ["INTACT", 1_203, 0, null]);
  const exported = lines.findLast((line) => line.event === "audit_head");
  assertEquals(head, `${exported?.id}:${exported?.mac}`);
  assertEquals((await verify(String(head))).status, "INTACT");
});

Deno.test("rows without a seal are counted, and the next sealing seals them", async () => {
  await audit.fill(3);
  await audit.add([4]);
  assertEquals((await verify()).unsealed, 1);
  assertEquals(await sealAudit(db.rpc, undefined, log, clock), 0, "without a key no row is sealed");
  assertEquals(await audit.seal(), 1);
  assertEquals(await audit.seal(), 0);
});

Deno.test("each minute the database calls the sealer while a row has no seal", async () => {
  await audit.fill(2);
  await db.query("truncate private.call_log");
  const calls = async () => {
    await db.query("select private.process_queue()");
    return await db.query("select path from private.call_log where path = 'sync-admin/process-queue'");
  };
  assertEquals(await calls(), []);
  await db.query("select private.audit('{\"name\": \"a\", \"role\": \"b\"}', 'test-act', 'thing', '3', null, '{}', null, now())");
  assertEquals((await calls()).length, 1);
  await audit.seal();
  assertEquals((await calls()).length, 1);
});

for (
  const [change, statements, first_bad] of [
    ["a changed row", ["update audit_log set reason = 'another' where id = 5"], { id: 5, what: "CHANGED" }],
    ["a changed actor with the seal of another row", [
      "update audit_log set actor = 'x' where id = 5",
      "update audit_seals s set (digest, mac) = (select o.digest, o.mac from audit_seals o where o.audit_id = 6) where s.audit_id = 5",
    ], { id: 5, what: "CHANGED" }],
    ["a deleted row", ["delete from audit_log where id = 4"], { id: 4, what: "MISSING" }],
    ["a deleted row and seal", ["delete from audit_log where id = 4", "delete from audit_seals where audit_id = 4"], {
      id: 4,
      what: "MISSING",
    }],
    ["the deleted first row and seal", ["delete from audit_log where id = 1", "delete from audit_seals where audit_id = 1"], {
      id: 1,
      what: "MISSING",
    }],
    ["a deleted first row that looks pruned", ["delete from audit_log where id = 1"], { id: 1, what: "MISSING" }],
    ["a changed time of a seal", ["update audit_seals set sealed_at = '2020-01-01' where audit_id = 5"], { id: 5, what: "CHANGED" }],
    ["a changed verdict", ["update audit_seals set verdict = 'VOUCHED' where audit_id = 5"], { id: 5, what: "CHANGED" }],
    ["an inserted row", [
      "delete from audit_log where id = 4; delete from audit_seals where audit_id = 4",
      "insert into audit_log (id, at, actor, actor_role, action, object_type, object_id, after) overriding system value values (4, now(), 'x', 'admin', 'test-act', 'thing', '4', '{}')",
    ], { id: 4, what: "INSERTED" }],
    ["rows cut off the end", ["delete from audit_log where id > 8", "delete from audit_seals where audit_id > 8"], { id: 10, what: "CUT" }],
  ] as const
) {
  Deno.test(`verification finds ${change} and names it`, async () => {
    await audit.fill(10);
    const { head } = await verify();
    await tamper(db, ...statements);
    const result = await verify(String(head));
    assertEquals(result.status, "BROKEN");
    assertObjectMatch(result.first_bad as object, first_bad);
  });
}

Deno.test("another key breaks the first row, a missing key gets 503, and a malformed head gets 400", async () => {
  await audit.fill(2);
  const otherKey = await get("/audit/verify", app({ AUDIT_KEY: "another key of thirty-two bytes!!" }));
  assertObjectMatch(otherKey.body, { status: "BROKEN", first_bad: { id: 1, what: "CHANGED" } });
  const noKey = await get("/audit/verify", app({}));
  assertEquals([noKey.status, noKey.body.code], [503, "AUDIT_KEY_MISSING"]);
  assertEquals((await get("/audit/verify?head=x")).status, 400);
});

Deno.test("retention deletes the oldest sealed rows and records it in the chain, and the remaining rows verify as PRUNED", async () => {
  await audit.fill(5, "2020-01-01T00:00:00Z");
  const { head: prunedHead } = await verify();
  await audit.add([6, 7]);
  await audit.seal();
  const { head: keptHead } = await verify();
  assertEquals(await db.value("select private.prune_audit_log()"), 5);
  assertEquals(await db.value("select private.prune_batch('audit_log', now(), 5000)"), 0);
  const pruned = { status: "PRUNED", pruned_to: 5, first_bad: null };
  assertObjectMatch(await verify(), { ...pruned, rows: 2, unsealed: 1 });
  await audit.seal();
  for (const head of [prunedHead, keptHead, `3:${"0".repeat(64)}`]) {
    assertObjectMatch(await verify(String(head)), { ...pruned, rows: 3, unvouched: 2 }, `the anchor or the chain covers ${head}`);
  }
  assertObjectMatch((await db.query("select action, object_id, after from audit_log order by id desc limit 1"))[0] as object, {
    action: "prune-audit",
    object_id: "5",
    after: { rows: 5, anchor_id: 5 },
  });
});

Deno.test("no role changes or deletes a row, the service included, even with the setting that retention uses", async () => {
  await audit.fill(1);
  const service = await db.client("service");
  for (const table of ["audit_log", "audit_seals"]) {
    const key = table === "audit_log" ? "id" : "audit_id";
    assertEquals((await service.from(table).delete().eq(key, 1)).error?.code, "42501");
    assertEquals(
      (await service.from(table).update(table === "audit_log" ? { reason: "x" } : { mac: "x" }).eq(key, 1)).error?.code,
      "42501",
    );
    const asOwner = (sql: string) => db.database.exec(sql).then(() => "done", (error: Error) => error.message);
    assertMatch(await asOwner(`delete from ${table}`), /append-only: DELETE is refused/);
    assertMatch(await asOwner(`update ${table} set ${key} = ${key} + 100`), /append-only|can only be updated/);
    assertMatch(await asOwner(`truncate ${table}`), /append-only: TRUNCATE is refused/);
    const asService = db.database.transaction(`set local sync.prunes_audit = 'on'; set local role service_role; delete from ${table}`);
    assertMatch(await asService.then(() => "done", (error: Error) => error.message), /permission denied/);
  }
});

Deno.test("the audit log is filtered by actor, action, object and time", async () => {
  await audit.fill(3);
  const entriesOf = async (query: string) => (await get(`/audit?${query}`)).body.entries as unknown[];
  assertEquals((await entriesOf("object_type=thing&object_id=2")).length, 1);
  assertEquals((await entriesOf("actor=nobody")).length, 0);
  assertEquals((await entriesOf("from=2026-06-10T11:00:00Z&to=2026-06-10T12:00:00Z")).length, 0);
  assertEquals((await entriesOf("from=2026-06-10T12:00:00Z&action=test-act")).length, 3);
  assertEquals((await get("/audit?from=yesterday")).status, 400);
});

Deno.test("the connectivity test calls each component once, names each that fails, and starts no run", async () => {
  await db.reset();
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query(
    "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://93.184.216.34/x\"}', 'whsec_x'), ('inside', 'webhook', '{\"url\": \"https://10.0.0.1/x\"}', 'whsec_x')",
  );
  await db.query("insert into notification_channels (name, kind, config) values ('mail', 'email', '{\"to\": [\"ops@example.com\"]}')");
  await db.query("insert into cron.job_run_details (jobid, command, status, start_time) select 1, 'x', 'succeeded', $1::timestamptz", [
    clock.asOf(),
  ]);
  const requests: string[] = [];
  const fakeFetch = ((input: string, init?: RequestInit) => {
    requests.push(`${init?.method ?? "GET"} ${new URL(input).pathname}`);
    if (input.includes("match-schedule")) return Promise.reject(new Error("gone"));
    return Promise.resolve(new Response(null, { status: input.includes("functions") ? 405 : 200 }));
  }) as typeof fetch;
  const { body } = await get("/test-connectivity", app({ AUDIT_KEY }, fakeFetch));
  const { status, checks } = ConnectivityResponse.parse(body);
  assertEquals(status, "FAILED");
  assertEquals(Object.fromEntries(checks.map((check) => [check.name, check.status])), {
    database: "OK",
    scheduler: "OK",
    "match-schedule-sync": "FAILED",
    "tournament-master-sync": "OK",
    vis: "OK",
    dashboard: "OK",
    hook: "OK",
    inside: "FAILED",
    mail: "FAILED",
  });
  assertEquals(requests.sort(), [
    "GET /functions/v1/match-schedule-sync",
    "GET /functions/v1/tournament-master-sync",
    "HEAD /XmlRequest.asmx",
    "OPTIONS /x",
  ]);
  assertEquals(await db.value("select count(*)::int from sync_execution_history"), 0);
  assertEquals(await db.value("select count(*)::int from alert_notifications where status = 'PENDING'"), 0);
  await db.query("update upstream_state set backoff_until = $1::timestamptz + interval '1 hour', backoff_reason = '403'", [clock.asOf()]);
  const duringBackoff = ConnectivityResponse.parse((await get("/test-connectivity", app({ AUDIT_KEY }, fakeFetch))).body);
  assertEquals(duringBackoff.checks.find((check) => check.name === "vis")?.status, "SKIPPED");
  assert(!JSON.stringify(duringBackoff).includes("93.184"), "the response contains no address");
});

for (
  const [component, status, expected] of [
    ["vis", 200, "OK"],
    ["vis", 404, "OK"],
    ["vis", 403, "FAILED"],
    ["vis", 429, "FAILED"],
    ["vis", 503, "FAILED"],
    ["vis", 302, "FAILED"],
    ["match-schedule-sync", 405, "OK"],
    ["match-schedule-sync", 503, "FAILED"],
    ["match-schedule-sync", 404, "FAILED"],
    ["hook", 204, "OK"],
    ["hook", 405, "OK"],
    ["hook", 501, "OK"],
    ["hook", 404, "SKIPPED"],
    ["hook", 403, "SKIPPED"],
    ["hook", 302, "FAILED"],
    ["hook", 502, "FAILED"],
  ] as const
) {
  Deno.test(`the connectivity of ${component} is ${expected} when it answers with status ${status}`, async () => {
    await db.query("update upstream_state set backoff_until = null, backoff_reason = null");
    await db.query("delete from notification_channels where name <> 'dashboard'");
    await db.query(
      "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://93.184.216.34/x\"}', 'whsec_x')",
    );
    const fetch = (() => Promise.resolve(new Response(null, { status }))) as typeof globalThis.fetch;
    const { checks } = ConnectivityResponse.parse((await get("/test-connectivity", app({ AUDIT_KEY }, fetch))).body);
    assertEquals(checks.find(({ name }) => name === component)?.status, expected);
  });
}

for (
  const [probe, outcome, expected, message] of [
    [404, "SENT", "OK", "accepted the last delivery, at 2026-06-10T11:00:00+00:00; refuses only the probe, with status 404"],
    [200, "SENT", "OK", "accepted the last delivery, at 2026-06-10T11:00:00+00:00"],
    [200, "RETRY", "FAILED", "refused the last delivery, at 2026-06-10T11:00:00+00:00: the receiver answered 403"],
    [404, "DEAD", "FAILED", "refused the last delivery, at 2026-06-10T11:00:00+00:00: the receiver answered 403"],
    [502, "SENT", "FAILED", "answered with status 502"],
  ] as const
) {
  Deno.test(`a receiver whose last delivery was ${outcome} and that answers the probe with ${probe} is ${expected}`, async () => {
    await db.reset();
    await db.query("delete from notification_channels where name <> 'dashboard'");
    await db.query(
      "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://93.184.216.34/x\"}', 'whsec_x')",
    );
    const { id } = await aNotification(db, { channel: "hook" });
    await db.query(
      `insert into alert_deliveries (notification_id, attempt, at, outcome, error, duration_ms)
        values ($1, 1, '2026-06-10T10:00:00Z', 'RETRY', 'an older failure', 1), ($1, 2, '2026-06-10T11:00:00Z', $2, $3, 1)`,
      [id, outcome, outcome === "SENT" ? null : "the receiver answered 403"],
    );
    const fetch = (() => Promise.resolve(new Response(null, { status: probe }))) as typeof globalThis.fetch;
    const { checks } = ConnectivityResponse.parse((await get("/test-connectivity", app({ AUDIT_KEY }, fetch))).body);
    assertObjectMatch(checks.find(({ name }) => name === "hook") as object, { status: expected, message });
  });
}

Deno.test("the connectivity test names the host to which VIS redirects", async () => {
  await db.query("update upstream_state set backoff_until = null, backoff_reason = null");
  const headers = { location: "https://moved.example/x?key=s3cr" };
  const fetch = (() => Promise.resolve(new Response(null, { status: 301, headers }))) as typeof globalThis.fetch;
  const { checks } = ConnectivityResponse.parse((await get("/test-connectivity", app({ AUDIT_KEY }, fetch))).body);
  assertObjectMatch(checks.find(({ name }) => name === "vis") as object, {
    status: "FAILED",
    message: "answered with status 301, a redirect to moved.example; set VIS_API_URL to the address that answers",
  });
});

Deno.test("a component that never answers fails the connectivity test after 5 seconds, and does not delay the others", async () => {
  await db.reset();
  const setTimer = globalThis.setTimeout;
  const calls: PromiseLike<unknown>[] = [];
  // Only the time limit of a check is shortened: a test cannot move the timers of the runtime.
  globalThis.setTimeout = ((work: () => void, ms?: number) => setTimer(work, ms === 5_000 ? 5 : ms)) as typeof setTimeout;
  try {
    const isSilent = (url: string) => url.includes("match-schedule");
    const fetch = ((url: string) =>
      isSilent(url) ? new Promise(() => {}) : Promise.resolve(new Response(null, { status: 405 }))) as unknown;
    const rpc = ((...call: Parameters<typeof db.rpc>) => {
      const answer = db.rpc(...call);
      calls.push(answer);
      return answer;
    }) as typeof db.rpc;
    const own = createApp({ rpc, clock, log, env: testEnv(), waitUntil: () => {}, fetch: fetch as typeof globalThis.fetch });
    const { checks } = ConnectivityResponse.parse((await get("/test-connectivity", documented(own))).body);
    assertObjectMatch(checks.find(({ name }) => name === "match-schedule-sync") as object, {
      status: "FAILED",
      message: "no answer within 5 s",
    });
    assertEquals(checks.find(({ name }) => name === "tournament-master-sync")?.status, "OK");
  } finally {
    globalThis.setTimeout = setTimer;
    // The check of the database does not wait for its call after 5 ms. A database that is closed during a call waits for it for ever.
    await Promise.allSettled(calls);
  }
});

Deno.test.afterAll(() => db.close());
