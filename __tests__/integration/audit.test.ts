import { assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { sealAudit } from "../../supabase/functions/sync-admin/audit-logger.ts";
import { AuditVerifyResponse } from "../../types/admin.ts";
import { anAuditLog, AUDIT_KEY, tamper } from "../../testing/audit.ts";
import { openTestDatabase } from "../../testing/database.ts";
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
const verify = async (head?: string | null, cursor?: string | null) => {
  const query = new URLSearchParams(Object.entries({ head, cursor }).flatMap(([name, value]) => value ? [[name, value]] : []));
  return AuditVerifyResponse.parse((await get(`/audit/verify?${query}`)).body);
};

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

Deno.test("a call verifies at most 2,000 rows, and its cursor continues with the row after them", async () => {
  await audit.fill(2_203);
  await audit.add([2_204]);
  const exported = lines.findLast((line) => line.event === "audit_head");
  const head = `${exported?.id}:${exported?.mac}`;
  const first = await verify(head);
  assertObjectMatch(first, { status: "INTACT", rows: 2_000, unvouched: 2_000, unsealed: 1, first_bad: null });
  assertEquals(first.next_cursor, first.head);
  const { next_cursor, ...last } = await verify(head, first.next_cursor);
  assertObjectMatch(last, { status: "INTACT", rows: 203, unvouched: 203, unsealed: 1, head, first_bad: null });
  assertEquals(next_cursor, null);
  // Each statement tampers with an earlier row than the statement before it.
  for (
    const [statement, first_bad] of [
      ["delete from audit_log where id > 2100; delete from audit_seals where audit_id > 2100", { id: 2_203, what: "CUT" }],
      ["update audit_log set reason = 'another' where id = 2050", { id: 2_050, what: "CHANGED" }],
      ["delete from audit_seals where audit_id = 2010", { id: 2_010, what: "INSERTED" }],
      ["delete from audit_log where id = 2001", { id: 2_001, what: "MISSING" }],
    ] as const
  ) {
    await tamper(db, statement);
    const { status, next_cursor } = await verify(head);
    assertEquals([status, next_cursor], ["INTACT", first.next_cursor], statement);
    assertObjectMatch(await verify(head, next_cursor), { status: "BROKEN", first_bad, next_cursor: null }, statement);
  }
});

Deno.test("a cursor that is not in the chain gets 400, so that a forged one hides no row", async () => {
  await audit.fill(3);
  const { head } = await verify();
  const cursors = [`2:${"0".repeat(64)}`, `9${head}`, "x"];
  for (const cursor of cursors) assertEquals((await get(`/audit/verify?cursor=${cursor}`)).status, 400, cursor);
  await tamper(db, "update audit_seals set verdict = 'VOUCHED' where audit_id = 3");
  assertEquals((await get(`/audit/verify?cursor=${head}`)).status, 400, "its seal was changed since");
});

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

Deno.test.afterAll(() => db.close());
