import { assert, assertEquals } from "@std/assert";
import { findDatabaseHoles, RELATIONS } from "../../testing/database-access.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { REFERENCED_ROWS, type Row, VALID_ROWS } from "../../testing/rows.ts";
import { createTryWrites } from "../../testing/try-writes.ts";

const db = await openTestDatabase();

Deno.test("each table, view, sequence and function has the access that is stated", async () => {
  assertEquals(await findDatabaseHoles(db), []);
});

for (
  const [what, sql, undo, hole] of [
    [
      "a new table without access",
      "create table public.door (id integer)",
      "drop table public.door",
      "public.door states no access: anon: all; authenticated: all; service_role: all",
    ],
    [
      "a new secured table that nobody stated",
      "create table public.door (id integer); select private.secure_table('public.door')",
      "drop table public.door",
      /^public\.door states no access: row level security; authenticated: SELECT;/,
    ],
    [
      "a new view over hidden columns",
      "create view public.door as select secret from public.notification_channels",
      "drop view public.door",
      /^public\.door states no access: anon: all/,
    ],
    [
      "a write of anon",
      "grant insert on public.tournaments to anon",
      "revoke insert on public.tournaments from anon",
      "public.tournaments has: anon: SELECT, INSERT",
    ],
    [
      "a column that viewers may read",
      "grant select (secret) on public.notification_channels to authenticated",
      "revoke select (secret) on public.notification_channels from authenticated",
      "public.notification_channels has: authenticated: SELECT but config, previous_secret, vault_id",
    ],
    [
      "a column that viewers may write",
      "grant update (is_active) on public.alert_rules to authenticated",
      "revoke update (is_active) on public.alert_rules from authenticated",
      "public.alert_rules has: authenticated: SELECT, UPDATE (is_active)",
    ],
    [
      "a table without row level security",
      "alter table public.sync_jobs disable row level security",
      "alter table public.sync_jobs enable row level security",
      "public.sync_jobs has not: row level security",
    ],
    [
      "a policy for every signed-in user",
      `create policy "All" on public.sync_jobs for select to authenticated using (true)`,
      `drop policy "All" on public.sync_jobs`,
      "public.sync_jobs has: All: SELECT for authenticated if true",
    ],
    [
      "a new public function",
      "create function public.door() returns integer language sql set search_path = '' as 'select 1'",
      "drop function public.door()",
      ["public.door is not in services/contract", "public.door may be executed by anon", "public.door may be executed by authenticated"],
    ],
    [
      "a function with the rights of its owner",
      "alter function private.in_words(interval) security definer",
      "alter function private.in_words(interval) security invoker",
      "private.in_words runs with the rights of its owner",
    ],
    [
      "a sequence that signed-in users may use",
      "grant usage on sequence public.audit_log_id_seq to authenticated",
      "revoke usage on sequence public.audit_log_id_seq from authenticated",
      "authenticated may use the sequence audit_log_id_seq",
    ],
    [
      "a schema in which signed-in users may create",
      "grant create on schema public to authenticated",
      "revoke create on schema public from authenticated",
      "authenticated may create in the schema public",
    ],
  ] as const
) {
  Deno.test(`the comparison finds ${what}`, async () => {
    await db.database.exec(sql);
    const holes = await findDatabaseHoles(db);
    await db.database.exec(undo);
    const expected = [hole].flat();
    for (const one of expected) assert(holes.some((found) => one instanceof RegExp ? one.test(found) : found === one), holes.join("\n"));
    assertEquals(await findDatabaseHoles(db), []);
  });
}

/** The tables of the API and the columns that viewers may read. */
const READABLE = Object.entries(RELATIONS).filter(([name]) => name.startsWith("public.")).map(([name, access]) => ({
  table: name.replace("public.", ""),
  access,
  hidden: access.flatMap((line) => /^authenticated: SELECT but (.*)$/.exec(line)?.[1]?.split(", ") ?? []),
}));
await createTryWrites(db);
for (const [name, row] of Object.entries(VALID_ROWS) as [string, Row][]) {
  const isReferenced = REFERENCED_ROWS.some(([table]) => table === name);
  const rows = isReferenced || name === "sync_status" ? [] : [row];
  await db.query("select tests.write_rows($1::text::regclass, $2)", [name, JSON.stringify(rows)]);
}

// Tables without a check have no valid row.
await db.query("insert into alert_evaluations (evaluated_at, cause, rules, applied) values (now(), 'cron', 1, 0)");
await db.query(
  "insert into alert_events (incident_id, at, to_state, severity, reason) select id, now(), 'FIRING', 'LOW', 'x' from alert_incidents",
);

for (const role of ["anon", "none", "viewer", "operator", "admin"] as const) {
  Deno.test(`over REST, ${role === "none" ? "a user without a role" : role} reads the rows and columns that are stated, and writes none`, async () => {
    const client = await db.client(role);
    for (const { table, access, hidden } of READABLE) {
      const columns = await db.value<string[]>(
        "select jsonb_agg(attname order by attnum) from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped",
        [`public.${table}`],
      );
      const rights = access.find((line) => line.startsWith(role === "anon" ? "anon: SELECT" : "authenticated: SELECT"));
      const isOfAll = access.some((line) => line.startsWith("Anyone reads"));
      const { data, error } = await client.from(table).select(columns.filter((column) => !hidden.includes(column)).join()).limit(1);
      const mayRead = rights !== undefined && (isOfAll || role !== "none");
      assertEquals([error?.code, data?.length], rights === undefined ? ["42501", undefined] : [undefined, mayRead ? 1 : 0], table);
      for (const column of hidden) assertEquals((await client.from(table).select(column)).error?.code, "42501", `${table}.${column}`);
      const first = await db.value<string>(
        "select min(attname) from pg_attribute where attrelid = $1::regclass and attnum > 0 and attidentity = '' and attgenerated = ''",
        [`public.${table}`],
      );
      const [inserted, updated, deleted] = [
        await client.from(table).insert({ [first]: null }),
        await client.from(table).update({ [first]: null }).is(first, null),
        await client.from(table).delete().is(first, null),
      ];
      for (const { error } of [inserted, updated, deleted]) assertEquals(error?.code, "42501", table);
    }
    assertEquals((await client.rpc("get_health_overview")).error?.code, "42501");
  });
}

Deno.test("the role of a reader is that of app_metadata, and no other claim", async () => {
  for (
    const [claims, isReader] of [
      [{ app_metadata: { role: "viewer" } }, true],
      [{ app_metadata: { role: "owner" } }, false],
      [{ user_metadata: { role: "admin" } }, false],
      [{ role: "admin" }, false],
      [{}, false],
      [null, false],
    ] as const
  ) {
    const sql = `select set_config('request.jwt.claims', $1, false), private.can_read_monitoring() as is_reader`;
    assertEquals((await db.query<{ is_reader: boolean }>(sql, [claims && JSON.stringify(claims)]))[0]?.is_reader, isReader);
  }
});

Deno.test.afterAll(() => db.close());
