import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { openTestDatabase } from "../../testing/database.ts";
import { aTournament } from "../../testing/factories.ts";

// scripts/test.ts runs this file only on a server, because the embedded database has one session.
const db = await openTestDatabase();
const START = Date.parse("2026-06-10T12:00:00Z");
const SEQUENCES = 51, OPERATIONS = 200;

const nos = await Promise.all(Array.from({ length: 6 }, async () => String((await aTournament(db)).no)));
await db.query("update sync_queue_settings set triggers_per_minute = 1000000, slots = 3, slots_per_entity = 2");
await db.database.exec(`
  create table job_changes (seq bigint generated always as identity, job_id uuid, old_status varchar, new_status varchar);
  create table claims (job_id uuid);
  -- Jobs that a claim overtook although they could have started: there must be none.
  create table overtakings (job_id uuid, by_id uuid);
  -- A stable function reads the snapshot of the statement that calls it, which is the snapshot of the claim.
  create function note_overtaken() returns trigger language plpgsql stable set search_path = public as $$
  declare
    as_of constant timestamptz := new.lease_expires_at - interval '30 seconds';
  begin
    perform set_config('model.overtaken', coalesce((
      select string_agg(j.id::text, ',')
      from sync_jobs j join sync_status e on e.entity_type = j.entity_type and e.paused_at is null
      where j.status = 'QUEUED' and (j.rank, j.id) < (new.rank, new.id) and j.not_before <= as_of and (j.expires_at is null or j.expires_at > as_of)
        and (j.priority = 'EMERGENCY' or (select count(*) < 2 from sync_jobs o where o.status = 'RUNNING' and o.priority <> 'EMERGENCY'))
        and 2 + (j.priority = 'EMERGENCY')::integer > (select count(*) from sync_jobs o where o.status = 'RUNNING' and o.entity_type = j.entity_type)
        and not exists (select from sync_jobs o where o.status = 'RUNNING' and o.entity_type = j.entity_type and o.target = j.target)
        and not exists (select from sync_execution_history h
          where h.status = 'RUNNING' and h.entity_type = j.entity_type and coalesce(h.tournament_no, '') = j.target)
        and not exists (select from tournament_sync_state s
          where j.entity_type = 'matches_schedule' and s.lease_expires_at > as_of
            and (s.tournament_no = j.tournament_no or j.tournament_nos ? s.tournament_no))
    ), ''), true);
    return new;
  end $$;
  create trigger note_overtaken before update on sync_jobs for each row
    when (old.status = 'QUEUED' and new.status = 'RUNNING') execute function note_overtaken();
  create function record_job_change() returns trigger language plpgsql set search_path = public as $$
  begin
    if tg_op = 'INSERT' or old.status is distinct from new.status then
      insert into job_changes (job_id, old_status, new_status) values (new.id, case tg_op when 'UPDATE' then old.status end, new.status);
    end if;
    if tg_op = 'UPDATE' and old.status = 'QUEUED' and new.status = 'RUNNING' then
      insert into claims values (new.id);
      -- A job that was cancelled while the claim waited for its row is not overtaken; this statement sees that.
      insert into overtakings select j.id, new.id from sync_jobs j
      where j.id::text = any (string_to_array(current_setting('model.overtaken'), ',')) and j.status = 'QUEUED';
    end if;
    return new;
  end $$;
  create trigger record_job_change after insert or update on sync_jobs for each row execute function record_job_change();
`);

const operation = fc.record({
  kind: fc.constantFrom(
    ...["enqueue", "enqueue", "enqueue", "drain", "start", "start", "start", "late start", "heartbeat", "finish", "finish", "late finish"],
    ...["cancel", "requeue", "reap", "wait", "pause", "resume", "cron run", "claim tournament", "complete tournament"],
  ),
  entity: fc.constantFrom("tournaments", "matches_schedule"),
  target: fc.constantFrom(null, null, ...nos),
  priority: fc.constantFrom("NORMAL", "NORMAL", "HIGH", "EMERGENCY"),
  outcome: fc.constantFrom("SUCCEEDED", "SUCCEEDED", "PARTIAL", "FAILED", "FAILED", "CANCELLED"),
  retryable: fc.boolean(),
  pick: fc.nat(1_000_000),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const EXPECTED = /PT\d{3}|cannot be|no longer current|already|still|is paused|nothing|no tournament failed/i;

/** Performs the operations with several concurrent workers, and checks the invariants afterwards. */
async function simulate(operations: readonly Operation[], workers: number): Promise<void> {
  await db.database.exec(
    `truncate sync_jobs, manual_sync_audit, sync_execution_history, tournament_sync_state, job_changes, overtakings,
      private.call_log cascade`,
  );
  await db.query("update sync_status set paused_at = null, paused_by = null");
  let now = START;
  const dispatched: Record<string, unknown>[] = [], stale: Record<string, unknown>[] = [], runs: string[] = [], ended: string[] = [];
  const actor = { name: "operator@example.com", role: "operator" };
  const at = () => new Date(now).toISOString();
  const execute = async (fn: string, args: unknown[]) => (await db.query<{ answer: unknown }>(`select ${fn} as answer`, args))[0]?.answer;
  const call = (fn: string, p: object) => execute(`${fn}($1, $2)`, [p, at()]);
  const fullRun = () =>
    db.value<string | null>(
      "select id from sync_execution_history where status = 'RUNNING' and entity_type = 'matches_schedule' and tournament_no is null",
    );
  const anyJob = (pick: number) => db.value<string | null>("select id from sync_jobs order by md5(id::text || $1) limit 1", [String(pick)]);
  const start = async (body: Record<string, unknown> | undefined, pick: number) => {
    if (!body) return;
    const execution_id = crypto.randomUUID();
    const entity_type = await db.value("select entity_type from sync_jobs where id = $1", [body.sync_job_id]);
    const started = await call("start_sync_execution", { ...body, entity_type, execution_id, wall_clock_ms: 600_000 }) as {
      outcome: string;
    };
    if (started.outcome === "STARTED") runs.push(execution_id);
    if (pick % 3 === 0) stale.push(body);
  };
  const perform = async ({ kind, entity, target, priority, outcome, retryable, pick }: Operation): Promise<unknown> => {
    now += 1 + pick % 3_000;
    switch (kind) {
      case "enqueue":
        return await call("enqueue_sync_job", {
          entity_type: entity,
          tournament_no: target,
          priority,
          triggered_by: actor.name,
          reason: "model",
          actor,
        });
      case "drain":
        return await execute("drain_sync_queue($1)", [at()]);
      case "start": {
        const calls = await db.query<{ body: Record<string, unknown> }>(
          "delete from private.call_log where path like '%-sync' and body ? 'job_token' returning body",
        );
        dispatched.push(...calls.map(({ body }) => body));
        return await start(dispatched.splice(pick % (dispatched.length || 1), 1)[0], pick);
      }
      case "late start":
        return await start(stale[pick % (stale.length || 1)], 1);
      case "heartbeat":
        return await call("heartbeat_sync_execution", {
          execution_id: runs[pick % (runs.length || 1)],
          counters: { tournaments_processed: pick % 9 },
        });
      case "finish": {
        const [execution_id] = runs.splice(pick % (runs.length || 1), 1);
        if (!execution_id) return null;
        ended.push(execution_id);
        return await call("finish_sync_execution", { execution_id, status: outcome, reason: "model", retryable, counters: {} });
      }
      case "late finish":
        return await call("finish_sync_execution", {
          execution_id: ended[pick % (ended.length || 1)],
          status: outcome,
          reason: "late",
          counters: {},
        });
      case "cancel":
        return await call("cancel_sync_job", { id: await anyJob(pick), actor });
      case "requeue":
        return await call("requeue_sync_job", { id: await anyJob(pick), only_failed: retryable, actor });
      case "reap":
        return await execute("reap_sync_executions($1)", [at()]);
      case "wait":
        now += 20_000 + pick % 60_000;
        return await execute("drain_sync_queue($1)", [at()]);
      case "pause":
      case "resume":
        return await call("change_entity", {
          entity_type: entity,
          changes: { is_paused: kind === "pause" && pick % 4 === 0 },
          reason: "model",
          actor,
        });
      case "claim tournament":
        return await call("private.claim_tournaments", {
          execution_id: await fullRun() ?? crypto.randomUUID(),
          tournament_no: target ?? nos[0],
        });
      case "complete tournament":
        return await call("write_matches", {
          execution_id: await fullRun(),
          tournament_no: target ?? nos[0],
          matches: [],
          present: [],
          tick_at: at(),
        });
      default: // a scheduled run, which occupies no slot
        return await call("start_sync_execution", {
          entity_type: entity,
          execution_id: crypto.randomUUID(),
          trigger: "CRON",
          wall_clock_ms: 60_000,
        });
    }
  };
  const remaining = [...operations];
  await Promise.all(Array.from({ length: workers }, async () => {
    for (let next = remaining.shift(); next; next = remaining.shift()) {
      await perform(next).catch((error: Error) => {
        if (!EXPECTED.test(`${Reflect.get(error, "code")} ${error.message}`)) throw error;
      });
    }
  }));
  await check();
  for (const { status } of await db.query<{ status: string }>("select distinct status from sync_jobs")) seen.states.add(status);
  const endings = await db.query<{ outcome: string }>(
    "select distinct a.outcome from sync_jobs j cross join private.attempts_of(j) a where a.outcome is not null",
  );
  endings.forEach(({ outcome }) => seen.outcomes.add(outcome));
}

const seen = { states: new Set<string>(), outcomes: new Set<string>() };

/** Each violation of an invariant, with the query that finds it. */
const VIOLATIONS: Record<string, string> = {
  "a job leaves a terminal state":
    "select 1 from job_changes where old_status in ('COMPLETED', 'FAILED', 'CANCELLED') and new_status is distinct from old_status",
  "a job finishes twice":
    "select 1 from job_changes where new_status in ('COMPLETED', 'FAILED', 'CANCELLED') and old_status is distinct from new_status group by job_id having count(*) > 1",
  "a cancelled job completes": "select 1 from sync_jobs where cancel_requested_at is not null and status = 'COMPLETED'",
  "an ended attempt is still current": "select 1 from sync_job_attempts a join sync_jobs j on j.id = a.job_id and j.token = a.token",
  "an attempt ends twice": "select 1 from sync_job_attempts group by token having count(*) > 1",
  "one run belongs to two attempts":
    "select 1 from sync_jobs j cross join private.attempts_of(j) a where a.execution_id is not null group by a.execution_id having count(*) > 1",
  "a completed job has no completed attempt":
    "select 1 from sync_jobs j where j.status = 'COMPLETED' and not exists (select from private.attempts_of(j) a where a.outcome = 'COMPLETED')",
  "a job has no audit row": "select 1 from sync_jobs j where not exists (select from manual_sync_audit a where a.sync_job_id = j.id)",
  "a job is finished and its audit row is not, or the reverse":
    "select 1 from sync_jobs j join manual_sync_audit a on a.sync_job_id = j.id where (j.finished_at is null) <> (a.completion_timestamp is null)",
  "more jobs run than there are slots":
    "select 1 from sync_jobs where status = 'RUNNING' having count(*) > 3 or count(*) filter (where priority <> 'EMERGENCY') > 2",
  "more jobs of one entity run than slots_per_entity":
    "select 1 from sync_jobs where status = 'RUNNING' group by entity_type having count(*) filter (where priority <> 'EMERGENCY') > 2",
  "a job has more attempts than allowed": "select 1 from sync_jobs where attempts > max_attempts",
  "two live runs have the same target":
    "select 1 from sync_execution_history where status = 'RUNNING' group by entity_type, coalesce(tournament_no, '') having count(*) > 1",
  "a job starts before one with a lower rank that may start": "select 1 from overtakings",
};
async function check(): Promise<void> {
  for (const [violation, sql] of Object.entries(VIOLATIONS)) assertEquals((await db.query(sql)).length, 0, violation);
}

for (const workers of [1, 2, 3, 4]) {
  Deno.test(`random operations of ${workers} concurrent ${workers === 1 ? "worker" : "workers"} violate no invariant of the queue`, async () => {
    let operations = 0;
    const sequence = fc.array(operation, { minLength: OPERATIONS, maxLength: OPERATIONS });
    await db.query("truncate claims");
    await fc.assert(
      fc.asyncProperty(sequence, async (ops) => {
        operations += ops.length;
        await simulate(ops, workers);
      }),
      { numRuns: SEQUENCES / 3, seed: workers, endOnFailure: true },
    );
    // The operations reached every state and every outcome, and enough claims to test the order.
    assert(operations >= 3_400);
    const claims = Number(await db.value("select count(*) from claims"));
    assert(claims > 300, `${claims} jobs were claimed`);
    assertEquals([...seen.states].sort(), ["CANCELLED", "COMPLETED", "FAILED", "QUEUED", "RUNNING"]);
    assertEquals([...seen.outcomes].sort(), ["CANCELLED", "COMPLETED", "EXPIRED", "FAILED", "WAITED"]);
  });
}

Deno.test.afterAll(() => db.close());
