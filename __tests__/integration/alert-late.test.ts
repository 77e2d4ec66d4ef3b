import { assertEquals } from "@std/assert";
import { decideAll } from "../../services/alert-evaluation.ts";
import { aRun } from "../../testing/factories.ts";
import { setUpProcessor } from "../../testing/processor.ts";
import { openTestDatabase } from "../../testing/database.ts";

const db = await openTestDatabase();
const actor = { name: "operator@example.com", role: "operator" };
const RULE = "Match Schedule Consecutive Failures";

/** Three consecutive failures, and an evaluator that has measured them and applies its decisions later. */
async function setUp() {
  const { clock, evaluate, fail } = await setUpProcessor(db);
  await fail();
  const { broken, ...measured } = await db.rpc("measure_alert_rules", { as_of: clock.asOf() });
  const { evaluated_since, measurements } = measured;
  const p = { cause: "cron", rules: measurements.length, evaluated_since, broken, ...decideAll(measured) };
  const applyLate = () => db.rpc("apply_alert_transitions", { p, as_of: clock.asOf() });
  const live = () => db.query("select rule_name from alert_incidents where state <> 'RESOLVED'");
  return { clock, evaluate, applyLate, live };
}

Deno.test("an evaluation opens no incident of a rule that was switched off or changed after it measured", async () => {
  for (const change of ["is_active = false", "entity_type = 'tournaments'", "metric = 'sync_overdue'", "scope = 'TOURNAMENT'"]) {
    const { applyLate, live } = await setUp();
    await db.query(`update alert_rules set ${change} where name = $1`, [RULE]);
    assertEquals([await applyLate(), await live()], [0, []], change);
    await db.query(
      "update alert_rules set is_active = true, entity_type = 'matches_schedule', metric = 'consecutive_failures', scope = 'ENTITY' where name = $1",
      [RULE],
    );
  }
});

Deno.test("an evaluation opens no incident after a person resolved one that another evaluation opened", async () => {
  const { clock, evaluate, applyLate, live } = await setUp();
  await evaluate();
  const id = await db.value("select id from alert_incidents");
  await db.query("select change_alert_incident($1, $2)", [{ id, action: "resolve", actor }, clock.asOf()]);
  assertEquals([await applyLate(), await live()], [0, []]);
});

Deno.test("an evaluation that finds an incident whose parent has a parent takes its parent away", async () => {
  const { clock, evaluate } = await setUp();
  const values = ["one", "two"].map((name) => `('Test ${name}', 'matches_schedule', 'consecutive_failures', 1, '1 hour', 'LOW')`);
  await db.query(`insert into alert_rules (name, entity_type, metric, threshold, evaluation_window, severity) values ${values}`);
  await evaluate();
  const setParent = (...names: string[]) =>
    db.query("update alert_incidents c set parent_id = p.id from alert_incidents p where c.rule_name = $1 and p.rule_name = $2", names);
  await setParent("Test one", "Test two");
  await setParent("Test two", RULE);
  const nothing = { cause: "cron", rules: 0, evaluated_since: null, transitions: [], recovered: [], broken: [] };
  await db.rpc("apply_alert_transitions", { p: nothing, as_of: clock.asOf() });
  const parents = await db.query(
    "select c.rule_name as child, p.rule_name as parent from alert_incidents c join alert_incidents p on p.id = c.parent_id",
  );
  assertEquals(parents, [{ child: "Test two", parent: RULE }]);
});

Deno.test("the parent of an incident is live again after its rule was switched off and on", async () => {
  const { clock, evaluate } = await setUp();
  await db.query(`insert into alert_rules (name, entity_type, metric, threshold, evaluation_window, severity)
    values ('Test one', 'matches_schedule', 'consecutive_failures', 1, '1 hour', 'LOW')`);
  await aRun(db, { execution_start: "2026-06-10T11:50:00Z", status: "FAILED" });
  await evaluate();
  const id = await db.value("select id from alert_rules where name = $1", [RULE]);
  for (const is_active of [false, true]) {
    await db.query("select save_alert_rule($1, $2)", [{ id, rule: { is_active }, actor }, clock.asOf()]);
  }
  await evaluate();
  const parents = await db.query(
    "select p.rule_name as parent, p.state from alert_incidents c join alert_incidents p on p.id = c.parent_id where c.state <> 'RESOLVED'",
  );
  assertEquals(parents, [{ parent: RULE, state: "FIRING" }]);
});

Deno.test.afterAll(() => db.close());
