import { assert, assertEquals, assertThrows } from "@std/assert";
import { createVisStandIn } from "../../platform/vis/stand-in.ts";
import { SyncError } from "../../services/classification.ts";
import { parseReply } from "../../services/vis-reply.ts";
import { readMatches, readTournaments } from "../../services/vis-rows.ts";

// The folder has recorded replies of the real service, which may not be published, so these tests run only where the folder exists.
const FOLDER = Deno.env.get("VIS_SAMPLES") ?? "../shared/vis-samples";
const ignore = !(await Deno.stat(FOLDER).then((stat) => stat.isDirectory, () => false));
const read = (path: string) => Deno.readTextFile(`${FOLDER}/${path}`);
const typeOf = (path: string) => path.endsWith(".json") ? "application/json" : "application/xml; charset=utf-8";
const parse = async (path: string, row: string) => {
  const status = Number(/http(\d{3})/.exec(path)?.[1] ?? 200);
  return parseReply({ status, contentType: typeOf(path), body: await read(path) }, row);
};

Deno.test({
  name: "the recorded list of tournaments gives 115 records, none rejected",
  ignore,
  fn: async () => {
    const { records, rejected } = readTournaments((await parse("raw/tournament-list.single.json", "BeachTournament")).rows);
    assertEquals([records.length, rejected.length], [115, 0]);
    assertEquals(records[0]?.no, "2");
    assertEquals([records[0]?.status, records[0]?.type, records[0]?.start_date, records[0]?.end_date], [6, 35, "2025-09-04", "2025-09-08"]);
    assertEquals((await parse("raw/tournament.single.json", "BeachTournament")).rows.length, 1);
  },
});

Deno.test({
  name: "the recorded lists of matches give 70 and three times 48 records, from JSON and from XML, none rejected",
  ignore,
  fn: async () => {
    for (
      const [path, count] of [
        ["raw/match-list-finished.single.json", 70],
        ["raw/match.single.json", 1],
        ["reconstructed/match-list-8981-live.multi.xml", 48],
        ["reconstructed/match-list-8982-final-day.multi.xml", 48],
        ["reconstructed/match-list-8982-live-a.multi.xml", 48],
      ] as const
    ) {
      const { records, rejected } = readMatches((await parse(path, "BeachMatch")).rows);
      assertEquals([records.length, rejected.length], [count, 0], path);
    }
    const [first] = readMatches((await parse("reconstructed/match-list-8981-live.multi.xml", "BeachMatch")).rows).records;
    assertEquals([first?.team_b_name, first?.points_team_a_set3, first?.local_time], ["Ana Patrícia/Carol Horta", 12, "13:30:00"]);
  },
});

Deno.test({
  name: "each recorded error body has its code, and a truncated list is REPLY_COUNT_MISMATCH",
  ignore,
  fn: async () => {
    const expected: Record<string, string> = {
      "errors/access-denied.multi.http200.xml": "VIS_ACCESS_DENIED",
      "errors/access-token-expired.global.xml": "VIS_TOKEN",
      "errors/bad-filter-parameter.multi.http200.xml": "VIS_BAD_REQUEST",
      "errors/bad-parameter-no.multi.http200.xml": "VIS_BAD_REQUEST",
      "errors/bad-parameter-type.multi.http200.xml": "VIS_BAD_REQUEST",
      "errors/bad-request-syntax.global.xml": "VIS_BAD_REQUEST",
      "errors/bad-user.global.xml": "VIS_CREDENTIALS",
      "errors/error.single.json": "VIS_BAD_REQUEST",
      "errors/no-data.multi.http200.xml": "VIS_NO_DATA",
      "errors/not-in-new-format.single.http400.xml": "VIS_BAD_REQUEST",
      "errors/parameter-missing-fields.multi.http200.xml": "VIS_BAD_REQUEST",
      "raw/event-list.multi.trimmed.xml": "REPLY_COUNT_MISMATCH",
    };
    for (const [path, code] of Object.entries(expected)) {
      const body = await read(path);
      const status = Number(/http(\d{3})/.exec(path)?.[1] ?? 200);
      const row = path.includes("event-list") ? "Event" : "BeachMatch";
      assertEquals(assertThrows(() => parseReply({ status, contentType: typeOf(path), body }, row), SyncError).code, code, path);
    }
    for (
      const path of [
        "errors/empty-list.multi.http200.xml",
        "errors/empty-list.single.http200.json",
        "errors/no-changes.live.multi.xml",
        "errors/no-changes.live.single.json",
      ]
    ) {
      assertEquals((await parse(path, "BeachMatch")).rows, [], path);
    }
    assertEquals((await parse("raw/round-list.multi.xml", "BeachRound")).rows.length, 11);
  },
});

/** The format of a value: empty, number, date, time, moment or text. */
function formatOf(value: unknown): string {
  if (value === null || value === "") return "empty";
  const text = String(value);
  if (/^-?\d+$/.test(text)) return "number";
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return "date";
  if (/^\d\d:\d\d:\d\d$/.test(text)) return "time";
  if (/^\d{4}-\d\d-\d\dT[\d:]+Z$/.test(text)) return "moment";
  return "text";
}

/** The JSON types and formats that occur in each field. */
function shapeOf(rows: Record<string, unknown>[]): Map<string, Set<string>> {
  const fields = new Map<string, Set<string>>();
  for (const [name, value] of rows.flatMap((row) => Object.entries(row))) {
    const formats = fields.get(name) ?? new Set();
    fields.set(name, formats.add(`${value === null ? "null" : typeof value} ${formatOf(value)}`));
  }
  return fields;
}

/** Fields of free text, which can have any format ("2" is a court). */
const FREE = /^(court|name|title|code|season|roundCode|roundName|team[AB]Name|tournament(Code|Name))$/i;
function assertSameShape(ours: Record<string, unknown>[], recorded: Record<string, unknown>[]): void {
  const [ourShape, recordedShape] = [shapeOf(ours), shapeOf(recorded)];
  assertEquals([...ourShape.keys()].sort(), [...recordedShape.keys()].sort());
  for (const [field, formats] of ourShape) {
    const known = new Set([...recordedShape.get(field) ?? []].map((found) => FREE.test(field) ? found.split(" ")[0] : found));
    for (const found of formats) {
      if (found.endsWith("empty")) continue;
      // The format of a field that is empty in all recorded rows is unknown.
      if ([...known].every((value) => value === "null" || value?.endsWith("empty"))) continue;
      assert(known.has(FREE.test(field) ? found.split(" ")[0] : found), `${field}: ours is ${found}, recorded ${[...known]}`);
    }
  }
}

const NOW = Date.parse("2026-06-10T15:00:00Z");
const request = async (body: string, accept: string): Promise<string> => {
  const visRequest = new Request("http://vis.test/XmlRequest.asmx", {
    method: "POST",
    body,
    headers: { accept, "content-type": "application/xml" },
  });
  return await (await createVisStandIn({ now: () => NOW }).fetch(visRequest)).text();
};
const pascal = (names: string[]) => names.map((name) => name.charAt(0).toUpperCase() + name.slice(1)).join(" ");

Deno.test({
  name: "the stand-in's JSON has the fields and types of the recorded lists",
  ignore,
  fn: async () => {
    for (
      const [path, type] of [["raw/tournament-list.single.json", "GetBeachTournamentList"], [
        "raw/match-list-finished.single.json",
        "GetBeachMatchList",
      ]] as const
    ) {
      const recorded = JSON.parse(await read(path)).data as Record<string, unknown>[];
      const fields = pascal(Object.keys(recorded[0] ?? {}));
      const filter = type === "GetBeachMatchList" ? `<Filter NoTournaments="8104-8110"/>` : `<Filter Season="2026"/>`;
      const ours = JSON.parse(await request(`<Request Type="${type}" Fields="${fields}">${filter}</Request>`, "application/json"));
      assertEquals(Object.keys(ours).sort(), ["data", "nbItems", "version"]);
      assertSameShape(ours.data, recorded);
    }
  },
});

Deno.test({
  name: "the stand-in's XML has the elements and attributes of the recorded replies",
  ignore,
  fn: async () => {
    const recorded = await read("reconstructed/match-list-8981-live.multi.xml");
    const attributesOf = (element: string) =>
      Object.fromEntries([...element.matchAll(/ (\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value] as [string, string]));
    const rowsOf = (body: string) => [...body.matchAll(/<BeachMatch [^>]*\/>/g)].map(([element]) => attributesOf(element));
    const fields = Object.keys(rowsOf(recorded)[0] ?? {}).join(" ");
    const ours = await request(
      `<Requests><Request Type="GetBeachMatchList" Fields="${fields}"><Filter NoTournaments="8104-8110"/></Request></Requests>`,
      "application/xml",
    );
    const frame = (body: string) => body.replace(/<BeachMatch .*\/>/s, "…").replace(/\d+/g, "#");
    assertEquals(frame(ours), frame(recorded).trim());
    assertSameShape(rowsOf(ours), rowsOf(recorded));
    const error = await request(`<Requests><Request Type="GetBeachMatchList"/></Requests>`, "application/xml");
    assertEquals(error, (await read("errors/parameter-missing-fields.multi.http200.xml")).trim());
    assertEquals(
      await request(`<Requests><Request Type="Nonsense" Fields="No"/></Requests>`, "application/xml"),
      (await read("errors/bad-parameter-type.multi.http200.xml")).trim(),
    );
    const batch = await request(
      `<Requests><Request Type="GetBeachMatchList" Fields="No"><Filter NoTournament="1"/></Request><Request Type="GetBeachTournament" No="x"/><Request Type="GetBeachMatchList" Fields="No"><Filter NoTournament="1"/></Request></Requests>`,
      "application/xml",
    );
    const numberless = (body: string) => body.trim().replace(/Version="\d+"/g, "");
    assertEquals(numberless(batch), numberless(await read("errors/batch-one-bad.multi.http200.xml")));
  },
});

Deno.test("the stand-in ignores unknown filters, as VIS does", async () => {
  const body = await request(`<Request Type="GetBeachTournamentList" Fields="No"><Filter Seasn="2026"/></Request>`, "application/json");
  assert(JSON.parse(body).nbItems > 700);
});

Deno.test("the stand-in answers JSON only where it is the only accepted type of a single request, and each fault in the format of its reply", async () => {
  const single = `<Request Type="GetBeachMatchList" Fields="No"><Filter NoTournament="8106"/></Request>`;
  const vis = createVisStandIn({ now: () => NOW });
  const ask = async (body: string, accept: string) => {
    const response = await vis.fetch(new Request("http://vis.test/XmlRequest.asmx", { method: "POST", body, headers: { accept } }));
    return { status: response.status, contentType: response.headers.get("content-type") ?? "", body: await response.text() };
  };
  const typeOf = async (body: string, accept: string) => (await ask(body, accept)).contentType.split(";")[0];
  assertEquals(await typeOf(single, "application/json"), "application/json");
  assertEquals(await typeOf(single, "*/*"), "application/xml");
  assertEquals(await typeOf(`<Requests>${single}</Requests>`, "application/json"), "application/xml");
  assertEquals((await ask(`<Request Type="GetBeachTournament" No="1" Fields="No"/>`, "application/json")).status, 204);
  for (
    const [kind, code] of [
      ["truncated", "REPLY_MALFORMED"],
      ["malformed", "REPLY_MALFORMED"],
      ["count_mismatch", "REPLY_COUNT_MISMATCH"],
      ["access_denied", "VIS_ACCESS_DENIED"],
      ["token_expired", "VIS_TOKEN"],
      ["bad_parameter", "VIS_BAD_REQUEST"],
    ] as const
  ) {
    for (const accept of ["application/json", "application/xml"]) {
      vis.faults.add({ kind, times: 1 });
      const reply = await ask(single, accept);
      assertEquals(reply.contentType.split(";")[0], accept);
      assertEquals(assertThrows(() => parseReply(reply, "BeachMatch"), SyncError).code, code, `${kind} ${accept}`);
    }
  }
});
