import { assert, assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { seeded } from "../../testing/random.ts";
import type { Fault } from "../../testing/simulated-runs.ts";
import { simulateTrouble } from "../../testing/simulated-trouble.ts";

const db = await openTestDatabase();
const START = Date.parse("2026-06-01T00:00:00Z"), TICK = 15 * 60_000;

Deno.test("in nine hours of trouble each recipient is notified once of each fault and of its end, and of nothing else", async () => {
  const faults: Fault[] = [
    { kind: "failing", tick: 1, ticks: 2 },
    { kind: "outage", tick: 5, ticks: 3, entity: "all" },
    { kind: "database", tick: 8, ticks: 1, entity: "all" },
    { kind: "slow", tick: 11, ticks: 2 },
    { kind: "missed", tick: 15, ticks: 2 },
    { kind: "lone", tick: 19, ticks: 3 },
    { kind: "refused", tick: 24, ticks: 4 },
    { kind: "outage", tick: 25, ticks: 2, entity: "all" },
    { kind: "paused", tick: 30, ticks: 3 },
  ];
  const trouble = { faults, quiet: [], acknowledgements: [{ at: START + 5 * TICK + 600_000, until: START + 6 * TICK + 600_000 }] };
  const { outcome, result } = await simulateTrouble(db, trouble, { start: START, ticks: 36, random: seeded(1) });
  const { expected, openings, delays, ...violations } = result;
  assertEquals(violations, { lost: [], false_openings: [], repeated: [], excess: [], endless: [] });
  assert(expected >= 20 && openings >= 20 && delays.every((delay) => delay <= 65_000), `${expected} ${openings} ${delays}`);
  const opened = outcome.received.filter(({ recipient }) => recipient === "dashboard").flatMap(({ items }) => items)
    .filter(({ kind }) => kind === "FIRING").map(({ rule_name }) => rule_name);
  // The second message about the first outage follows the expired acknowledgement, and the third follows its new cause.
  assertEquals(opened, [
    "Overall Sync Success Rate Drop",
    "Tournaments Failing Alike",
    "Tournaments Failing Alike",
    "Tournaments Failing Alike",
    "Match Schedule Duration Exceeded",
    "Match Schedule Overdue",
    "Live Tournament Failing",
    "Tournaments Failing Alike",
    "Notifications Undelivered",
  ]);
});

Deno.test.afterAll(() => db.close());
