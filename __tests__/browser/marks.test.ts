import { assertEquals } from "@std/assert";
import { marksOf } from "../../dashboard/src/due.ts";
import { distance, duration, msOf, partsOf, percent } from "../../dashboard/src/format.ts";
import { healthOfSync } from "../../dashboard/src/health.ts";
import { type Component, healthOf } from "../../dashboard/src/system/health.ts";

const ENTITY = {
  sync_frequency: "15 minutes",
  schedule_anchor: "2000-01-01T00:00:00Z",
  schedule_changed_at: null,
  grace: "5 minutes",
  pauses: [],
};
const at = (time: string) => `2026-06-10T${time}Z`;
const marks = (times: string[], now: string, entity: Parameters<typeof marksOf>[1] | null = ENTITY) =>
  marksOf(times.map((time) => ({ execution_start: at(time) })), entity ?? undefined, Date.parse(at(now)))
    .map(({ at, run }) => `${new Date(at).toISOString().slice(11, 16)}${run ? "" : " gap"}`);

Deno.test("a due time at which no run started is a gap; a run up to five seconds early, or later, fills it", () => {
  assertEquals(marks(["12:00:01", "12:14:55", "12:44:56", "13:00:02"], "13:04:00"), ["12:00", "12:14", "12:30 gap", "12:44", "13:00"]);
});

Deno.test("a due time becomes a gap after its grace, and no gap is before the oldest known run", () => {
  assertEquals(marks(["12:00:01"], "12:19:59"), ["12:00"]);
  assertEquals(marks(["12:00:01"], "12:20:00"), ["12:00", "12:15 gap"]);
});

Deno.test("a pause has no gaps, a changed schedule none before its change, and without a schedule there are only runs", () => {
  const pauses = [{ paused_at: at("12:01:00"), resumed_at: at("12:20:00") }, { paused_at: at("12:40:00"), resumed_at: null }];
  assertEquals(marks(["12:00:01"], "13:00:00", { ...ENTITY, pauses }), ["12:00", "12:30 gap"]);
  assertEquals(marks(["12:00:01"], "12:50:00", { ...ENTITY, schedule_changed_at: at("12:20:00") }), ["12:00", "12:30 gap", "12:45 gap"]);
  assertEquals(marks(["12:00:01"], "13:00:00", null), ["12:00"]);
});

Deno.test("the times of a message are apart from its text, in each form that the API writes", () => {
  for (const time of ["2026-11-27T15:00:00Z", "2026-11-27T15:00:00.123+00:00", "2026-11-27 15:00:00+00", "2026-11-27 15:00:00 UTC"]) {
    assertEquals(partsOf(`backoff until ${time}: VIS answered 429`), ["backoff until ", time, ": VIS answered 429"]);
    assertEquals(new Date(time).getUTCHours(), 15);
  }
  assertEquals(partsOf("season 2026-27"), ["season 2026-27"]);
});

Deno.test("figures have readable units, and a ratio below 1 is never shown as 100 %", () => {
  assertEquals([0, 999, 1_500, 59_600, 61_000, 3_600_000, 90_000_000, null].map(duration), [
    ...["0 ms", "999 ms", "1.5 s", "1 min", "1 min 1 s", "1 h", "1 d 1 h", "–"],
  ]);
  assertEquals([1, 0.9999, 0.5, 0, null].map(percent), ["100 %", "99.9 %", "50 %", "0 %", "–"]);
  assertEquals(["15 minutes", "1 day", "0 seconds", "soon"].map(msOf), [900_000, 86_400_000, 0, null]);
  assertEquals([distance(at("12:00:00"), Date.parse(at("12:01:00"))), distance(at("12:00:00"), Date.parse(at("11:59:50")))], [
    "1 min ago",
    "in 10 s",
  ]);
});

const part = (kind: Component["kind"], status: Component["status"], message = ""): Component => ({
  name: "a",
  kind,
  status,
  message,
  evidence: {},
});

Deno.test("a sync has the health of its runs in every view, and a schedule that does not work is a warning before a run is overdue", () => {
  for (const status of ["HEALTHY", "WARNING", "CRITICAL"] as const) {
    const seen = (["OK", "UNKNOWN", "DEGRADED", "FAILED"] as const).map((of) => healthOf(part("schedule", of), { a: { status } }));
    const early = status === "HEALTHY" ? "WARNING" : status;
    assertEquals(seen, [status, status, early, early]);
    assertEquals(healthOfSync({ status }), status);
  }
  assertEquals(healthOf(part("schedule", "FAILED"), {}), "CRITICAL");
});

Deno.test("a component is healthy only if the API says so and none of its runs failed", () => {
  const states = (["OK", "DEGRADED", "FAILED", "UNKNOWN"] as const).map((status) =>
    healthOf(part("queue", status), { a: { status: "CRITICAL" } })
  );
  assertEquals(states, ["HEALTHY", "WARNING", "CRITICAL", "UNKNOWN"]);
  assertEquals(healthOf(part("runs", "OK", "no run of the last hour failed"), {}), "HEALTHY");
  assertEquals(healthOf(part("runs", "OK", "1 of 4 runs of the last hour failed"), {}), "WARNING");
});
