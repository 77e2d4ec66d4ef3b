import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect, type Database } from "../../platform/database.ts";
import { migrate } from "../../platform/migrate.ts";
import { type Stack, startStack } from "../../platform/stack.ts";
import { createHostedProject } from "../../testing/hosted-project.ts";
import { findPostgres, startPostgres, type TemporaryPostgres } from "../../testing/postgres.ts";
import { run } from "../../testing/supabase-cli.ts";
import { until } from "../../testing/wait.ts";

const bin = await findPostgres();
if (!bin && Deno.env.get("CI") === "true") throw new Error("CI=true needs Postgres: install it first (.ci/run does)");
const guide = await Deno.readTextFile("docs/backup.md");

/** The blocks of a section of the page, in its order. */
function blocksOf(heading: string): { language: string; code: string }[] {
  const [, section = ""] = guide.split(`\n## ${heading}\n`);
  return [...(section.split("\n## ")[0] ?? "").matchAll(/^ *```(sh|sql)\n([^]*?)^ *```$/gm)]
    .map(([, language = "", code = ""]) => ({ language, code }));
}

async function shell(code: string | undefined, env: Record<string, string>): Promise<string> {
  assert(code, "the page has this block");
  const { success, text } = await run("bash", ["-euo", "pipefail", "-c", code], {
    env: { ...env, PATH: `${bin}:${Deno.env.get("PATH")}` },
  });
  assertEquals([success, text], [true, text], code);
  return text;
}

/** Every row of each table that a restore must keep. */
async function rowsOf(database: Database, schemas: string[]): Promise<Record<string, string>> {
  const tables = await database.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = any($1) order by 1`,
    [schemas],
  );
  const found: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await database.query<{ digest: string }>(
      `select count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') as digest from ${name} t`,
    );
    found[name] = String(row?.digest);
  }
  return found;
}

/** The rights of each role on each table, column, sequence and function. */
const rightsOf = (database: Database) =>
  database.query<{ held: string }>(
    `select concat_ws(' ', o.name, coalesce(a.grantee::regrole::text, 'public'), a.privilege_type) as held
    from (
      select oid::regclass::text as name, relnamespace as schema, relowner as owner, relacl as acl from pg_class
      union all select oid::regprocedure::text, pronamespace, proowner, proacl from pg_proc
      union all select attrelid::regclass || '.' || attname, c.relnamespace, c.relowner, attacl from pg_attribute join pg_class c on c.oid = attrelid
    ) o cross join lateral aclexplode(o.acl) a
    where o.schema in ('public'::regnamespace, 'private'::regnamespace) and a.grantee <> o.owner order by 1`,
  );

/** The tables without statistics of the planner, which a dump does not contain. */
const unanalyzed = (database: Database) =>
  database.query(`select oid::regclass::text as name from pg_class
    where relkind = 'r' and relnamespace in ('public'::regnamespace, 'private'::regnamespace) and reltuples < 0`);

const jobsOf = (database: Database) =>
  database.query<{ jobname: string; count: number }>("select jobname, count(*)::integer as count from cron.job group by 1 order by 1");
const secret = (stack: Stack) => ({ apikey: stack.state.keys.secret, "content-type": "application/json" });
const firstRuns = (stack: Stack) =>
  until("the first runs", async () => (await stack.database.query("select 1 from sync_status where last_sync is not null")).length === 2);

Deno.test(
  { name: "the steps of docs/backup.md restore one machine onto a fresh server, and nothing is lost or runs twice", ignore: !bin },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "sync-backup-" });
    const [old, fresh] = await Promise.all([startPostgres(String(bin)), startPostgres(String(bin))]);
    const [backUp, restore, schedule] = blocksOf("One machine, with a server database").map(({ code }) => code);
    const env = {
      DATABASE_URL: old.url,
      NEW_DATABASE_URL: fresh.url,
      BACKUP: folder,
      DATA: `${folder}/old`,
      NEW_DATA: `${folder}/new`,
    };
    let stack = await startStack({ port: 0, folder: env.DATA, databaseUrl: old.url, write: () => {} });
    try {
      await firstRuns(stack);
      const call = (path: string, method = "GET", body?: object) =>
        fetch(`${stack.base}/functions/v1/${path}`, { method, headers: secret(stack), body: body && JSON.stringify(body) });
      const act = { sync_frequency: "20 minutes", reason: "before the backup" };
      assertEquals((await call("sync-admin/entities/matches_schedule", "PATCH", act)).status, 200);
      assertEquals((await call("sync-admin/process-queue", "POST", {})).status < 300, true);
      const head = await until("the sealed audit log", async () => (await (await call("sync-admin/audit/verify")).json()).head);
      // No cron job runs while the rows are counted and dumped.
      await stack.database.query("select cron.unschedule(jobid) from cron.job");
      await until(
        "the end of the runs",
        async () =>
          (await stack.database.query("select 1 where not exists (select from sync_execution_history where status = 'RUNNING')")).length,
      );
      const { accounts } = stack.state;
      await stack.stop();
      const source = await connect(old.url);
      const before = await rowsOf(source, ["public", "private", "auth", "supabase_migrations"]);
      const rights = await rightsOf(source);
      await source.close();
      await shell(backUp, env);
      await old.stop();

      await shell(restore, env);
      const restored = await connect(fresh.url);
      assertEquals(await rowsOf(restored, ["public", "private", "auth", "supabase_migrations"]), before);
      assertEquals(await rightsOf(restored), rights);
      assertEquals(await unanalyzed(restored), []);
      await restored.close();
      stack = await startStack({ port: 0, folder: env.NEW_DATA, databaseUrl: fresh.url, write: () => {} });
      assertEquals([stack.migrationsApplied, await jobsOf(stack.database)], [0, []]);
      // After a second run of the step, each job exists once.
      for (const _ of ["first", "second"]) {
        await shell(schedule, env);
      }
      const names = await stack.database.query<{ name: string }>("select name from private.cron_jobs() order by 1");
      assertEquals(await jobsOf(stack.database), names.map(({ name }) => ({ jobname: name, count: 1 })));

      const [check] = blocksOf("Check").map(({ code }) => code);
      const answers = await shell(check, { SUPABASE_URL: stack.base, SECRET_KEY: stack.state.keys.secret, AUDIT_HEAD: String(head) });
      assertMatch(answers, /"status":"INTACT"/);
      const { email, password } = accounts[0] ?? { email: "", password: "" };
      const signIn = await fetch(`${stack.base}/auth/v1/token?grant_type=password`, {
        method: "POST",
        headers: { apikey: stack.state.keys.publishable, "content-type": "application/json" },
        body: JSON.stringify({ email, password }),
      });
      assertEquals(signIn.status, 200, await signIn.text());

      const [next] = await stack.database.query<{ due: string }>(
        "select private.next_due(s, now())::text as due from sync_status s where entity_type = 'matches_schedule'",
      );
      assert(next?.due);
      await stack.database.query("select private.dispatch_due_syncs($1)", [next.due]);
      const runs = () =>
        stack.database.query<{ status: string; trigger: string }>(
          "select status, trigger from sync_execution_history where entity_type = 'matches_schedule' and due_at = $1 and status <> 'RUNNING'",
          [next.due],
        );
      await until("the next due run", async () => (await runs()).length);
      assertEquals(await runs(), [{ status: "SUCCEEDED", trigger: "CRON" }]);
    } finally {
      await stack.stop();
      await fresh.stop();
      await old.stop().catch(() => {});
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** The parts of Auth in a new project that a backup needs. */
const AUTH = `create schema auth;
  create table auth.users (id uuid primary key, email text, raw_app_meta_data jsonb);
  create table auth.identities (id uuid primary key, user_id uuid not null references auth.users);
  grant usage on schema auth to project_owner;
  grant all on all tables in schema auth to project_owner;`;

async function createProject(server: TemporaryPostgres): Promise<{ url: string; owner: Database }> {
  const url = await createHostedProject(server.url, server.hasCron ? "postgres" : "project", {
    hasCron: server.hasCron,
    grantsByDefault: true,
  });
  const superuser = await connect(url.replace("project_owner@", "postgres@"));
  await superuser.exec(AUTH);
  await superuser.close();
  return { url, owner: await connect(url) };
}

Deno.test(
  { name: "the steps of docs/backup.md restore a hosted project into a new one, as an owner who is no superuser", ignore: !bin },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "sync-backup-" });
    const servers = await Promise.all([startPostgres(String(bin)), startPostgres(String(bin))]);
    const [old, fresh] = await Promise.all(servers.map(createProject)) as [
      { url: string; owner: Database },
      { url: string; owner: Database },
    ];
    const [backUp, stop, restore, schedule] = blocksOf("Hosted Supabase").map(({ code }) => code);
    const env = { DATABASE_URL: old.url, NEW_DATABASE_URL: fresh.url, BACKUP: folder };
    const schemas = ["public", "private", "auth", "supabase_migrations"];
    try {
      await migrate(old.owner);
      await old.owner.exec(`
      insert into auth.users values ('00000000-0000-4000-8000-000000000001', 'ada@example.com', '{"role": "admin"}');
      insert into auth.identities values ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001');
      insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end)
      values ('tournaments', 'SUCCEEDED', 'CRON', now() - interval '1 minute', now());
      select private.audit('{"name": "ada@example.com", "role": "admin"}', 'test-act', 'thing', '1', null, '{}', 'because', now());`);
      await old.owner.exec(String(stop));
      assertEquals(await jobsOf(old.owner), []);
      const before = await rowsOf(old.owner, schemas);
      const rights = await rightsOf(old.owner);
      assert(rights.length > 0);
      await shell(backUp, env);

      await shell(restore, env);
      assertEquals(await rowsOf(fresh.owner, schemas), before);
      assertEquals(await rightsOf(fresh.owner), rights);
      assertEquals(await unanalyzed(fresh.owner), []);
      assertEquals([await migrate(fresh.owner), await jobsOf(fresh.owner)], [0, []]);
      for (const _ of ["first", "second"]) await fresh.owner.exec(String(schedule));
      const names = await fresh.owner.query<{ name: string }>("select name from private.cron_jobs() order by 1");
      assertEquals(await jobsOf(fresh.owner), names.map(({ name }) => ({ jobname: name, count: 1 })));

      await fresh.owner.exec("select vault.create_secret('https://new.test', 'project_url'), vault.create_secret('key', 'secret_key')");
      const [next] = await fresh.owner.query("select private.dispatch_due_syncs(private.next_due(s, now())) from sync_status s limit 1");
      const calls = await fresh.owner.query<{ url: string }>("select url from net.http_request_queue");
      assert(next && calls.some(({ url }) => url.startsWith("https://new.test/functions/v1/")));
    } finally {
      await Promise.all([old, fresh].map(({ owner }) => owner.close()));
      await Promise.all(servers.map((server) => server.stop()));
      await Deno.remove(folder, { recursive: true });
    }
  },
);
