import { assertEquals } from "@std/assert";
import type { ReplayFacts } from "../contract/replay.ts";
import { suggestThreshold } from "../rule-suggestion.ts";
import { facts, iso } from "../../testing/replay-facts.ts";

const RULE = { metric: "duration_exceeded", threshold: 120 } as const;
/** Incidents every 30 minutes that last 10 minutes, by their worst value; people acted on the recorded ones. */
function replay(
  peaks: number[],
  mattered: Record<number, ("acknowledged" | "USEFUL" | "NOISE")[]> = {},
  rule: Partial<ReplayFacts["rule"]> = RULE,
) {
  const by = Object.fromEntries(
    peaks.flatMap((peak, index) => [[index * 30 + 1, peak], [index * 30 + 11, rule.metric === "success_rate" ? 1 : 0]]),
  );
  const incidents = peaks.map((peak, index) => ({
    ...{ entity_type: "matches_schedule", tournament_no: null, severity: "HIGH" as const, peak },
    ...{ opened_at: iso(index * 30 + 1), resolved_at: iso(index * 30 + 11) },
    acknowledged_at: mattered[index]?.includes("acknowledged") ? iso(index * 30 + 2) : null,
    label: (["USEFUL", "NOISE"] as const).find((label) => mattered[index]?.includes(label)) ?? null,
  }));
  return suggestThreshold(facts(by, { actual: { incidents, notifications: 0, messages: 0 } }, rule));
}

Deno.test("the threshold is the one that spares most incidents, and every acknowledged or useful one still opens", () => {
  const peaks = [130, 150, 150, 172, 300, 130];
  const found = replay(peaks, { 4: ["acknowledged"] });
  assertEquals([found?.threshold, found?.incidents, found?.incidents_then, found?.kept], [180, 6, 1, 1]);
  const useful = replay(peaks, { 3: ["USEFUL"], 4: ["acknowledged"] });
  assertEquals([useful?.threshold, useful?.incidents_then, useful?.kept], [160, 2, 2]);
});

Deno.test("an acknowledged incident that was labelled noise need not open", () => {
  assertEquals(replay([130, 150, 150, 172], { 3: ["acknowledged"] })?.incidents_then, 1);
  assertEquals(replay([130, 150, 150, 172], { 3: ["acknowledged", "NOISE"] })?.incidents_then, 0);
});

Deno.test("a rate is suggested lower, and stays within what the metric can reach", () => {
  const rate = { metric: "success_rate", threshold: 0.95, minimum_runs: 0 } as const;
  const found = replay([0.91, 0.9, 0.92, 0.4, 0.93], { 3: ["acknowledged"] }, rate);
  assertEquals([found?.threshold, found?.incidents, found?.incidents_then], [0.9, 5, 1]);
  assertEquals(replay([0, 0, 0, 0], {}, rate), null);
});

Deno.test("few incidents, incidents that all mattered, and a gain of less than a quarter suggest nothing", () => {
  assertEquals(replay([130, 150, 160]), null);
  assertEquals(replay([130, 150, 160, 170], { 0: ["USEFUL"], 1: ["acknowledged"], 2: ["acknowledged"], 3: ["USEFUL"] }), null);
  const most = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [index, ["acknowledged" as const]]));
  assertEquals(replay([200, 200, 200, 200, 200, 200, 200, 200, 130], most), null);
});

Deno.test("counts stay whole numbers", () => {
  const found = replay([3, 3, 3, 9, 3], { 3: ["acknowledged"] }, { metric: "consecutive_failures", threshold: 3 });
  assertEquals([found?.threshold, found?.incidents_then], [4, 1]);
});
