import { assertEquals } from "@std/assert";
import { connect } from "../../platform/database.ts";
import { migrate } from "../../platform/migrate.ts";
import { createHostedProject } from "../../testing/hosted-project.ts";

const server = Deno.env.get("TEST_SERVER_URL");
// In CI no test is skipped: scripts/test.ts provides the server.
const ignore = Deno.env.get("CI") !== "true" && !server;
const WATCHED = ["alert_incidents", "matches", "sync_execution_history", "sync_status", "tournaments"];

Deno.test(
  { name: "docs/realtime.md adds its tables to the publication and removes them, as an owner who is no superuser", ignore },
  async () => {
    const [on = "", off = ""] = [...(await Deno.readTextFile("docs/realtime.md")).matchAll(/^```sql\n([^]*?)^```$/gm)].map(([, code]) =>
      code
    );
    const url = await createHostedProject(String(server), `realtime_${crypto.randomUUID().slice(0, 8)}`);
    const superuser = await connect(Object.assign(new URL(url), { username: "postgres" }).href);
    const owner = await connect(url);
    try {
      // A hosted project begins with an empty publication that belongs to its owner.
      await superuser.exec("create publication supabase_realtime; alter publication supabase_realtime owner to project_owner");
      await migrate(owner);
      const members = async () =>
        (await owner.query("select tablename from pg_publication_tables where pubname = 'supabase_realtime' order by 1")).map((row) =>
          row.tablename
        );
      assertEquals(await members(), [], "no migration adds a table");
      await owner.exec("create table public.mine (id integer primary key); alter publication supabase_realtime add table public.mine");
      for (let time = 1; time <= 2; time++) {
        await owner.exec(on);
        assertEquals(await members(), [...WATCHED, "mine"].sort());
      }
      for (let time = 1; time <= 2; time++) {
        await owner.exec(off);
        assertEquals(await members(), ["mine"]);
      }
    } finally {
      await Promise.all([owner.close(), superuser.close()]);
    }
  },
);

Deno.test({
  name: "a watched table has row level security, the primary key as replica identity, and no column that viewers may not select",
  ignore,
}, async () => {
  const url = await createHostedProject(String(server), `realtime_${crypto.randomUUID().slice(0, 8)}`, { grantsByDefault: true });
  const owner = await connect(url);
  try {
    await migrate(owner);
    const tables = await owner.query(
      `select c.relname, c.relrowsecurity as has_rls, c.relreplident as identity, (
        select coalesce(array_agg(a.attname::text), '{}') from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          and not has_column_privilege('authenticated', c.oid, a.attnum, 'select')
      ) as hidden, exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary) as has_key,
      has_table_privilege('anon', c.oid, 'select') as is_public
      from pg_class c where c.relnamespace = 'public'::regnamespace and c.relname = any ($1) order by 1`,
      [WATCHED],
    );
    const expected = WATCHED.map((relname) => ({
      relname,
      has_rls: true,
      identity: "d",
      hidden: [],
      has_key: true,
      is_public: /^(matches|tournaments)$/.test(relname),
    }));
    assertEquals(tables, expected);
  } finally {
    await owner.close();
  }
});
