import { assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { aTournament } from "../../testing/factories.ts";
import { seeded } from "../../testing/random.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const TOURNAMENTS = Array.from({ length: 60 }, (_, index) => 9001 + index);
const MATCHES = 2;
/** The inserted parts, which break parsers, databases or texts. */
const PARTS = [
  ...["\0", "\\u0000", "\\ud83c", "\\udfd0", "&#0;", "&#x1F;", "&#xD800;", "&#1114112;", "🏐", "\x1b", "\ufeff", "\u2028"],
  ...[
    "<",
    ">",
    '"',
    "'",
    "&",
    "=",
    "/>",
    "-",
    "9".repeat(400),
    "e999",
    "null",
    "{}",
    "[]",
    "true",
    ",",
    ":",
    "-1",
    "0000-05-05",
    "24:00:00",
  ],
].map((part) => new TextEncoder().encode(part));
const random = seeded(20260610);
const below = (limit: number): number => Math.floor(random() * limit);

const rowsOf = (no: number) =>
  Array.from({ length: MATCHES }, (_, index) => ({
    ...{ no: no * 100 + index, noTournament: no, noInTournament: index + 1, localDate: "2026-06-14", localTime: "10:00:00" },
    ...{ utcDate: "2026-06-14", utcTime: "08:00:00", court: "1", teamAName: "João/Red 🏐", teamBName: "Blue/Green", status: 1 },
    ...{ matchPointsA: 0, noReferee1: 7, referee1Name: "Example First", beginDateTimeUtc: "2026-06-14T08:01:00Z", version: 7 },
  }));
const listOf = (season: string) =>
  Array.from({ length: 20 }, (_, index) => ({
    ...{ no: Number(season) * 10 + index, code: `M${index}`, name: "João Pessoa", season, gender: 0, type: 51, status: 1 },
    ...{ startDateMainDraw: `${season}-06-12`, endDateMainDraw: `${season}-06-14`, countryCode: "BR", version: 7 },
  }));

/** The rows in the format of VIS, JSON or XML. */
function bytesOf(list: string, row: string, rows: object[], isJson: boolean): Uint8Array {
  if (isJson) return new TextEncoder().encode(JSON.stringify({ data: rows, nbItems: rows.length, version: 7 }));
  const attributes = (values: object) =>
    Object.entries(values).map(([name, value]) => ` ${name.charAt(0).toUpperCase()}${name.slice(1)}="${value}"`).join("");
  const elements = rows.map((values) => `<${row}${attributes(values)}/>`).join("");
  return new TextEncoder().encode(`<${list} NbItems="${rows.length}" Version="7">${elements}</${list}>`);
}

/** The bytes after one or two changes: a changed, removed or inserted byte, an inserted or repeated part, or a cut end. */
function mutate(bytes: Uint8Array): Uint8Array {
  for (let changes = 1 + below(2); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    const byte = new Uint8Array([below(256)]);
    const change = below(12);
    const part = PARTS[below(PARTS.length)] as Uint8Array;
    bytes = change < 4
      ? concat(before, byte, after.subarray(1))
      : change < 5
      ? concat(before, after.subarray(1))
      : change < 6
      ? concat(before, byte, after)
      : change < 10
      ? concat(before, part, after)
      : change < 11
      ? concat(before, after.subarray(0, below(200)), after)
      : random() < 0.3
      ? before
      : bytes;
  }
  return bytes;
}
const concat = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(parts.flatMap((part) => [...part]));

function contentTypeOf(isJson: boolean): string {
  const type = isJson ? "application/json" : "application/xml";
  const unusual = [
    "",
    `${type}; charset=iso-8859-1`,
    `${type}; charset=utf-16le`,
    `${type}; charset="`,
    "text/html",
    isJson ? "text/xml" : "text/json",
  ];
  return random() < 0.05 ? unusual[below(unusual.length)] as string : `${type}; charset=utf-8`;
}

const counts = { replies: 0, isMutated: false };
const harness = createSyncHarness(db, {
  env: { VIS_RETRIES: "0" },
  deps: {
    fetch: (_input, init) => {
      const body = String(init?.body);
      const [, no] = /NoTournament="(\d+)"/.exec(body) ?? [], [, season = "2026"] = /Season="(\d+)"/.exec(body) ?? [];
      const isJson = random() < 0.5;
      const bytes = no
        ? bytesOf("BeachMatches", "BeachMatch", rowsOf(Number(no)), isJson)
        : bytesOf("BeachTournaments", "BeachTournament", listOf(season), isJson);
      const headers = { "content-type": counts.isMutated ? contentTypeOf(isJson) : isJson ? "application/json" : "application/xml" };
      counts.replies++;
      return Promise.resolve(new Response((counts.isMutated ? mutate(bytes) : bytes) as BodyInit, { headers }));
    },
  },
});

/** Starts runs until `replies` were served, and checks after each that the run has ended and all of its results and errors are recorded. */
async function serve(name: "match-schedule-sync" | "tournament-master-sync", replies: number): Promise<Map<string, number>> {
  const statuses = new Map<string, number>();
  for (counts.replies = 0; counts.replies < replies;) {
    harness.clock.advance(1_000);
    assertEquals((await harness.run(name, { trigger: "MANUAL" })).status, 202);
    const [run] = await db.query<{ status: string; unrecorded: number }>(
      `select h.status, h.error_count - (select count(*) from sync_error_log e where e.sync_execution_id = h.id)::integer as unrecorded
        from sync_execution_history h order by h.execution_start desc, h.created_at desc limit 1`,
    );
    if (!run || !["SUCCEEDED", "PARTIAL", "FAILED"].includes(run.status) || run.unrecorded !== 0) {
      throw new Error(`after ${counts.replies} replies: ${JSON.stringify(run)} ${JSON.stringify(harness.lines.at(-1)).slice(0, 500)}`);
    }
    statuses.set(run.status, (statuses.get(run.status) ?? 0) + 1);
    harness.lines.forEach(({ event, message }) => {
      if (/not_recorded|heartbeat_failed/.test(String(event))) throw new Error(`${event}: ${message}`);
    });
    harness.lines.length = 0;
  }
  return statuses;
}

Deno.test("two thousand replies that were changed byte by byte: each run ends, and its end, its results and its errors are recorded", async () => {
  for (const no of TOURNAMENTS) await aTournament(db, { no: String(no), start_date: "2026-06-08", end_date: "2026-06-16" });
  assertEquals([...await serve("match-schedule-sync", TOURNAMENTS.length)], [["SUCCEEDED", 1]]);
  assertEquals(await db.value("select count(*)::int from matches"), TOURNAMENTS.length * MATCHES);
  counts.isMutated = true;
  await serve("match-schedule-sync", 1_800);
  await serve("tournament-master-sync", 200);
  assertEquals(await db.value("select count(*)::int from sync_execution_history where status = 'RUNNING'"), 0);
  assertEquals(await db.value("select count(*)::int from sync_error_log where error_code = 'UNEXPECTED'"), 0);
  const codes = await db.value<string[]>("select array_agg(distinct error_code::text) from sync_error_log");
  assertEquals(["RECORD_INVALID", "REPLY_MALFORMED", "REPLY_NOT_DATA", "REPLY_WRONG_ROWS"].filter((code) => !codes.includes(code)), []);
});

Deno.test.afterAll(() => db.close());
