import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { inWords } from "../alert-words.ts";

for (
  const [ms, words] of [
    [0, "0 seconds"],
    [1_000, "1 second"],
    [59_940, "59.9 seconds"],
    [59_990, "1 minute"],
    [60_000, "1 minute"],
    [57 * 60_000, "57 minutes"],
    [59.9 * 60_000, "59.9 minutes"],
    [59.98 * 60_000, "1 hour"],
    [90 * 60_000, "1.5 hours"],
    [23.97 * 3_600_000, "1 day"],
    [26 * 3_600_000, "1.1 days"],
  ] as const
) {
  Deno.test(`${ms} ms are ${words}`, () => assertEquals(inWords(ms), words));
}

Deno.test("a duration never has a count that completes the next larger unit", () => {
  const largest: Record<string, number> = { second: 60, minute: 60, hour: 24, day: Infinity };
  fc.assert(fc.property(fc.integer({ min: 0, max: 40 * 86_400_000 }), (ms) => {
    const [count = "", unit = ""] = inWords(ms).split(" ");
    return Number(count) < (largest[unit.replace(/s$/, "")] ?? 0) && (Number(count) === 1) === !unit.endsWith("s");
  }));
});
