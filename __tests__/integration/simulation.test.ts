import { assert, assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { seeded } from "../../testing/random.ts";
import { type Fault, prepareSimulation, simulate, startOfFault } from "../../testing/simulation.ts";

const db = await openTestDatabase();
const START = "2026-06-01T00:00:00.000Z";
const FAILURES = "Match Schedule Consecutive Failures",
  OVERDUE = "Match Schedule Overdue",
  DURATION = "Match Schedule Duration Exceeded",
  MEMORY = "Memory Usage Exceeded";

Deno.test("a simulation of 36 hours opens exactly the incidents of its faults, and each sends one FIRING and one RESOLVED notification", async () => {
  await prepareSimulation(db);
  const faults: Fault[] = [
    { kind: "failing", tick: 4, ticks: 2, rule: null },
    { kind: "failing", tick: 10, ticks: 5, rule: FAILURES },
    { kind: "late", tick: 20, ticks: 3, rule: null },
    { kind: "missed", tick: 30, ticks: 3, rule: OVERDUE },
    { kind: "slow", tick: 44, ticks: 1, rule: DURATION },
    { kind: "partial", tick: 56, ticks: 6, rule: null },
    { kind: "heavy", tick: 70, ticks: 2, rule: MEMORY },
    { kind: "failing", tick: 84, ticks: 3, rule: FAILURES },
    { kind: "missed", tick: 100, ticks: 1, rule: OVERDUE },
    { kind: "failing", tick: 120, ticks: 1, rule: null },
  ];
  const { incidents, notifications, ends } = await simulate(db, { start: START, ticks: 144, faults, random: seeded(1), isPunctual: true });
  const expected = faults.filter((fault) => fault.rule !== null);
  assertEquals(incidents.map((incident) => incident.rule), expected.map((fault) => String(fault.rule)));
  expected.forEach((fault, index) => {
    const delay = (incidents[index]?.opened ?? NaN) - startOfFault(fault, Date.parse(START), ends);
    assert(delay >= 0 && delay <= 5 * 60_000, `${fault.rule} fired ${delay} ms after the fault`);
    assert(incidents[index]?.resolved, `${fault.rule} is resolved`);
  });
  assertEquals(
    notifications.map(({ kind, rule }) => `${kind} ${rule}`),
    expected.flatMap(({ rule }) => [`FIRING ${rule}`, `RESOLVED ${rule}`]),
  );
});

Deno.test.afterAll(() => db.close());
