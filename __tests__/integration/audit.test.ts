import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { sealAudit } from "../../supabase/functions/sync-admin/audit-logger.ts";
import { AuditVerifyResponse, ConnectivityResponse } from "../../types/admin.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { documented } from "../../testing/openapi.ts";
import { testEnv } from "../../testing/env.ts";

const db = await openTestDatabase();
const AUDIT_KEY = "a key of thirty-two bytes or more";
const clock = new TestClock("2026-06-10T12:00:00.000Z");
const lines: Record<string, unknown>[] = [];
const log = (_level: string, event: string, fields?: object) => lines.push({ event, ...fields });

/** What an attacker with the owner's rights can do: switch the guards off, and on again. */
async function tamper(...statements: string[]): Promise<void> {
  const guards = (state: string) => ["audit_log", "audit_seals"].map((table) => `alter table ${table} ${state} trigger all`).join("; ");
  await db.database.exec(guards("disable"));
  for (const statement of statements) await db.database.exec(statement);
  await db.database.exec(guards("enable"));
}

/** An audit of `count` acts with ids from 1, sealed. */
async function anAudit(count: number, at = "2026-06-10T12:00:00Z"): Promise<void> {
  await tamper("truncate audit_log, audit_seals restart identity");
  for (let act = 1; act <= count; act++) {
    await db.query(
      "select private.audit('{\"name\": \"operator@example.com\", \"role\": \"operator\"}', 'test-act', 'thing', $1, null, '{\"a\": 1}', 'because', $2)",
      [String(act), at],
    );
  }
  await sealAudit(db.rpc, AUDIT_KEY, log);
}
const app = (env: Record<string, string> = { AUDIT_KEY }, send?: typeof fetch) =>
  documented(createApp({ rpc: db.rpc, clock, log, env: testEnv(env), waitUntil: () => {}, fetch: send }));
async function get(path: string, on = app()): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { authorization: `Bearer ${await db.token("viewer")}` };
  const response = await on.fetch(new Request(`http://functions.test/sync-admin${path}`, { headers }));
  return { status: response.status, body: await response.json() };
}
const verify = async (head?: string) => AuditVerifyResponse.parse((await get(`/audit/verify${head ? `?head=${head}` : ""}`)).body);

Deno.test("an untouched audit is intact; its head is in the log and in the answer", async () => {
  await anAudit(1_203);
  const { status, rows, unsealed, head, first_bad } = await verify();
  assertEquals([status, rows, unsealed, first_bad], ["INTACT", 1_203, 0, null]);
  const exported = lines.findLast((line) => line.event === "audit_head");
  assertEquals(head, `${exported?.id}:${exported?.mac}`);
  assertEquals((await verify(String(head))).status, "INTACT");
});

Deno.test("what nobody sealed yet is counted, and sealed next", async () => {
  await anAudit(3);
  await db.query("select private.audit('{\"name\": \"a\", \"role\": \"b\"}', 'test-act', 'thing', '4', null, '{}', null, now())");
  assertEquals((await verify()).unsealed, 1);
  assertEquals(await sealAudit(db.rpc, AUDIT_KEY, log), 1);
  assertEquals(await sealAudit(db.rpc, AUDIT_KEY, log), 0);
  assertEquals(await sealAudit(db.rpc, undefined, log), 0, "without a key nothing is sealed");
});

for (
  const [what, statements, first_bad] of [
    ["a row changed", ["update audit_log set reason = 'another' where id = 5"], { id: 5, what: "CHANGED" }],
    ["an actor changed and its seal taken from another row", [
      "update audit_log set actor = 'x' where id = 5",
      "update audit_seals set mac = (select mac from audit_seals where audit_id = 6) where audit_id = 5",
    ], { id: 5, what: "CHANGED" }],
    ["a row missing", ["delete from audit_log where id = 4"], { id: 4, what: "MISSING" }],
    ["a row and its seal missing", ["delete from audit_log where id = 4", "delete from audit_seals where audit_id = 4"], {
      id: 4,
      what: "MISSING",
    }],
    ["the first row and its seal missing", ["delete from audit_log where id = 1", "delete from audit_seals where audit_id = 1"], {
      id: 1,
      what: "MISSING",
    }],
    ["the first row missing as if retention had deleted it", ["delete from audit_log where id = 1"], { id: 1, what: "MISSING" }],
    ["a row inserted", [
      "delete from audit_log where id = 4; delete from audit_seals where audit_id = 4",
      "insert into audit_log (id, at, actor, actor_role, action, object_type, object_id, after) overriding system value values (4, now(), 'x', 'admin', 'test-act', 'thing', '4', '{}')",
    ], { id: 4, what: "INSERTED" }],
    ["the end cut", ["delete from audit_log where id > 8", "delete from audit_seals where audit_id > 8"], { id: 10, what: "CUT" }],
  ] as const
) {
  Deno.test(`${what} is found and named`, async () => {
    await anAudit(10);
    const { head } = await verify();
    await tamper(...statements);
    const found = await verify(String(head));
    assertEquals(found.status, "BROKEN");
    assertObjectMatch(found.first_bad as object, first_bad);
  });
}

Deno.test("another key, a bad head and a missing key are told apart from a touched audit", async () => {
  await anAudit(2);
  const other = await get("/audit/verify", app({ AUDIT_KEY: "another key of thirty-two bytes!!" }));
  assertObjectMatch(other.body, { status: "BROKEN", first_bad: { id: 1, what: "CHANGED" } });
  const none = await get("/audit/verify", app({}));
  assertEquals([none.status, none.body.code], [503, "AUDIT_KEY_MISSING"]);
  assertEquals((await get("/audit/verify?head=x")).status, 400);
});

Deno.test("retention cuts sealed rows off the beginning, says so in the chain, and what is left verifies", async () => {
  await anAudit(5, "2020-01-01T00:00:00Z");
  for (const id of [6, 7]) {
    await db.query(
      "select private.audit('{\"name\": \"a\", \"role\": \"b\"}', 'test-act', 'thing', $1, null, '{}', null, '2026-06-10T12:00:00Z')",
      [String(id)],
    );
  }
  assertEquals(await db.value("select private.prune_audit_log('2026-06-10T12:00:00Z')"), 5);
  assertEquals(await db.value("select private.prune_batch('audit_log', '2026-06-10T12:00:00Z', 5000)"), 0);
  await sealAudit(db.rpc, AUDIT_KEY, log);
  assertObjectMatch(await verify(), { status: "INTACT", pruned_to: 5, rows: 3, first_bad: null });
  assertObjectMatch((await db.query("select action, object_id, after from audit_log order by id desc limit 1"))[0] as object, {
    action: "prune-audit",
    object_id: "5",
    after: { rows: 5, anchor_id: 5 },
  });
});

Deno.test("nobody changes or deletes, the service included, nor with the setting that retention uses", async () => {
  await anAudit(1);
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

Deno.test("the audit is filtered by actor, action, object and time", async () => {
  await anAudit(3);
  const count = async (query: string) => (await get(`/audit?${query}`)).body.entries as unknown[];
  assertEquals((await count("object_type=thing&object_id=2")).length, 1);
  assertEquals((await count("actor=nobody")).length, 0);
  assertEquals((await count("from=2026-06-10T11:00:00Z&to=2026-06-10T12:00:00Z")).length, 0);
  assertEquals((await count("from=2026-06-10T12:00:00Z&action=test-act")).length, 3);
  assertEquals((await get("/audit?from=yesterday")).status, 400);
});

Deno.test("connectivity reaches every part at once, says which does not answer, and starts nothing", async () => {
  await db.reset();
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query(
    "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://93.184.216.34/x\"}', 'whsec_x'), ('inside', 'webhook', '{\"url\": \"https://10.0.0.1/x\"}', 'whsec_x')",
  );
  await db.query("insert into notification_channels (name, kind, config) values ('mail', 'email', '{\"to\": [\"ops@example.com\"]}')");
  await db.query("insert into cron.job_run_details (jobid, command, status, start_time) select 1, 'x', 'succeeded', $1::timestamptz", [
    clock.asOf(),
  ]);
  const asked: string[] = [];
  const send = ((input: string, init?: RequestInit) => {
    asked.push(`${init?.method ?? "GET"} ${new URL(input).pathname}`);
    if (input.includes("match-schedule")) return Promise.reject(new Error("gone"));
    return Promise.resolve(new Response(null, { status: input.includes("functions") ? 405 : 200 }));
  }) as typeof fetch;
  const { body } = await get("/test-connectivity", app({ AUDIT_KEY }, send));
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
  assertEquals(asked.sort(), [
    "GET /functions/v1/match-schedule-sync",
    "GET /functions/v1/tournament-master-sync",
    "HEAD /XmlRequest.asmx",
    "OPTIONS /x",
  ]);
  assertEquals(await db.value("select count(*)::int from sync_execution_history"), 0);
  assertEquals(await db.value("select count(*)::int from alert_notifications where status = 'PENDING'"), 0);
  await db.query("update upstream_state set backoff_until = $1::timestamptz + interval '1 hour', backoff_reason = '403'", [clock.asOf()]);
  const blocked = ConnectivityResponse.parse((await get("/test-connectivity", app({ AUDIT_KEY }, send))).body);
  assertEquals(blocked.checks.find((check) => check.name === "vis")?.status, "SKIPPED");
  assert(!JSON.stringify(blocked).includes("93.184"), "addresses stay out of the answer");
});

Deno.test.afterAll(() => db.close());
