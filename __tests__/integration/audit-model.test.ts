import { assertEquals, assertObjectMatch } from "@std/assert";
import { anAuditLog, tamper } from "../../testing/audit.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { seeded } from "../../testing/random.ts";

const db = await openTestDatabase();
const audit = anAuditLog(db);

const TEXTS = ["a", "Zoë 🏐", 'a "quoted" \\ text', "", "null"];
const STATES = [null, {}, { a: 1.5, b: [null, "é"] }, { trigger_id: "x" }, { "a\nb": { c: 12345678901234567890 } }];

/** Fills the log with rows of random content, seals them in random groups, and returns their number. */
async function fillAtRandom(next: () => number): Promise<number> {
  const pick = <T>(values: readonly T[]) => values[Math.floor(next() * values.length)] as T;
  await audit.fill(0);
  const rows = 3 + Math.floor(next() * 8);
  for (let id = 1; id <= rows; id++) {
    const actor = { name: pick(TEXTS), role: "admin", request_id: pick(TEXTS), address: pick([null, "203.0.113.9"]) };
    await db.query("select private.audit($1, 'test-act', 'thing', $2, $3, $4, $5, $6)", [
      actor,
      pick(TEXTS),
      pick(STATES),
      pick(STATES.slice(1)),
      pick([null, ...TEXTS]),
      new Date(Date.UTC(2026, 5, 10) + next() * 1e9).toISOString(),
    ]);
    if (next() < 0.4) await audit.seal();
  }
  await audit.seal();
  return rows;
}

const LOG_CHANGES = [
  "at = at + interval '1 microsecond'",
  "recorded_at = recorded_at - interval '1 second'",
  "actor = actor || 'x'",
  "actor_role = 'viewer'",
  "action = 'other-act'",
  "object_type = 'other'",
  "object_id = object_id || 'x'",
  `before = coalesce(before, '{}') || '{"x": 1}'`,
  `after = after || '{"x": 1}'`,
  "reason = coalesce(reason, '') || 'x'",
  "request_id = request_id || 'x'",
  "correlation_id = 'x'",
  "address = coalesce(address, '') || 'x'",
  "address_is_claimed = not address_is_claimed",
  "voucher = repeat('0', 64)",
];
const SEAL_CHANGES = [
  "previous_id = -audit_id, previous_mac = repeat('0', 64)",
  "digest = repeat('0', 64)",
  "verdict = 'VOUCHED'",
  "sealed_at = sealed_at + interval '1 millisecond'",
  "mac = repeat('0', 64)",
];
/** The statements that tamper with row `id`. */
const WAYS: ((id: number) => string)[] = [
  ...LOG_CHANGES.map((change) => (id: number) => `update audit_log set ${change} where id = ${id}`),
  ...SEAL_CHANGES.map((change) => (id: number) => `update audit_seals set ${change} where audit_id = ${id}`),
  (id) => `delete from audit_log where id = ${id}`,
  (id) => `delete from audit_seals where audit_id = ${id}`,
  (id) => `delete from audit_log where id = ${id}; delete from audit_seals where audit_id = ${id}`,
];

Deno.test("a log of random acts verifies as INTACT, and each way to tamper with one row is reported at that row", async () => {
  for (const [seed, way] of WAYS.entries()) {
    const next = seeded(seed);
    const rows = await fillAtRandom(next);
    const { head, ...verified } = await audit.verify();
    assertEquals(verified, {
      status: "INTACT",
      rows,
      unsealed: 0,
      unvouched: rows,
      pruned_to: null,
      first_bad: null,
      next_cursor: null,
    }, `seed ${seed}`);
    const id = 1 + Math.floor(next() * rows);
    const statement = way(id);
    await tamper(db, statement);
    assertObjectMatch(await audit.verify(head), { status: "BROKEN", first_bad: { id } }, `seed ${seed}: ${statement}`);
  }
});

Deno.test.afterAll(() => db.close());
