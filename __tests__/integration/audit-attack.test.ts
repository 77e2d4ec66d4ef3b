// The attacks of the holder of the secret key, and of the owner of the database, on the audit log without AUDIT_KEY. Each attempt is
// refused, or verification shows it.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { anAuditLog, AUDIT_KEY, tamper } from "../../testing/audit.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { aNotification } from "../../testing/factories.ts";
import { testEnv } from "../../testing/env.ts";
import { VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const audit = anAuditLog(db);
const service = await db.client("service");
const FORGED = { name: "admin@example.com", id: null, role: "admin", request_id: crypto.randomUUID(), address: "203.0.113.9" };
const silence = { severity: "LOW", ends_at: "2026-06-10T13:00:00Z", reason: "forged" };
const DAY = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY).toISOString();
/** The code of the refusal, or null. */
const codeOf = async (request: PromiseLike<{ error: { code?: string } | null }>) => (await request).error?.code ?? null;
const asService = (sql: string) =>
  db.database.transaction(`set local role service_role; ${sql}`).then(() => "done", (error: Error) => error.message);
const rowsOf = (table: string) => db.value<number>(`select count(*)::integer from ${table}`);

Deno.test("the secret key can neither write, change nor delete a row or a seal", async () => {
  await audit.fill(2);
  for (const table of ["audit_log", "audit_seals"] as const) {
    const key = table === "audit_log" ? "id" : "audit_id";
    const before = await rowsOf(table);
    assertEquals(await codeOf(service.from(table).insert(VALID_ROWS[table] as never)), "42501");
    const change = table === "audit_log" ? { reason: "x" } : { mac: "0".repeat(64) };
    assertEquals(await codeOf(service.from(table).update(change).eq(key, 1)), "42501");
    assertEquals(await codeOf(service.from(table).delete().eq(key, 1)), "42501");
    assertEquals(await rowsOf(table), before);
  }
  assertEquals(await codeOf(service.from("manual_sync_audit").delete().not("id", "is", null)), "42501");
});

Deno.test("the secret key can shorten no retention unseen: the table is closed, the function keeps 90 days and audits", async () => {
  await audit.fill(1);
  const settings = service.from("retention_settings");
  assertEquals(await codeOf(settings.update({ keep: "90 days" }).eq("subject", "audit_log")), "42501");
  assertEquals(await codeOf(settings.delete().eq("subject", "audit_log")), "42501");
  assertEquals(await codeOf(settings.insert({ subject: "other", keep: "1 day" })), "42501");
  const change = (keep: string) => service.rpc("change_retention_setting", { p: { subject: "audit_log", keep, actor: FORGED } });
  assertEquals(await codeOf(change("1 second")), "PT400");
  assertEquals(await codeOf(change("90 days")), null);
  await audit.seal();
  assertObjectMatch(await audit.verify(), { status: "INTACT", rows: 2, unvouched: 2 });
  const last =
    "select a.action, a.object_id, s.verdict from audit_log a join audit_seals s on s.audit_id = a.id order by a.id desc limit 1";
  assertEquals(await db.query(last), [{ action: "change-retention", object_id: "audit_log", verdict: "UNVOUCHED" }]);
  await db.query("update retention_settings set keep = '2 years' where subject = 'audit_log'");
});

Deno.test("only the owner prunes, at the time of the database, and never rows of the last 90 days", async () => {
  await audit.fill(3, ago(89));
  await audit.add([4]);
  await audit.seal(new TestClock(ago(0)));
  assertEquals(await codeOf(service.rpc("prune_audit_log")), "PGRST202");
  assertMatch(await asService("select private.prune_audit_log()"), /permission denied/);
  assertMatch(await asService("select private.prune_batch('audit_log', 'infinity', 1)"), /permission denied/);
  assertEquals(await db.value("select private.prune_batch('audit_log', 'infinity', 1)"), 0);
  // The attacker is an owner who drops the limit of the setting.
  const limit = "constraint retention_settings_keep_is_within_limits";
  await db.database.exec(
    `alter table retention_settings drop ${limit}; update retention_settings set keep = '1 second' where subject = 'audit_log'`,
  );
  assertEquals(await db.value("select private.prune_audit_log()"), 0);
  await tamper(db, `update audit_log set recorded_at = '${ago(91)}' where id < 4`);
  assertEquals(await db.value("select private.prune_audit_log()"), 0, "sealed 89 days ago");
  await tamper(db, `update audit_seals set sealed_at = '${ago(91)}' where audit_id < 4`);
  assertEquals(await db.value("select private.prune_audit_log()"), 3);
  await db.query("delete from retention_settings where subject = 'audit_log'");
  assertEquals(await db.value("select private.prune_audit_log()"), 0, "without a setting nothing is pruned");
  await db.query("insert into retention_settings (subject, keep) values ('audit_log', '2 years')");
  await db.database.exec(
    `alter table retention_settings add ${limit} check (keep between private.shortest_retention(subject) and interval '3650 days')`,
  );
});

Deno.test("an act with a time of the caller in the past is not pruned", async () => {
  await audit.fill(1);
  const past = { ...silence, ends_at: "2000-01-01T01:00:00Z", actor: FORGED };
  assertEquals(await codeOf(service.rpc("save_alert_silence", { p: past, as_of: "2000-01-01T00:00:00Z" })), null);
  await audit.add([3]);
  await audit.seal(new TestClock("2000-01-01T00:00:00Z"));
  assertEquals(await db.value("select private.prune_audit_log()"), 0);
});

Deno.test("an act with a forged actor is UNVOUCHED, also with a made-up voucher; a copied voucher is refused", async () => {
  await audit.fill(0);
  const sealing: Promise<unknown>[] = [];
  const waitUntil = (work: Promise<unknown>) => void sealing.push(work);
  const app = createApp({ rpc: db.rpc, clock: audit.clock, log: audit.log, env: testEnv({ AUDIT_KEY }), waitUntil });
  const headers = { authorization: `Bearer ${await db.token("operator")}` };
  const create = new Request("http://functions.test/sync-admin/silences", { method: "POST", headers, body: JSON.stringify(silence) });
  assertEquals((await app.fetch(create)).status, 201);
  await Promise.all(sealing);
  const [vouched] = await db.query<{ voucher: string; actor: string; request_id: string }>("select * from audit_log");
  const forge = (actor: object) =>
    service.rpc("save_alert_silence", { p: { ...silence, actor: { ...FORGED, ...actor } }, as_of: audit.clock.asOf() });
  assertEquals(await codeOf(forge({})), null);
  assertEquals(await codeOf(forge({ vouchers: { "create-silence": "0".repeat(64) } })), null);
  const stolen = { name: vouched?.actor, request_id: vouched?.request_id, vouchers: { "create-silence": vouched?.voucher } };
  assertEquals(await codeOf(forge(stolen)), "23505", "each voucher is for one act");
  await audit.seal();
  assertEquals((await db.query("select verdict from audit_seals order by audit_id")).map((row) => row.verdict), [
    "VOUCHED",
    "UNVOUCHED",
    "UNVOUCHED",
  ]);
  assertObjectMatch(await audit.verify(), { status: "INTACT", rows: 3, unvouched: 2 });
});

Deno.test("no function lets its caller choose the kind of an audit row, so that nobody can claim an act of the database", async () => {
  const functions = await db.query<{ name: string; body: string }>(
    "select p.proname as name, p.prosrc as body from pg_proc p where p.prosrc like '%private.audit(%' order by 1",
  );
  assert(functions.length > 15);
  for (const { name, body } of functions) {
    const calls = body.split("private.audit(").slice(1);
    for (const call of calls) {
      // The actor and the action have no comma. An action that is an argument is one of the list that the function accepts.
      const [, action, type] = /^(?:'\{.*?\}'|[^,]+),\s*([^,]+),\s*'([a-z-]+)'/.exec(call) ?? [];
      assert(type, `${name}: the object type is a constant`);
      if (name !== "prune_audit_log") assert(type !== "audit-log", name);
      const isChosen = !/^('[a-z-]+'|case when [^']+ then '[a-z-]+' else '[a-z-]+' end)$/.test(String(action));
      if (isChosen) assert(name === "audit_people_act" || body.includes("refuse_unknown_action(action, "), `${name}: ${action}`);
    }
  }
  const notification = (await aNotification(db, { status: "PENDING" })).id;
  const p = { action: "prune-audit", actor: FORGED };
  assertEquals(await codeOf(service.rpc("change_alert_notification", { p: { ...p, id: notification } })), "PT400");
  assertEquals(await codeOf(service.rpc("claim_people_change", { p: { ...p, object_id: "x", changes: {} } })), "PT400");
  assertEquals(
    await codeOf(service.rpc("change_alert_incident", { p: { ...p, id: VALID_ROWS.alert_notifications.incident_id } })),
    "PT400",
  );
});

Deno.test("wrong seals break the chain at their row and are logged, and neither end nor outrun the sealing", async () => {
  await audit.fill(3);
  await audit.add([4, 5]);
  const fake = { digest: "0".repeat(64), verdict: "VOUCHED", sealed_at: "2000-01-01T00:00:00Z", mac: "0".repeat(64) };
  const seal = (after: number, seals: object[]) => service.rpc("seal_audit", { p: { after, seals } });
  assertEquals((await seal(2, [fake])).data, 0, "not after the newest seal");
  assertEquals((await seal(3, [{ ...fake, id: 10 ** 12 }])).data, 1, "the next row");
  assertEquals((await seal(4, Array(9).fill(fake))).data, 1, "no more than the log has");
  await audit.add([6]);
  assertEquals(await audit.seal(), 1);
  assertObjectMatch(audit.lines.find(({ event }) => event === "audit_seal_wrong") ?? {}, { id: 5 });
  assertObjectMatch(await audit.verify(), { status: "BROKEN", first_bad: { id: 4, what: "CHANGED" } });
});

Deno.test("rows that the owner deletes as if retention had pruned them are reported, because their seals are too young", async () => {
  await audit.fill(5);
  const prune = `delete from audit_log where id <= 3; delete from audit_seals where audit_id < 3;
    select private.audit('{"name": "retention", "role": "database"}', 'prune-audit', 'audit-log', '3', null, '{"rows": 3}', null, now())`;
  await tamper(db, prune);
  await audit.seal();
  assertObjectMatch(await audit.verify(), { status: "BROKEN", first_bad: { id: 3, what: "MISSING" } });
  await tamper(db, "update audit_seals set sealed_at = '2000-01-01' where audit_id = 3");
  assertObjectMatch(await audit.verify(), { status: "BROKEN", first_bad: { id: 3, what: "CHANGED" } });
});

Deno.test("a log that the owner empties or cuts, and that is sealed again, does not continue its exported head", async () => {
  for (
    const [statements, first_bad] of [
      [["truncate audit_log, audit_seals"], { id: 5, what: "MISSING" }],
      [["delete from audit_log where id > 3", "delete from audit_seals where audit_id > 3"], { id: 5, what: "MISSING" }],
      [["truncate audit_log, audit_seals restart identity"], { id: 5, what: "CHANGED" }],
    ] as const
  ) {
    await audit.fill(5);
    const { head } = await audit.verify();
    await tamper(db, ...statements);
    await audit.add([6, 7, 8, 9, 10, 11]);
    await audit.seal();
    assertEquals((await audit.verify()).status, "INTACT", "without an exported head nothing shows it");
    assertObjectMatch(await audit.verify(head), { status: "BROKEN", first_bad });
  }
});

Deno.test.afterAll(() => db.close());
