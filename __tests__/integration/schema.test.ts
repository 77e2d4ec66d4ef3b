// Over 300 lines, because the rules of the catalog, the grants, the schedules and retention are tested on one database.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { listMigrations } from "../../platform/migrate.ts";
import { SCHEMA_VERSION } from "../../supabase/functions/_shared/schema-check.ts";
import { createApp as createAlertProcessor } from "../../supabase/functions/sync-alert-processor/app.ts";
import { createChannels } from "../../supabase/functions/sync-alert-processor/notification-service.ts";
import { testEnv } from "../../testing/env.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { aRun, aTournament } from "../../testing/factories.ts";

const db = await openTestDatabase();

Deno.test("every function has an empty search_path", async () => {
  const functions = await db.query<{ name: string; config: string[] | null; is_aggregate: boolean }>(`
    select n.nspname || '.' || p.proname as name, p.proconfig as config, p.prokind = 'a' as is_aggregate
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('public', 'private')
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`);
  assert(functions.length > 25);
  for (const fn of functions) {
    // An aggregate has no body. No plan needs a setting; functions that add days and months are pinned to UTC.
    const settings = (fn.config ?? []).filter((setting) => setting !== "TimeZone=UTC");
    assertEquals(settings, fn.is_aggregate ? [] : ['search_path=""'], fn.name);
  }
});

Deno.test("a function that adds days, or an interval that a person can set, is pinned to UTC", async () => {
  // In another time zone a day can have 23 or 25 hours, because its clocks change.
  const found = await db.query<{ name: string }>(`
    with setting as (
      select string_agg(distinct a.attname, '|') as names from pg_attribute a join pg_class c on c.oid = a.attrelid
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.atttypid = 'interval'::regtype
        and a.attname !~ 'duration$' and a.attname not in ('ttl', 'resolution')
    )
    select distinct p.proname as name from pg_proc p cross join setting s
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and not coalesce(p.proconfig, '{}') @> '{TimeZone=UTC}'
      and p.prosrc ~ ('[-+]\\s*(interval ''[^'']*(day|week|month|year)|(least\\()?(\\(?[a-z_]+\\)?\\.)?(' || s.names || '|frequency)\\M)')
    order by 1`);
  assertEquals(found.map(({ name }) => name), []);
});

Deno.test("no function reads the time itself: it is an argument", async () => {
  // cron_jobs contains the text of the retention job, which pg_cron runs without arguments.
  const found = await db.query(`
    select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'private') and p.prosrc ~* '\\m(now\\(|current_timestamp|transaction_timestamp)'`);
  assertEquals(found, [{ proname: "cron_jobs" }]);
});

Deno.test("every table, view and function has a comment", async () => {
  assertEquals(
    await db.query(
      "select relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname in ('public', 'private') and relkind in ('r', 'm') and obj_description(c.oid) is null",
    ),
    [],
  );
  assertEquals(
    await db.query(
      "select proname from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname in ('public', 'private') and obj_description(p.oid) is null",
    ),
    [],
  );
});

Deno.test("an argument p with an unknown field is refused by the name of the field; a null p has no fields", async () => {
  const refusal = (p: unknown) =>
    db.query("select private.refuse_unknown_fields($1::jsonb, '{id,limit}')", [p]).then(() => "", (error: Error) => error.message);
  for (const known of [{ id: 1, limit: null }, {}, null]) assertEquals(await refusal(known), "");
  assertEquals(await refusal({ id: 1, limits: 2 }), "limits: is not a known field");
  assertEquals(await refusal('["id"]'), "p: must be an object");
  const { error } = await (await db.client("service")).rpc("list_errors", { p: { limit: 1, fingerprnt: "x" } });
  assertEquals([error?.code, error?.details], ["PT400", "BAD_REQUEST"]);
});

Deno.test("the name of every check is a sentence", async () => {
  const names = await db.query<{ conname: string }>(
    "select conname from pg_constraint c join pg_namespace n on n.oid = connamespace where nspname = 'public' and contype = 'c'",
  );
  for (const { conname } of names) assertMatch(conname, /_(is|are|has|have|iff|not|after|known|in)(_|$)|_a_/, conname);
});

Deno.test("an interval is written in its largest whole unit, and a year has 365 days", async () => {
  const written = {
    "90 minutes": "90 minutes",
    "60 minutes": "1 hour",
    "36:00": "36 hours",
    "1 day": "1 day",
    "1 year": "365 days",
    "0": "0 seconds",
  };
  for (const [interval, words] of Object.entries(written)) {
    assertEquals(await db.value("select private.in_words($1::interval)", [interval]), words);
  }
});

Deno.test("due times contain the anchor", async () => {
  const due = (frequency: string, at: string) =>
    db.value<string>("select (private.last_due('2000-01-01T00:00:00Z', $1::interval, $2::timestamptz) at time zone 'UTC')::text", [
      frequency,
      at,
    ]);
  assertMatch(await due("15 minutes", "2026-06-10T12:14:59Z"), /^2026-06-10 12:00:00/);
  assertMatch(await due("15 minutes", "2026-06-10T12:15:00Z"), /^2026-06-10 12:15:00/);
  assertMatch(await due("7 minutes", "2026-06-10T12:15:00Z"), /^2026-06-10 12:09:00/);
  assertMatch(await due("1 day", "2026-06-10T23:59:59Z"), /^2026-06-10 00:00:00/);
});

Deno.test("one cron job dispatches every entity, contains no secret, and runs more often for an interval under a minute", async () => {
  const jobs = () =>
    db.query<{ jobname: string; schedule: string; command: string }>("select jobname, schedule, command from cron.job order by jobname");
  const before = await jobs();
  assertEquals(before.map((job) => `${job.jobname} ${job.schedule}`), [
    "alert-processor * * * * *",
    "dispatch-due-syncs * * * * *",
    "process-queue * * * * *",
    "reap-dead-runs * * * * *",
    "refresh-health-summary */5 * * * *",
    "retention 17 3 * * *",
    "roll-up-indicators */5 * * * *",
    "run-canaries * * * * *",
    "watch-alert-processor * * * * *",
  ]);
  await db.query("select private.apply_schedules()");
  assertEquals(await jobs(), before);
  assert(!JSON.stringify(before).includes("sb_secret"));
  await db.query("update sync_status set is_active = true, function_name = 'match-live-sync' where entity_type = 'matches_live'");
  await db.query("select private.apply_schedules()");
  assertEquals((await jobs())[1]?.schedule, "30 seconds");
  await db.query("update sync_status set is_active = false, function_name = null where entity_type = 'matches_live'");
  await db.query("select private.apply_schedules()");
  assertEquals(await jobs(), before);
});

Deno.test("the command of every cron job runs", async () => {
  await db.reset();
  for (const { command } of await db.query<{ command: string }>("select command from cron.job")) await db.database.exec(command);
  const paths = (await db.query("select path from private.call_log order by path")).map((call) => call.path);
  assertEquals(paths, ["sync-alert-processor", "tournament-master-sync"], "the matches wait for the first tournaments");
});

Deno.test("without secrets in Vault the call is logged as not configured", async () => {
  await db.reset();
  const [secret] = await db.query<{ id: string }>("select id from vault.secrets where name = 'secret_key'");
  await db.query("select vault.update_secret($1, new_name => 'elsewhere')", [secret?.id]);
  await db.query("select private.dispatch_due_syncs()");
  assertEquals(await db.value("select outcome from private.call_log"), "NOT_CONFIGURED");
  await db.query("select vault.update_secret($1, new_name => 'secret_key')", [secret?.id]);
});

Deno.test("retention deletes rows past their age in batches and keeps the others, and no foreign key prevents it", async () => {
  await db.reset();
  const { no } = await aTournament(db);
  const now = Date.parse(await db.value<string>("select now()"));
  for (const age of [91, 89]) {
    for (let run = 0; run < 5; run++) {
      const start = new Date(now - age * 86_400_000 + run * 1000).toISOString();
      const { id } = await aRun(db, { execution_start: start });
      await db.query(
        "insert into sync_tournament_results (sync_execution_id, tournament_no, entity_type, success) values ($1, $2, 'matches_schedule', true)",
        [id, no],
      );
      await db.query(
        `insert into sync_error_log (sync_execution_id, entity_type, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at, resolved_at)
        values ($1, 'matches_schedule', 'API', 'X', 'LOW', false, 'x', 'x', $2, $3)`,
        [id, start, run % 2 ? start : null],
      );
    }
  }
  await db.query(
    `insert into sync_metrics (entity_type, resolution, bucket)
    select 'tournaments', r, date_bin(r, now() - age, '2000-01-01 00:00:00+00')
    from unnest(array['15 minutes', '1 hour', '1 day']::interval[]) r, unnest(array['740 days', '100 days', '0']::interval[]) age`,
  );
  assertEquals(await db.value("select private.prune_batch('executions', now(), 2)"), 2);
  await db.database.exec(await db.value<string>("select command from cron.job where jobname = 'retention'"));
  assertEquals(Number(await db.value("select count(*) from sync_execution_history")), 5);
  assertEquals(Number(await db.value("select count(*) from sync_tournament_results")), 5);
  assertEquals(Number(await db.value("select count(*) from sync_error_log where resolved_at is not null")), 2);
  assertEquals(
    Number(await db.value("select count(*) from sync_error_log where resolved_at is null")),
    6,
    "open errors are kept for a year",
  );
  assertEquals(
    await db.query(
      "select resolution::text, count(*)::int as buckets from sync_metrics where entity_type = 'tournaments' group by resolution order by resolution",
    ),
    [{ resolution: "00:15:00", buckets: 1 }, { resolution: "01:00:00", buckets: 2 }, { resolution: "1 day", buckets: 3 }],
    "days are kept for ever",
  );
});

Deno.test("the summary view counts the runs of the last 24 hours after a refresh", async () => {
  await db.reset();
  const now = await db.value<string>("select now()");
  await aRun(db, { execution_start: now, execution_end: now });
  await aRun(db, { execution_start: now, execution_end: now, status: "FAILED" });
  await db.query("select private.refresh_health_summary()");
  const [summary] = await db.query(
    "select entity_type, total_executions::int as total, successful_executions::int as good from sync_health_summary",
  );
  assertEquals(summary, { entity_type: "matches_schedule", total: 2, good: 1 });
});

Deno.test("the code, the schema and the newest migration agree on the version", async () => {
  const newest = (await listMigrations()).at(-1);
  assertEquals(await db.value("select schema_version() -> 'version'"), SCHEMA_VERSION);
  assertEquals(Number(newest?.version), SCHEMA_VERSION);
});

Deno.test("the alert processor closes dead runs when it is called, and accepts only the secret key", async () => {
  await db.reset();
  const clock = new TestClock("2026-06-10T12:00:00Z");
  await aRun(db, {
    status: "RUNNING",
    execution_end: null,
    execution_start: "2026-06-10T11:00:00Z",
    heartbeat_at: "2026-06-10T11:00:00Z",
    lease_expires_at: "2026-06-10T11:01:00Z",
    deadline: "2026-06-10T11:10:00Z",
  });
  const background: Promise<unknown>[] = [];
  const app = createAlertProcessor({
    rpc: db.rpc,
    clock,
    log: () => {},
    channels: createChannels(testEnv(), clock),
    heartbeat: () => Promise.resolve(),
    waitUntil: (work) => background.push(work),
  });
  const post = (key: string, body: string) =>
    app.fetch(new Request("http://functions.test/sync-alert-processor", { method: "POST", headers: { apikey: key }, body }));
  assertEquals((await post(db.keys.publishable, "")).status, 401);
  assertEquals((await post(db.keys.secret, "{")).status, 400);
  assertEquals((await post(db.keys.secret, '{"cause": "moon"}')).status, 400);
  assertEquals((await post(db.keys.secret, '{"cause": "cron", "correlation_id": "x"}')).status, 202);
  await Promise.all(background);
  assertEquals(await db.value("select status from sync_execution_history"), "TIMED_OUT");
});

Deno.test.afterAll(() => db.close());
