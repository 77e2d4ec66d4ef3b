import { assert, assertEquals } from "@std/assert";
import { estimate, type EstimateFacts } from "../job-estimate.ts";

const FACTS: EstimateFacts = {
  samples: [60_000],
  entity_type: "matches_schedule",
  target: "",
  status: "QUEUED",
  is_emergency: false,
  starts_in_ms: 0,
  elapsed_ms: null,
  slots: 4,
  emergency_slots: 1,
  slots_per_entity: 2,
  running: [],
  waiting: [],
};
const other = (left_ms: number | null, entity_type = "tournaments", target = "*") => ({ entity_type, target, left_ms, variance: 0 });
const threeRunning = [other(10_000, "a"), other(20_000, "b"), other(30_000, "c")];

for (
  const [name, facts, wait] of [
    ["a job with a free slot does not wait", {}, 0],
    ["a job before its time waits for it", { starts_in_ms: 5_000 }, 5_000],
    ["a job waits for the first slot that is not kept for emergencies", { running: threeRunning }, 10_000],
    ["an emergency takes the slot that is kept for it", { running: threeRunning, is_emergency: true }, 0],
    ["an emergency waits when its slot is taken too", { running: [...threeRunning, other(5_000, "d")], is_emergency: true }, 5_000],
    ["a job waits for the jobs before it", { running: threeRunning, waiting: [other(4_000, "d"), other(90_000, "e")] }, 20_000],
    [
      "a job waits for a slot of its entity",
      { running: [other(7_000, "matches_schedule", "1"), other(9_000, "matches_schedule", "2")] },
      7_000,
    ],
    ["an emergency exceeds the slots of its entity", {
      running: [other(7_000, "matches_schedule", "1"), other(9_000, "matches_schedule", "2")],
      is_emergency: true,
    }, 0],
    ["a job waits for a running job of its target", { running: [other(8_000, "matches_schedule", "")] }, 8_000],
    ["a job of another entity with the same target does not delay it", { running: [other(8_000, "tournaments", "")] }, 0],
    ["a dispatched job has its slot", { status: "RUNNING", running: threeRunning }, 0],
  ] as [string, Partial<EstimateFacts>, number][]
) {
  Deno.test(`estimate: ${name}`, () => assertEquals(estimate({ ...FACTS, ...facts })?.median_ms, wait + 60_000));
}

Deno.test("an estimate is null without a history of the job, or of a job whose slot it waits for", () => {
  assertEquals(estimate({ ...FACTS, samples: null }), null);
  assertEquals(estimate({ ...FACTS, running: [other(null, "a"), other(null, "b"), other(null, "c")] }), null);
});

Deno.test("the estimate of a running job comes from the earlier runs that took longer than it has taken so far", () => {
  const samples = [10_000, 30_000, 20_000, 40_000, 50_000];
  assertEquals(estimate({ ...FACTS, status: "RUNNING", samples, elapsed_ms: 25_000 }), { median_ms: 15_000, p90_ms: 25_000 });
  assertEquals(estimate({ ...FACTS, status: "RUNNING", samples, elapsed_ms: 50_000 }), null);
});

Deno.test("durations that grow by a tenth from run to run are estimated at their next value", () => {
  const samples = Array.from({ length: 20 }, (_, age) => 100_000 / 1.1 ** age);
  const median = estimate({ ...FACTS, samples })?.median_ms ?? 0;
  assert(Math.abs(median - 110_000) < 1, String(median));
});
