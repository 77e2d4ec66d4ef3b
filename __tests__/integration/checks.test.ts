import { assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { createTryWrites } from "../../testing/try-writes.ts";
import { type DuplicateRows, type InvalidRows, type Row, STATES, type Table, VALID_ROWS } from "../../testing/rows.ts";
import { alerting } from "./invalid-rows/alerting.ts";
import { audit } from "./invalid-rows/audit.ts";
import { monitoring } from "./invalid-rows/monitoring.ts";
import { queue } from "./invalid-rows/queue.ts";
import { syncedData } from "./invalid-rows/synced-data.ts";

const db = await openTestDatabase();
const tryWrites = await createTryWrites(db);

const SUBJECTS = [syncedData, monitoring, queue, alerting, audit];
const INVALID_ROWS: InvalidRows = Object.assign({}, ...SUBJECTS.map(({ invalidRows }) => invalidRows));
const DUPLICATE_ROWS: DuplicateRows = Object.assign({}, ...SUBJECTS.map(({ duplicateRows }) => duplicateRows));
const OTHER_STATES: { [T in Table]?: Record<string, Row> } = STATES;
const COMPUTED: { [T in Table]?: string[] } = {
  sync_execution_history: ["duration", "success", "records_processed", "success_weight"],
  sync_metrics: ["p50_ms", "p95_ms", "p99_ms"],
  sync_jobs: ["target"],
};

const tablesOf = <T extends object>(byTable: T) => Object.entries(byTable) as [Table, NonNullable<T[keyof T]>][];

/** Fails with the names of the catalog that have no case, and with the cases whose name is not in the catalog. */
async function assertCovers(cases: object, catalog: string): Promise<void> {
  const covered = Object.entries(cases).flatMap(([table, byName]) =>
    Object.entries(byName as Record<string, unknown[]>).filter(([, rows]) => rows.length > 0).map(([name]) => `${table}.${name}`)
  );
  const existing = (await db.query<{ name: string }>(catalog)).map(({ name }) => name);
  assertEquals({
    without_a_case: existing.filter((name) => !covered.includes(name)),
    not_in_the_catalog: covered.filter((name) => !existing.includes(name)),
  }, { without_a_case: [], not_in_the_catalog: [] });
}

Deno.test("each check of the catalog has a case, and each case has its check", () =>
  assertCovers(
    INVALID_ROWS,
    `select format('%s.%s', conrelid::regclass, conname) as name from pg_constraint
    where contype = 'c' and connamespace in ('public'::regnamespace, 'private'::regnamespace)`,
  ));

Deno.test("each unique index of a table has a case, and each case has its index", () =>
  assertCovers(
    DUPLICATE_ROWS,
    `select format('%s.%s', t.oid::regclass, i.relname) as name
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    where x.indisunique and not x.indisprimary and t.relkind in ('r', 'p')
      and t.relnamespace in ('public'::regnamespace, 'private'::regnamespace)`,
  ));

for (const table of Object.keys(VALID_ROWS) as Table[]) {
  Deno.test(`${table}: the valid row can be written in each of its states`, async () => {
    const rows = { unchanged: {}, ...OTHER_STATES[table] };
    const results = await tryWrites(table, Object.values(rows).map((changes) => [changes]));
    assertEquals(Object.keys(rows).map((state, index) => [state, results[index]]), Object.keys(rows).map((state) => [state, "written"]));
  });
}

for (const [table, checks] of tablesOf(INVALID_ROWS)) {
  Deno.test(`${table}: each check refuses its invalid rows`, async () => {
    const cases = Object.entries(checks).flatMap(([check, rows]) => rows.map((changes) => ({ changes, result: `23514 ${check}` })));
    const results = await tryWrites(table, cases.map(({ changes }) => [changes]));
    assertEquals(cases.map(({ changes }, index) => ({ changes, result: results[index] })), cases);
  });
}

for (const [table, indexes] of tablesOf(DUPLICATE_ROWS)) {
  Deno.test(`${table}: each unique index refuses the second of two rows that can each be written`, async () => {
    const cases = Object.entries(indexes).flatMap(([index, pairs]) => pairs.map((rows) => ({ rows, result: `23505 ${index}` })));
    const alone = cases.flatMap(({ rows }) => rows).map((changes) => [changes]);
    assertEquals(await tryWrites(table, alone), alone.map(() => "written"));
    const results = await tryWrites(table, cases.map(({ rows }) => rows));
    assertEquals(cases.map(({ rows }, index) => ({ rows, result: results[index] })), cases);
  });
}

for (const [table, columns] of tablesOf(COMPUTED)) {
  Deno.test(`${table}: computed columns cannot be set`, async () => {
    const results = await tryWrites(table, columns.map((column) => [{ [column]: null }]));
    assertEquals(results, columns.map((column) => `428C9 cannot insert a non-DEFAULT value into column "${column}"`));
  });
}

Deno.test.afterAll(() => db.close());
