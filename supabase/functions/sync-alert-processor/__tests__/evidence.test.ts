import { assertEquals } from "@std/assert";
import { messageItem } from "../../../../testing/messages.ts";
import { evidenceOf } from "../evidence.ts";

const BY_ENTITY = {
  tournaments: { runs: 10, success_rate: 1, slowest_s: 12.3, memory_mb: 80 },
  matches_schedule: { runs: 1, success_rate: 0.5, slowest_s: 90, memory_mb: null },
};

Deno.test("evidence is words and not JSON", () => {
  const evidence = {
    runs: 3,
    execution_id: "a1",
    fingerprint: "VIS_UNAVAILABLE:vis answered http #",
    by_entity: BY_ENTITY,
    tournament: "Gstaad",
    error: "<b>bad</b>\nline",
    tournaments: 4,
    of: 10,
    channels: { hook: 1 },
    waiting: 1,
    missed: ["2026-06-10T00:00:00Z"],
    peak: 5,
    backoff_until: "2026-06-10T13:00:00Z",
    other: { last_step: [1, 2] },
    nothing: null,
  };
  assertEquals(evidenceOf(messageItem({ metric: "memory_usage", evidence })), [
    "3 runs in the window",
    "run a1",
    "error code VIS_UNAVAILABLE",
    "tournaments: 10 runs, success rate 100 %, slowest 12.3 seconds, at most 80 MiB",
    "matches_schedule: 1 run, success rate 50 %, slowest 1.5 minutes",
    "error: <b>bad</b> line",
    "4 of 10 tournaments failed alike",
    "undelivered: hook 1",
    "1 job in the queue",
    "due 2026-06-10 00:00:00 UTC",
    "backoff until: 2026-06-10 13:00:00 UTC",
    "other: last step 1, 2",
  ]);
});

Deno.test("evidence does not repeat the cause", () => {
  assertEquals(evidenceOf(messageItem()), ["run 00000000-0000-4000-8000-0000000000a1", "error code VIS_SERVER_ERROR"]);
});

Deno.test("the evidence of an end is that of the worst value, without the time that another line has", () => {
  const at_peak = { at: "2026-06-10T12:10:00Z", execution_id: "a1", fingerprint: "VIS_UNAVAILABLE:x", tournaments: 10, of: 10 };
  const evidence = { execution_id: "b2", fingerprint: "OTHER:y", tournaments: 1, of: 10, peak: 10, at_peak };
  const end = messageItem({ kind: "RESOLVED", resolved_at: "2026-06-10T12:25:00Z", evidence });
  assertEquals(evidenceOf(end), ["run a1", "error code VIS_UNAVAILABLE"]);
  assertEquals(evidenceOf(messageItem({ evidence })), ["run b2", "error code OTHER"]);
});
