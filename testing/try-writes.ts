import type { TestDatabase } from "./database.ts";
import { REFERENCED_ROWS, type Row, type Table, VALID_ROWS } from "./rows.ts";

/** Writes each list of rows in a savepoint and rolls it back; a result is `written`, or the SQLSTATE and the violated constraint. */
type TryWrites = (table: Table, cases: Row[][]) => Promise<string[]>;

// The functions are in the database, so that both drivers return the same result and one call tries all cases of a table.
const TRY_WRITE = `
  create schema tests;
  create function tests.write_rows(target regclass, new_rows jsonb) returns void language plpgsql as $$
  declare
    new_row jsonb;
    columns text;
  begin
    for new_row in select jsonb_array_elements(new_rows) loop
      select string_agg(quote_ident(name), ', ') into columns from jsonb_object_keys(new_row) name;
      execute format('insert into %1$s (%2$s) select %2$s from jsonb_populate_record(null::%1$s, $1)', target, columns) using new_row;
    end loop;
  end
  $$;
  create function tests.try_write(target regclass, new_rows jsonb) returns text language plpgsql as $$
  declare
    violated text;
  begin
    perform tests.write_rows(target, new_rows);
    raise sqlstate 'UNDO0';
  exception
    when sqlstate 'UNDO0' then
      return 'written';
    when integrity_constraint_violation or generated_always then
      get stacked diagnostics violated = constraint_name;
      return concat_ws(' ', sqlstate, coalesce(nullif(violated, ''), sqlerrm));
  end
  $$`;

/** Prepares a test database: writes the rows that valid rows reference, and completes the changes of each case to rows. */
export async function createTryWrites(db: TestDatabase): Promise<TryWrites> {
  await db.database.exec(TRY_WRITE);
  // The seeded rows of these tables have the same keys as the rows of the cases.
  for (
    const table of [
      "sync_queue_settings",
      "retention_settings",
      "private.indicator_rollup",
      "private.watchdog",
      "private.people_claim",
      "private.connectivity_test",
      "private.digest_key",
    ]
  ) {
    await db.query(`delete from ${table}`);
  }
  await db.query("delete from alert_rules where metric = 'canary'");
  const withValid = (table: Table, changes: Row): Row => ({ ...VALID_ROWS[table], ...changes });
  for (const [table, changes] of REFERENCED_ROWS) {
    await db.query("select tests.write_rows($1::text::regclass, $2)", [table, JSON.stringify([withValid(table, changes)])]);
  }
  return async (table, cases) => {
    const rows = cases.map((changes) => changes.map((change) => withValid(table, change)));
    const results = await db.query<{ result: string }>(
      `select tests.try_write($1::text::regclass, c.new_rows) as result
      from jsonb_array_elements($2::jsonb) with ordinality c (new_rows, position) order by c.position`,
      [table, JSON.stringify(rows)],
    );
    return results.map(({ result }) => result);
  };
}
