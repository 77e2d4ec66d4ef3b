import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { SyncError } from "../classification.ts";
import type { KnownMatches } from "../contract/sync-writes.ts";
import { judgeReply, refuseMissingRows } from "../second-look.ts";

const NOW = Date.parse("2026-06-10T10:00:00Z");
const MINUTE = 60_000;

interface Row extends Record<string, unknown> {
  no: string;
  local_date: string | null;
  team_a_name: string | null;
  points: number | null;
  vis_version: number | null;
}
const row = (no: number, changes: Partial<Row> = {}): Row => ({
  no: String(no),
  local_date: "2026-06-10",
  team_a_name: "Mol/Sørum",
  points: no % 4 === 0 ? 21 : null,
  vis_version: 1,
  ...changes,
});
const rows = (count: number, changes: Partial<Row> = {}, from = 1): Row[] =>
  Array.from({ length: count }, (_, index) => row(from + index, changes));

/** The known rows of a request after these rows were written. */
function knownOf(written: Row[], held: KnownMatches["held"] = null): KnownMatches {
  const filled: Record<string, number> = {};
  for (const record of written) {
    for (const [column, value] of Object.entries(record)) if (value !== null) filled[column] = (filled[column] ?? 0) + 1;
  }
  const dates = Object.fromEntries(written.map((record) => [record.no, record.local_date]));
  return { dates, filled, held, main_draw_from: "2026-06-09", main_draw_until: "2026-06-12", are_rows_due: false, version: null };
}
const replyOf = (records: Row[], isIncomplete = false) => ({
  records,
  present: records.map(({ no }) => no),
  isIncomplete,
  dateColumn: "local_date",
});

const CASES: [name: string, known: Row[], reply: Row[], warning: string | null][] = [
  ["the same rows", rows(40), rows(40), null],
  ["no row, where 10 are known", rows(10), [], "REPLY_SHRANK"],
  ["no row, where 1 is known", rows(1), [], "REPLY_SHRANK"],
  ["no row, where none is known", [], [], null],
  ["the first rows", [], rows(40), null],
  ["a fifth fewer rows", rows(40), rows(32), null],
  ["more than a fifth fewer rows", rows(40), rows(31), "REPLY_SHRANK"],
  ["5 of 10 rows fewer", rows(10), rows(5), null],
  ["6 of 10 rows fewer", rows(10), rows(4), "REPLY_SHRANK"],
  ["all rows renumbered", rows(10), rows(10, {}, 101), "REPLY_SHRANK"],
  ["no names", rows(10), rows(10, { team_a_name: null }), "REPLY_BLANKED"],
  ["no name in one half", rows(10), [...rows(5, { team_a_name: null }), ...rows(5, {}, 6)], null],
  ["no name in 6 of 10 rows", rows(10), [...rows(6, { team_a_name: null }), ...rows(4, {}, 7)], "REPLY_BLANKED"],
  ["no name in 1 row of 1", rows(1), rows(1, { team_a_name: null }), "REPLY_BLANKED"],
  ["no points, where 10 of 40 rows had them", rows(40), rows(40, { points: null }), "REPLY_BLANKED"],
  ["no points in half of the 12 rows that had them", rows(48), [...rows(24, { points: null }), ...rows(24, {}, 25)], null],
  ["no versions", rows(10), rows(10, { vis_version: null }), null],
  ["no points, where 1 of 4 rows had them", rows(4), rows(4, { points: null }), null],
  ["no names beside new rows that have one", rows(10), [...rows(10, { team_a_name: null }), ...rows(20, {}, 101)], "REPLY_BLANKED"],
  ["dates in another year", rows(10), rows(10, { local_date: "2019-06-10" }), "REPLY_MOVED"],
  ["dates a week later", rows(10), rows(10, { local_date: "2026-06-17" }), null],
  ["dates 8 days later", rows(10), rows(10, { local_date: "2026-06-18" }), "REPLY_MOVED"],
  ["dates 8 days later in one half", rows(10), [...rows(5, { local_date: "2026-06-18" }), ...rows(5, {}, 6)], null],
  ["no dates", rows(10), rows(10, { local_date: null }), "REPLY_BLANKED"],
];
const INCREMENTAL: [name: string, reply: Row[], deleted: number, warning: string | null][] = [
  ["1 row, which lost its names", rows(1, { team_a_name: null }), 0, null],
  ["5 rows, which lost their names", rows(5, { team_a_name: null }), 0, null],
  ["6 rows, which lost their names", rows(6, { team_a_name: null }), 0, "REPLY_BLANKED"],
  ["5 rows, dated 8 days later", rows(5, { local_date: "2026-06-18" }), 0, null],
  ["6 rows, dated 8 days later", rows(6, { local_date: "2026-06-18" }), 0, "REPLY_MOVED"],
  ["1 row, without the others", rows(1), 0, null],
  ["8 deleted rows", [], 8, null],
  ["9 deleted rows", [], 9, "REPLY_SHRANK"],
];
for (const [name, reply, deleted, warning] of INCREMENTAL) {
  Deno.test(`an incremental reply with ${name} of 40 ${warning ? `is held back as ${warning}` : "is believed"}`, () => {
    const present = rows(40).slice(deleted).map(({ no }) => no);
    const verdict = judgeReply({ ...replyOf(reply), present, isIncremental: true }, knownOf(rows(40)), NOW);
    assertEquals([verdict.warning, verdict.present.length], [warning, warning ? 40 : 40 - deleted]);
  });
}

for (const [name, known, reply, warning] of CASES) {
  Deno.test(`a reply with ${name} ${warning ? `is held back as ${warning}` : "is believed"}`, () => {
    const verdict = judgeReply(replyOf(reply), knownOf(known), NOW);
    assertEquals(verdict.warning, warning);
    if (warning) assertEquals([...verdict.present].sort(), known.map(({ no }) => no).sort(), "nothing vanishes");
    if (warning) assertMatch(verdict.message, /^the reply /);
    assertEquals(judgeReply(replyOf(reply), knownOf(known), NOW, true).warning, null, "an operator confirms it at once");
  });
}

/** Holds `first` back at NOW, and judges `second` some minutes later. */
function lookAgain(known: Row[], first: Row[], second: Row[], minutes: number, isIncomplete = false) {
  const held = judgeReply(replyOf(first), knownOf(known), NOW).look?.held;
  if (!held) throw new Error("the first reply is not held back");
  const { warning: _, ...digest } = held;
  const earlier = { ...digest, confirmed_from: new Date(NOW + 10 * MINUTE).toISOString() };
  return judgeReply(replyOf(second, isIncomplete), knownOf(known, earlier), NOW + minutes * MINUTE);
}

Deno.test("the same reply 10 minutes later is believed, and no earlier one changes the stored digest", () => {
  for (const lie of [[], rows(2), rows(10, {}, 101), rows(10, { team_a_name: null }), rows(10, { local_date: "2019-06-10" })]) {
    const early = lookAgain(rows(10), lie, lie, 9.9);
    assertEquals([early.warning === null, early.look, early.present.length], [false, undefined, 10]);
    const late = lookAgain(rows(10), lie, lie, 10);
    assertEquals([late.warning, late.present, late.look], [null, lie.map(({ no }) => no), { held: null, is_contradicted: false }]);
  }
});

Deno.test("a good reply is believed at any time and contradicts the one that was held back", () => {
  for (const minutes of [1, 10]) {
    const verdict = lookAgain(rows(10), [], rows(10), minutes);
    assertEquals([verdict.warning, verdict.look], [null, { held: null, is_contradicted: true }]);
  }
});

Deno.test("rows that both replies lack vanish, and the rest is judged anew: 39, 28, 14", () => {
  const verdict = lookAgain(rows(39), rows(28), rows(14), 10);
  assertEquals([verdict.warning, verdict.present.length, verdict.look?.is_contradicted], ["REPLY_SHRANK", 28, false]);
  assertEquals(verdict.look?.held?.missing.length, 14);
  assertEquals(lookAgain(rows(28), rows(14), rows(14), 10).warning, null);
  assertEquals(lookAgain(rows(39), rows(28), rows(23), 10).warning, null, "5 of 28");
  assertEquals(lookAgain(rows(39), rows(28), rows(22), 10).warning, "REPLY_SHRANK", "6 of 28");
});

Deno.test("another untrue reply is held back anew and contradicts the first", () => {
  const verdict = lookAgain(rows(10), rows(10, { team_a_name: null }), rows(10, { local_date: "2019-06-10" }), 10);
  assertEquals([verdict.warning, verdict.look?.is_contradicted, verdict.present.length], ["REPLY_MOVED", true, 10]);
  assertEquals(verdict.look?.held?.blanked, []);
});

Deno.test("dates that moved elsewhere than before are no confirmation", () => {
  const verdict = lookAgain(rows(10), rows(10, { local_date: "2019-06-10" }), rows(10, { local_date: "2018-06-10" }), 10);
  assertEquals([verdict.warning, verdict.look?.is_contradicted], ["REPLY_MOVED", true]);
});

Deno.test("after the dates that both replies move, the others are judged anew", () => {
  const later = { local_date: "2026-06-20" };
  const second = [...rows(6, later), ...rows(3, later, 7), row(10)];
  assertEquals(lookAgain(rows(10), [...rows(6, later), ...rows(4, {}, 7)], second, 10).warning, "REPLY_MOVED", "3 of 4");
  const third = [...rows(6, later), ...rows(2, later, 7), ...rows(2, {}, 9)];
  assertEquals(lookAgain(rows(10), [...rows(6, later), ...rows(4, {}, 7)], third, 10).warning, null, "2 of 4");
});

Deno.test("an incomplete reply removes nothing, and neither confirms nor contradicts", () => {
  const verdict = judgeReply(replyOf(rows(3), true), knownOf(rows(10)), NOW);
  assertEquals([verdict.warning, new Set(verdict.present).size], [null, 10]);
  assertEquals(lookAgain(rows(10), [], rows(3), 10, true).look, undefined);
});

Deno.test("no rows on a day of the main draw are an error, and no changes are one only where nothing is known", () => {
  const due = { ...knownOf(rows(10)), are_rows_due: true };
  const error = assertThrows(() => refuseMissingRows(0, false, due, "9001"), SyncError);
  assertEquals([error.code, error.evidence], ["REPLY_EMPTY", { main_draw_from: "2026-06-09", main_draw_until: "2026-06-12" }]);
  refuseMissingRows(1, false, due, "9001");
  refuseMissingRows(0, true, due, "9001");
  refuseMissingRows(0, false, { ...due, are_rows_due: false }, "9001");
  assertThrows(() => refuseMissingRows(0, true, { ...knownOf([]), are_rows_due: true }, "9001"), SyncError);
});
