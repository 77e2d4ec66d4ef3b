import { assertEquals } from "@std/assert";
import { evaluateRules } from "../../supabase/functions/sync-alert-processor/alert-processor.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { VALID_ROWS } from "../../testing/rows.ts";
import { aResult, aRun, aTournament, insert } from "../../testing/factories.ts";

const db = await openTestDatabase();
const ALIKE = "Tournaments Failing Alike";
const FAILURES = "Match Schedule Consecutive Failures", RATE = "Overall Sync Success Rate Drop";

async function setUp(...active: string[]) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences cascade");
  await db.query("update alert_rules set is_active = name = any ($1)", [active]);
  const clock = new TestClock("2026-06-10T12:03:00.000Z");
  await db.query("update sync_status set last_attempt = $1, last_sync = $1", [clock.asOf()]);
  return { clock, evaluate: () => evaluateRules(db.rpc, clock, () => {}, "cron") };
}
const setFailures = (count: number) =>
  db.query("update sync_status set consecutive_failures = $1 where entity_type = 'matches_schedule'", [count]);
const notified = async () =>
  (await db.query<{ line: string }>(
    "select concat_ws(' ', item ->> 'kind', item ->> 'rule_name') as line from alert_notifications order by seq",
  ))
    .map(({ line }) => line);
/** Adds runs with these statuses, ten minutes apart. */
const runs = async (start: string, count: number, status = (_index: number) => "SUCCEEDED") => {
  for (let index = 0; index < count; index++) {
    await aRun(db, { execution_start: new Date(Date.parse(start) + index * 600_000).toISOString(), status: status(index) });
  }
};

Deno.test("a rate that covered runs pushed over its threshold is not notified on its way back, also after these runs left the window", async () => {
  const { clock, evaluate } = await setUp(FAILURES, RATE);
  await runs("2026-06-10T05:00:00Z", 40);
  await runs("2026-06-10T11:40:00Z", 3, () => "FAILED");
  await setFailures(3);
  await evaluate();
  await setFailures(0);
  await runs("2026-06-10T12:10:00Z", 40);
  clock.moveTo("2026-06-10T19:00:00Z");
  await evaluate();
  const live = () =>
    db.value("select jsonb_agg(concat_ws(' ', rule_name, value::numeric(3, 2), muted_by)) from alert_incidents where state = 'FIRING'");
  assertEquals(await live(), [`${RATE} 0.96 COVERAGE`]);
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `RESOLVED ${FAILURES}`]);
  await runs("2026-06-10T19:10:00Z", 100, (index) => index % 20 === 19 ? "FAILED" : "SUCCEEDED");
  clock.moveTo("2026-06-11T12:20:00Z");
  await evaluate();
  assertEquals(await live(), [`${RATE} 0.96 COVERAGE`]);
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `RESOLVED ${FAILURES}`]);
});

Deno.test("an incident also covers the runs that failed while nothing was evaluated, until it ended", async () => {
  const { clock, evaluate } = await setUp(FAILURES, RATE);
  await runs("2026-06-10T00:00:00Z", 69);
  await runs("2026-06-10T11:30:00Z", 3, () => "FAILED");
  await setFailures(3);
  await evaluate();
  await runs("2026-06-10T12:10:00Z", 6, () => "FAILED");
  await runs("2026-06-10T13:10:00Z", 1);
  await setFailures(0);
  for (const time of ["13:12", "13:13"]) {
    clock.moveTo(`2026-06-10T${time}:00Z`);
    await evaluate();
  }
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `RESOLVED ${FAILURES}`]);
});

Deno.test("a rate whose runs are all covered is inhibited", async () => {
  const { evaluate } = await setUp(FAILURES, RATE);
  await runs("2026-06-10T11:20:00Z", 4, () => "FAILED");
  await setFailures(4);
  for (let evaluation = 0; evaluation < 3; evaluation++) await evaluate();
  assertEquals(await notified(), [`FIRING ${FAILURES}`]);
});

Deno.test("a covered rate stays inhibited while its value is unknown, because its sync is paused", async () => {
  const { clock, evaluate } = await setUp(FAILURES, RATE);
  await runs("2026-06-10T05:00:00Z", 20);
  await runs("2026-06-10T11:40:00Z", 3, () => "FAILED");
  await setFailures(3);
  await evaluate();
  await setFailures(0);
  clock.advance(60_000);
  await evaluate();
  await db.query("update sync_status set paused_at = $1, paused_by = 'operator@example.com' where entity_type = 'matches_schedule'", [
    clock.asOf(),
  ]);
  clock.advance(60_000);
  await evaluate();
  assertEquals(await notified(), [`FIRING ${FAILURES}`, `RESOLVED ${FAILURES}`]);
});

Deno.test("a shared failure also covers the runs of another sync that failed with its fingerprint", async () => {
  const { clock, evaluate } = await setUp(ALIKE, RATE);
  const failed = await aRun(db, { execution_start: "2026-06-10T12:00:00Z", status: "FAILED" });
  for (const no of ["1", "2", "3"]) {
    await aTournament(db, { no });
    await aResult(db, failed, { tournament_no: no, error_type: "NETWORK", error_fingerprint: "down" });
  }
  for (const [minute, status] of [["01", "FAILED"], ["02", "FAILED"]]) {
    const run = await aRun(db, { entity_type: "tournaments", execution_start: `2026-06-10T12:${minute}:00Z`, status });
    await insert(db, "sync_error_log", {
      ...VALID_ROWS.sync_error_log,
      entity_type: "tournaments",
      sync_execution_id: run.id,
      fingerprint: "down",
    });
  }
  await evaluate();
  const good = await aRun(db, { execution_start: "2026-06-10T12:15:00Z" });
  for (const no of ["1", "2", "3"]) await aResult(db, good, { tournament_no: no });
  for (const minute of ["16", "17"]) await aRun(db, { entity_type: "tournaments", execution_start: `2026-06-10T12:${minute}:00Z` });
  clock.moveTo("2026-06-10T12:20:00Z");
  for (let evaluation = 0; evaluation < 2; evaluation++) await evaluate();
  assertEquals(await notified(), [`FIRING ${ALIKE}`, `RESOLVED ${ALIKE}`]);
});

Deno.test("incidents that nobody was notified of do not make the next one flap", async () => {
  const { evaluate } = await setUp(FAILURES);
  const resolved = (notified_at: string | null) =>
    db.query(
      `insert into alert_incidents (rule_id, rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, notified_at, resolved_at, updated_at)
      select id, name, metric, entity_type, 'RESOLVED', severity, 3, 'm', s.at, s.at, s.at, $1, s.at, s.at
      from alert_rules cross join (select '2026-06-10T11:00:00Z'::timestamptz as at) s where name = $2`,
      [notified_at, FAILURES],
    );
  for (let round = 0; round < 3; round++) await resolved(null);
  await evaluate();
  await setFailures(3);
  await evaluate();
  assertEquals(await notified(), [`FIRING ${FAILURES}`]);
  await db.query("truncate alert_incidents cascade");
  for (let round = 0; round < 3; round++) await resolved("2026-06-10T11:00:00Z");
  await evaluate();
  assertEquals(await notified(), [`FLAPPING ${FAILURES}`]);
});

Deno.test.afterAll(() => db.close());
