import { assert, assertEquals } from "@std/assert";
import type { EstimateFacts } from "../contract/queue.ts";
import { estimate, overEstimate } from "../job-estimate.ts";

const FACTS: EstimateFacts = {
  samples: [60_000],
  entity_type: "matches_schedule",
  target: "",
  status: "QUEUED",
  is_emergency: false,
  starts_in_ms: 0,
  backoff_ms: 0,
  elapsed_ms: null,
  slots: 4,
  emergency_slots: 1,
  slots_per_entity: 2,
  running: [],
  waiting: [],
};
/** Another job that has run for a second, and whose average leaves it `left_ms`. */
const other = (left_ms: number | null, entity_type = "tournaments", target = "*") => ({
  entity_type,
  target,
  elapsed_ms: 1_000,
  duration_ms: left_ms && left_ms + 1_000,
});
const threeRunning = [other(10_000, "a"), other(20_000, "b"), other(30_000, "c")];

for (
  const [name, facts, wait] of [
    ["a job with a free slot does not wait", {}, 0],
    ["a job before its time waits for it", { starts_in_ms: 5_000 }, 5_000],
    ["a job waits for the end of the upstream backoff", { backoff_ms: 60_000 }, 60_000],
    ["a slot that is free before the end of the backoff adds no wait", { backoff_ms: 60_000, running: threeRunning }, 60_000],
    ["a slot that is used after the end of the backoff does", { backoff_ms: 4_000, running: threeRunning }, 10_000],
    ["jobs before it start at the end of the backoff", {
      backoff_ms: 60_000,
      waiting: [
        other(4_000, "d"),
        other(5_000, "e"),
        other(6_000, "f"),
      ],
    }, 64_000],
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
    ["a job that runs longer than its average has a quarter of it left", {
      running: [{ entity_type: "matches_schedule", target: "", elapsed_ms: 50_000, duration_ms: 40_000 }],
    }, 10_000],
    ["a dispatched job has its slot", { status: "RUNNING", running: threeRunning }, 0],
  ] as [string, Partial<EstimateFacts>, number][]
) {
  Deno.test(`estimate: ${name}`, () => assertEquals(estimate({ ...FACTS, ...facts })?.median_ms, wait + 60_000));
}

Deno.test("an estimate is null without a history of the job, or of a job whose slot it waits for", () => {
  assertEquals(estimate({ ...FACTS, samples: null }), null);
  assertEquals(estimate({ ...FACTS, running: [other(null, "a"), other(null, "b"), other(null, "c")] }), null);
});

Deno.test("runs that took no measurable time add nothing to the wait of a job", () => {
  assertEquals(estimate({ ...FACTS, samples: [0, 0, 0], running: threeRunning }), { median_ms: 10_000, p90_ms: 10_000 });
});

Deno.test("the spread of an estimate grows with the wait, as if the jobs before it varied as much as its own runs", () => {
  const samples = [80_000, 100_000, 120_000];
  const spread = (facts: Partial<EstimateFacts>) => {
    const { median_ms, p90_ms } = estimate({ ...FACTS, samples, ...facts }) ?? { median_ms: NaN, p90_ms: NaN };
    return p90_ms - median_ms;
  };
  const own = spread({});
  // The samples vary by a fifth; a job of 50 s varies by 10 s, whose 90th percentile is 1.2816 times that.
  const running = [{ entity_type: "matches_schedule", target: "", elapsed_ms: 0, duration_ms: 50_000 }];
  assert(Math.abs(spread({ running }) - Math.hypot(own, 12_816)) < 1, String(spread({ running })));
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

Deno.test("a job is over its estimate once it has lasted longer than nine of ten earlier runs", () => {
  const samples = [10, 11, 10, 9, 10].map((seconds) => seconds * 1_000);
  const over = (elapsed_ms: number | null, earlier: number[] | null = samples) => overEstimate({ ...FACTS, samples: earlier, elapsed_ms });
  assertEquals(over(10_500), null);
  assertEquals(over(11_000), null);
  assertEquals(over(71_000), 60_000);
  assertEquals(over(null), null, "a job that does not run");
  assertEquals(over(71_000, []), null, "a job without history");
  assertEquals(over(71_000, null), null);
});
