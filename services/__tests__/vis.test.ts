// Over 300 lines, because each column of a match and of a tournament is listed with its field.
import { assert, assertEquals, assertMatch, assertObjectMatch, assertRejects, assertThrows } from "@std/assert";
import { TestClock } from "../../testing/clock.ts";
import { silence, withShortTimeouts } from "../../testing/timeouts.ts";
import { SyncError } from "../classification.ts";
import { MetricsCollector } from "../MetricsCollector.ts";
import type { Answer } from "../contract/index.ts";
import { parseAnswer, type Rpc } from "../rpc.ts";
import type { StopReason } from "../run-outcome.ts";
import { WorkerCpu } from "../worker-cpu.ts";
import { VisClient } from "../VisClient.ts";
import { parseReply } from "../vis-reply.ts";
import { MATCH_FIELDS, readMatches, readTournaments, TOURNAMENT_FIELDS } from "../vis-rows.ts";

const xml = (body: string, status = 200) => ({ status, contentType: "application/xml; charset=utf-8", body });
const json = (body: unknown, status = 200) => ({ status, contentType: "application/json", body: JSON.stringify(body) });
const codeOf = (act: () => unknown) => assertThrows(act, SyncError).code;

Deno.test("the values are attributes, an empty one is null, and the predefined entities and character references are decoded", () => {
  const reply = parseReply(
    xml(
      `<BeachMatches NbItems="1" Version="7"><BeachMatch No="1" Court="" TeamAName="M&#248;rk &amp; S&#xF8;n &lt;&quot;&apos;&gt;"/></BeachMatches>`,
    ),
    "BeachMatch",
  );
  assertEquals(reply, { rows: [{ no: "1", court: null, teamAName: `Mørk & Søn <"'>` }], nbItems: 1, version: 7 });
});

Deno.test("in JSON an empty text is null, and the other values keep their types", () => {
  const reply = parseReply(json({ data: [{ no: 1, court: "", teamAName: "Mørk", noTeamB: null }], nbItems: 1, version: 7 }), "BeachMatch");
  assertEquals(reply, { rows: [{ no: 1, court: null, teamAName: "Mørk", noTeamB: null }], nbItems: 1, version: 7 });
});

Deno.test("a reply with a document type is refused, so that its entities are never expanded", () => {
  const bomb = `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><BeachMatches NbItems="1"><BeachMatch No="&b;"/></BeachMatches>`;
  assertEquals(codeOf(() => parseReply(xml(bomb), "BeachMatch")), "REPLY_NOT_DATA");
});

for (
  const [name, reply, code] of [
    ["an error element under 200", xml(`<Responses><BadParameter id="1002">Type</BadParameter></Responses>`), "VIS_BAD_REQUEST"],
    ["an unknown error element", xml(`<Responses><InternalServerError>NotARankingRound</InternalServerError></Responses>`), "VIS_INTERNAL"],
    ["a global error with 401", xml(`<AccessTokenExpired id="1" />`, 401), "VIS_TOKEN"],
    ["a 401 without a body", xml("", 401), "VIS_CREDENTIALS"],
    ["a 400 with an error element", xml(`<NotInNewFormat id="1008" />`, 400), "VIS_BAD_REQUEST"],
    ["a JSON error", json({ errors: { code: "badParameter", message: "No" } }), "VIS_BAD_REQUEST"],
    ["a JSON error in a list", json({ errors: [{ code: "accessDenied", message: "" }] }), "VIS_ACCESS_DENIED"],
    ["a JSON error with 500", json({ errors: { code: "somethingNew", message: "" } }, 500), "VIS_INTERNAL"],
    ["a JSON error that passes", json({ errors: { code: "error", message: "" } }), "VIS_INTERNAL"],
    ["a JSON error about the user", json({ errors: { code: "userIsRevoked", message: "" } }, 401), "VIS_CREDENTIALS"],
    ["a JSON row with a nested object", json({ data: [{ no: 1, court: {} }], nbItems: 1 }), "REPLY_NOT_DATA"],
    ["fewer JSON rows than nbItems", json({ data: [{ no: 1 }], nbItems: 2 }), "REPLY_COUNT_MISMATCH"],
    ["an entity that XML does not define", xml(`<BeachMatch No="&b;"/>`), "REPLY_MALFORMED"],
    ["JSON of an unknown shape", json({ hello: 1 }), "REPLY_NOT_DATA"],
    ["JSON rows that are not objects", json({ data: [1, 2] }), "REPLY_NOT_DATA"],
    ["truncated JSON", { ...json({}), body: '{"data":[' }, "REPLY_MALFORMED"],
    ["HTML under 200", { status: 200, contentType: "text/html", body: "<html/>" }, "REPLY_NOT_DATA"],
    ["HTML with the content type XML", xml("<html><body>Runtime Error</body></html>"), "REPLY_NOT_DATA"],
    ["no content type", { status: 200, contentType: "", body: "" }, "REPLY_NOT_DATA"],
    ["an empty document", xml("<Responses></Responses>"), "REPLY_MALFORMED"],
    ["a list of other elements", xml(`<Events NbItems="1"><Event No="1"/></Events>`), "REPLY_WRONG_ROWS"],
    ["fewer rows than NbItems", xml(`<BeachMatches NbItems="2"><BeachMatch No="1"/></BeachMatches>`), "REPLY_COUNT_MISMATCH"],
  ] as const
) {
  Deno.test(`${name} is ${code}`, () => assertEquals(codeOf(() => parseReply(reply, "BeachMatch")), code));
}

Deno.test("204, NoChanges and an empty list are replies without rows", () => {
  const empty = [
    { status: 204, contentType: "", body: "" },
    xml("<Responses><NoChanges /></Responses>"),
    xml(`<Responses><BeachMatches NbItems="0" Version="57000000" /></Responses>`),
    json({ data: { noChanges: null } }),
    json({ data: [], nbItems: 0, version: 57446011 }),
  ];
  for (const reply of empty) assertEquals(parseReply(reply, "BeachMatch").rows, []);
});

Deno.test("a version of a reply that the database cannot store is none", () => {
  const versionOf = (version: string) => [
    parseReply(xml(`<BeachMatches NbItems="0" Version="${version}" />`), "BeachMatch").version,
    parseReply({ ...json({}), body: `{"data":[],"version":${version}}` }, "BeachMatch").version,
  ];
  assertEquals(versionOf("57446011"), [57446011, 57446011]);
  for (const version of ["-1", "1.5", "9".repeat(40)]) assertEquals(versionOf(version), [null, null], version);
});

Deno.test("a record whose number, status or date cannot be read is rejected with the name of the field, as is the second of a number", () => {
  const { records, rejected } = readMatches([
    { no: "1", noTournament: "5", localDate: "2026-13-01" },
    { no: "2", noTournament: "5", status: "over" },
    { no: "3x", noTournament: "5" },
    { no: "4", noTournament: "5" },
    { no: "4", noTournament: "5" },
    { no: null, noTournament: "5" },
  ]);
  assertEquals(records.map((record) => record.no), ["4"]);
  assertEquals(rejected.length, 5);
  ["localDate", "status", "3x: no: must be one to ten digits", "no: occurs twice", "without a number"].forEach((part, index) =>
    assertMatch(String(rejected[index]?.message), new RegExp(part))
  );
});

Deno.test("an auxiliary field that cannot be read is null and costs no record", () => {
  const fields = {
    ...{ noReferee1: "-1", noReferee2: "x", localTime: "24:00:00", utcDate: "2026-02-30", utcTime: "10:00:00", matchPointsA: "two" },
    ...{ matchPointsB: "99999", durationSet1: "-60", noInTournament: "1.5", beginDateTimeUtc: "soon", court: true, version: "-1" },
  };
  const { records, rejected } = readMatches([{ no: "1", noTournament: "5", localDate: "2026-06-10", status: "1", ...fields }]);
  assertEquals(rejected, []);
  assertEquals(Object.entries(records[0] ?? {}).filter(([, value]) => value !== null), [["no", "1"], ["local_date", "2026-06-10"], [
    "status",
    1,
  ]]);
  const read = readTournaments([{ no: 1, noEvent: "-1", startDateQualification: "0000-05-05", gender: "M", season: true }]);
  assertEquals([read.rejected, read.records[0]?.no_event, read.records[0]?.start_date_qualification], [[], null, null]);
});

Deno.test("a whole number with decimals is that number, and 0001-01-01 is no date", () => {
  const { records, rejected } = readMatches([
    { no: "1", matchPointsA: "2.0", matchPointsB: 2.0, durationSet1: "0.00" },
    { no: "2", localDate: "0001-01-01", utcDate: "0001-01-01", utcTime: "00:00:00", beginDateTimeUtc: "0001-01-01T00:00:00" },
  ]);
  assertEquals(rejected, []);
  assertObjectMatch(records[0] as object, { match_points_a: 2, match_points_b: 2, duration_set1: 0 });
  assertObjectMatch(records[1] as object, { local_date: null, starts_at: null, begin_date_time_utc: null });
});

Deno.test("a match starts at its UTC date and time, whatever the offset of the venue; without a published time the start is null", () => {
  const rows = [
    ["Doha", "2026-04-10", "00:30:00", "2026-04-09", "21:30:00"],
    ["Rio de Janeiro", "2026-04-10", "22:00:00", "2026-04-11", "01:00:00"],
    ["Adelaide", "2026-02-01", "09:00:00", "2026-01-31", "22:30:00"],
    ["Unpublished", "2026-04-10", "", "2026-04-10", ""],
    ["Without UTC", "2026-04-10", "10:00:00", "", ""],
  ];
  const { records } = readMatches(
    rows.map(([, localDate = "", localTime = "", utcDate = "", utcTime = ""], no) => ({ no, localDate, localTime, utcDate, utcTime })),
  );
  assertEquals(
    records.map((record) => record.starts_at),
    ["2026-04-09T21:30:00Z", "2026-04-11T01:00:00Z", "2026-01-31T22:30:00Z", null, null],
  );
});

Deno.test("a character that XML refuses costs neither the reply nor the record", () => {
  const name = "Re\0d \x1b&#0;&#x1F;&#xD800;&#xFFFFFF;&#65;&#x1F3D0;";
  const { rows } = parseReply(xml(`<BeachMatches NbItems="1"><BeachMatch No="1" TeamAName="${name}"/></BeachMatches>`), "BeachMatch");
  assertEquals(readMatches(rows).records[0]?.team_a_name, "Red A🏐");
  const fromJson = parseReply(json({ data: [{ no: 1, teamAName: "Re\0d \ud83c" }] }), "BeachMatch");
  assertEquals(readMatches(fromJson.rows).records[0]?.team_a_name, "Red \ufffd");
});

Deno.test("names are trimmed, the title replaces a missing name, and an end before the start is rejected", () => {
  const { records, rejected } = readTournaments([
    {
      no: 1,
      name: "",
      title: " Title ",
      startDateMainDraw: "2026-01-02",
      endDateMainDraw: "2026-01-03",
      startDate: null,
      countryName: "Norway",
      defaultCity: "Oslo",
    },
    { no: 2, name: "x", startDateMainDraw: "2026-01-05", endDateMainDraw: "2026-01-03" },
  ]);
  assertObjectMatch(records[0] as object, {
    no: "1",
    name: "Title",
    start_date: "2026-01-02",
    end_date: "2026-01-03",
    location: "Oslo, Norway",
  });
  assertMatch(String(rejected[0]?.message), /endDateMainDraw: is before the start/);
});

Deno.test("a day that the calendar does not have is rejected, as Postgres would refuse it with its whole batch", () => {
  const days = ["2026-02-28", "2026-02-29", "2028-02-29", "2026-02-30", "2026-04-31", "2026-12-31", "2026-00-10", "0000-05-05"];
  const { records, rejected } = readMatches(days.map((localDate, index) => ({ no: index, localDate })));
  assertEquals(records.map((record) => record.local_date), ["2026-02-28", "2028-02-29", "2026-12-31"]);
  assertEquals(rejected.length, 5);
  const moments = ["2026-06-10T08:30:00", "2026-06-10T08:30:00Z", "2026-06-31T08:30:00Z", "2026-06-10T24:00:00Z", "2026-06-10 08:30:00"];
  const read = readMatches(moments.map((beginDateTimeUtc, index) => ({ no: index, beginDateTimeUtc })));
  assertEquals(
    read.records.map((record) => record.begin_date_time_utc),
    ["2026-06-10T08:30:00Z", "2026-06-10T08:30:00Z", null, null, null],
  );
});

Deno.test("a text is cut at the length of its field, and one of blanks is null", () => {
  const { records } = readMatches([{
    no: "1",
    noTournament: "5",
    teamAName: "é".repeat(201),
    court: `  ${"c".repeat(51)}`,
    roundName: "  ",
  }]);
  assertEquals([records[0]?.team_a_name, records[0]?.court, records[0]?.round], ["é".repeat(200), "c".repeat(50), null]);
  const cutInPair = readMatches([{ no: "1", teamAName: `${"x".repeat(199)}🏐🏐` }]).records[0]?.team_a_name;
  assertEquals(cutInPair, `${"x".repeat(199)}🏐`);
});

Deno.test("each column of a match contains its own field of VIS", () => {
  const numbers = "NoInTournament Status ResultType RoundPhase MatchPointsA MatchPointsB PointsTeamASet1 PointsTeamBSet1 PointsTeamASet2 " +
    "PointsTeamBSet2 PointsTeamASet3 PointsTeamBSet3 PointsTeamASet4 PointsTeamBSet4 PointsTeamASet5 PointsTeamBSet5 DurationSet1 " +
    "DurationSet2 DurationSet3 DurationSet4 DurationSet5 Version";
  const { records, rejected } = readMatches([{
    ...Object.fromEntries(MATCH_FIELDS.split(" ").map((field) => [field.charAt(0).toLowerCase() + field.slice(1), field])),
    ...Object.fromEntries(numbers.split(" ").map((field, index) => [field.charAt(0).toLowerCase() + field.slice(1), index + 1])),
    no: "101",
    noTournament: "102",
    noReferee1: "103",
    noReferee2: "104",
    localDate: "2026-06-10",
    localTime: "10:30:00",
    utcDate: "2026-06-09",
    utcTime: "23:30:00",
    beginDateTimeUtc: "2026-06-10T08:31:00",
    endDateTimeUtc: "2026-06-10T09:32:00Z",
    // Texts of at most ten characters.
    teamAFederationCode: "AFed",
    teamBFederationCode: "BFed",
    referee1FederationCode: "R1Fed",
    referee2FederationCode: "R2Fed",
    deletedDT: null,
  }]);
  assertEquals(rejected, []);
  assertEquals<unknown>(records, [{
    no: "101",
    no_in_tournament: 1,
    team_a_name: "TeamAName",
    team_b_name: "TeamBName",
    team_a_federation_code: "AFed",
    team_b_federation_code: "BFed",
    local_date: "2026-06-10",
    local_time: "10:30:00",
    starts_at: "2026-06-09T23:30:00Z",
    begin_date_time_utc: "2026-06-10T08:31:00Z",
    end_date_time_utc: "2026-06-10T09:32:00Z",
    court: "Court",
    status: 2,
    result_type: 3,
    round: "RoundName",
    round_code: "RoundCode",
    round_phase: 4,
    match_points_a: 5,
    match_points_b: 6,
    points_team_a_set1: 7,
    points_team_b_set1: 8,
    points_team_a_set2: 9,
    points_team_b_set2: 10,
    points_team_a_set3: 11,
    points_team_b_set3: 12,
    points_team_a_set4: 13,
    points_team_b_set4: 14,
    points_team_a_set5: 15,
    points_team_b_set5: 16,
    duration_set1: 17,
    duration_set2: 18,
    duration_set3: 19,
    duration_set4: 20,
    duration_set5: 21,
    no_referee1: "103",
    no_referee2: "104",
    referee1_name: "Referee1Name",
    referee2_name: "Referee2Name",
    referee1_federation_code: "R1Fed",
    referee2_federation_code: "R2Fed",
    vis_version: 22,
  }]);
});

Deno.test("each column of a tournament contains its own field of VIS, and the start is the first date that is not after the end", () => {
  const row = {
    no: "101",
    code: "Code",
    name: "Name",
    title: "Title",
    season: "2026",
    gender: 1,
    type: 2,
    status: 3,
    startDate: "2026-06-01",
    startDateMainDraw: "2026-06-03",
    endDateMainDraw: "2026-06-05",
    startDateQualification: "2026-06-02",
    defaultCity: "City",
    defaultVenue: "Venue",
    countryCode: "NO",
    countryName: "Country",
    noEvent: "102",
    version: 4,
  };
  assertEquals(Object.keys(row).sort(), TOURNAMENT_FIELDS.split(" ").map((field) => field.charAt(0).toLowerCase() + field.slice(1)).sort());
  const { records, rejected } = readTournaments([
    row,
    { ...row, no: "103", startDate: null },
    { ...row, no: "104", startDate: null, startDateQualification: "2036-06-02" },
  ]);
  assertEquals(rejected, []);
  assertEquals<unknown>(records[0], {
    no: "101",
    code: "Code",
    name: "Name",
    title: "Title",
    season: "2026",
    gender: 1,
    type: 2,
    status: 3,
    start_date: "2026-06-01",
    end_date: "2026-06-05",
    start_date_qualification: "2026-06-02",
    start_date_main_draw: "2026-06-03",
    location: "City, Country",
    city: "City",
    venue: "Venue",
    country_code: "NO",
    country_name: "Country",
    no_event: "102",
    vis_version: 4,
  });
  assertEquals(records.slice(1).map(({ start_date }) => start_date), ["2026-06-02", "2026-06-03"]);
});

const TOKEN = "00000000-0000-4000-8000-000000000000";
const LEASE = { execution_id: TOKEN, tournament_no: "1" };
type SlotRpc = Rpc<"claim_upstream_slot" | "release_upstream_slot" | "claim_tournament">;
/** Gives the same answer to each claim of a slot. */
const claiming = (slot: Answer<"claim_upstream_slot">): SlotRpc => (fn) =>
  Promise.resolve(parseAnswer(fn, fn === "release_upstream_slot" ? null : { ...slot, is_busy: false, known: null }));
const freeSlot = claiming({ token: TOKEN, backoff_until: null, backoff_reason: null, backoff_fingerprint: null });

function client(
  fetch: (request: Request) => Promise<Response>,
  options: { rpc?: SlotRpc; shouldStop?: () => StopReason | null; appId?: string; username?: string; password?: string } = {},
) {
  const clock = new TestClock("2026-06-10T10:00:00Z");
  const metrics = new MetricsCollector();
  const { rpc = freeSlot, shouldStop = () => null, ...more } = options;
  const vis = new VisClient({
    options: { url: "http://vis.test/x", timeoutMs: 1000, retries: 2, retryMinMs: 0, ...more },
    rpc,
    clock,
    metrics,
    cpu: new WorkerCpu(),
    shouldStop,
    fetch: (input, init) => fetch(new Request(input as string, init)),
  });
  return { vis, clock, metrics };
}

Deno.test("a request is escaped XML, asks for JSON, has its filter as a child element, and credentials only when they are set", async () => {
  const seen: { body: string; headers: Headers }[] = [];
  const answer = async (request: Request) => {
    seen.push({ body: await request.text(), headers: request.headers });
    return new Response(`<BeachTournaments NbItems="0" Version="1"/>`, { headers: { "content-type": "application/xml" } });
  };
  await client(answer).vis.listTournaments(`20"26<`);
  assertMatch(
    String(seen[0]?.body),
    /^<Request Type="GetBeachTournamentList" Fields="No Code .*"><Filter Season="20&#34;26&#60;"\/><\/Request>$/,
  );
  assertEquals(["accept", "authorization", "x-fivb-app-id"].map((name) => seen[0]?.headers.get(name)), ["application/json", null, null]);
  await client(answer, { appId: "app", username: "u", password: "p" }).vis.listTournaments("2026");
  assertEquals([seen[1]?.headers.get("authorization"), seen[1]?.headers.get("x-fivb-app-id")], [`Basic ${btoa("u:p")}`, "app"]);
});

Deno.test("a list of matches claims its lease with each slot, and leaves the slot of the answered request to the write", async () => {
  const calls: unknown[] = [];
  const rpc: SlotRpc = (fn, args) => {
    calls.push([fn, Reflect.get(args, "p")]);
    return freeSlot(fn, args);
  };
  const replies = [new Response("", { status: 500 }), Response.json({ data: [], nbItems: 0 })];
  const { vis } = client(() => Promise.resolve(replies.shift() as Response), { rpc });
  const slot = { upstream: "vis", token: TOKEN, response_ms: 0, backoff_reason: null, backoff_ms: null, backoff_fingerprint: null };
  assertEquals((await vis.listMatches(LEASE)).slot, slot);
  const claim = ["claim_tournament", { ...LEASE, upstream: "vis" }];
  assertEquals<unknown>(calls, [claim, ["release_upstream_slot", { ...slot, response_ms: null }], claim]);
});

Deno.test("a refused connection is NETWORK_REFUSED, is retried up to the limit, and is counted", async () => {
  const { vis, metrics } = client(() =>
    Promise.reject(new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code: "ECONNREFUSED" }) }))
  );
  const error = await assertRejects(() => vis.listMatches(LEASE), SyncError);
  assertEquals(error.code, "NETWORK_REFUSED");
  assertObjectMatch(metrics.snapshot(), { api_calls: 3, api_errors: 3, api_retries: 2 });
});

Deno.test("a request is not retried when its run must stop", async () => {
  const { vis, metrics } = client(() => Promise.resolve(new Response("", { status: 500 })), { shouldStop: () => "BUDGET" });
  assertEquals((await assertRejects(() => vis.listMatches(LEASE), SyncError)).code, "VIS_SERVER_ERROR");
  assertEquals(metrics.snapshot().api_calls, 1);
});

Deno.test("a request fails after a minute without a free slot, and at once during a backoff", async () => {
  const noSlot = claiming({ token: null, backoff_until: null, backoff_reason: null, backoff_fingerprint: null });
  const never = () => Promise.reject(new Error("must not be called"));
  const { vis, clock } = client(never, { rpc: noSlot });
  const startedAt = clock.now();
  assertEquals((await assertRejects(() => vis.listMatches(LEASE), SyncError)).code, "UPSTREAM_BUSY");
  assert(clock.now() - startedAt >= 60_000);
  const backoff = claiming({
    token: null,
    backoff_until: "2026-06-10T10:25:00Z",
    backoff_reason: "VIS answered HTTP 503",
    backoff_fingerprint: "VIS_UNAVAILABLE:vis answered http #",
  });
  const error = await assertRejects(() => client(never, { rpc: backoff }).vis.listMatches(LEASE), SyncError);
  assertEquals([error.code, error.fingerprint], ["UPSTREAM_BACKOFF", "VIS_UNAVAILABLE:vis answered http #"]);
});

for (
  const [how, answer] of [
    ["without an answer", silence],
    ["with an answer that does not end", (signal: AbortSignal) => {
      const body = new ReadableStream({ start: (stream) => void silence(signal).catch((reason) => stream.error(reason)) });
      return Promise.resolve(new Response(body, { headers: { "content-type": "application/xml" } }));
    }],
  ] as const
) {
  Deno.test(`a request ${how} in its time limit is REQUEST_TIMED_OUT, and each attempt has its own limit`, async () => {
    const { vis, metrics } = client((request) => answer(request.signal));
    const limits = await withShortTimeouts(async () => {
      const error = await assertRejects(() => vis.listMatches(LEASE), SyncError, "no answer within 1000 ms");
      assertEquals(error.code, "REQUEST_TIMED_OUT");
    });
    assertEquals(limits, [1000, 1000, 1000]);
    assertObjectMatch(metrics.snapshot(), { api_calls: 3, api_errors: 3, api_retries: 2 });
  });
}

Deno.test("a reply over 8 MiB is not read to its end", async () => {
  const endless = () =>
    Promise.resolve(
      new Response(new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(2 ** 20)) }), {
        headers: { "content-type": "application/xml" },
      }),
    );
  assertEquals((await assertRejects(() => client(endless).vis.listMatches(LEASE), SyncError)).code, "REPLY_TOO_LARGE");
});

for (
  const [known, rows, isPlausible] of [[0, 400, true], [0, 401, false], [250, 500, true], [250, 501, false], [100, 400, true]] as const
) {
  Deno.test(`a reply of ${rows} matches is ${isPlausible ? "plausible" : "refused"} when the last sync had ${known}`, async () => {
    const list = Array.from({ length: rows }, (_, index) => `<BeachMatch No="${index + 1}" NoTournament="1"/>`).join("");
    const reply = `<BeachMatches NbItems="${rows}">${list}</BeachMatches>`;
    const { vis } = client(() => Promise.resolve(new Response(reply, { headers: { "content-type": "application/xml" } })));
    if (isPlausible) assertEquals((await vis.listMatches(LEASE, known)).records.length, rows);
    else assertEquals((await assertRejects(() => vis.listMatches(LEASE, known), SyncError)).code, "REPLY_IMPLAUSIBLE");
  });
}

for (
  const [answer, counted] of [
    [() => Response.json({ data: [], nbItems: 0 }), { api_fallbacks: 0, api_xml_replies: 0, api_unchanged_replies: 0 }],
    [() => Response.json({ data: { noChanges: null } }), { api_fallbacks: 0, api_xml_replies: 0, api_unchanged_replies: 1 }],
    [() => new Response(null, { status: 204 }), { api_fallbacks: 0, api_xml_replies: 0, api_unchanged_replies: 1 }],
    [
      () => new Response('<BeachMatches NbItems="0"/>', { headers: { "content-type": "application/xml" } }),
      { api_fallbacks: 1, api_xml_replies: 1, api_unchanged_replies: 0 },
    ],
  ] as const
) {
  Deno.test(`a reply ${JSON.stringify(counted)} is counted as what it is`, async () => {
    const { vis, metrics } = client(() => Promise.resolve(answer()));
    await vis.listMatches(LEASE);
    assertObjectMatch(metrics.snapshot(), { api_calls: 1, ...counted });
  });
}

Deno.test("a tournament without data in VIS is VIS_NO_DATA", async () => {
  const { vis } = client(() => Promise.resolve(new Response(null, { status: 204 })));
  assertEquals((await assertRejects(() => vis.getTournament("1"), SyncError)).code, "VIS_NO_DATA");
});
