import { assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { aTournament } from "../../testing/factories.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();

/** Syncs the tournament 9001 from one answer, and returns the run, its errors and the harness. */
async function sync(answer: () => Response) {
  await db.reset();
  await aTournament(db, { no: "9001", start_date: "2026-06-08", end_date: "2026-06-16" });
  let requests = 0;
  const harness = createSyncHarness(db, { deps: { fetch: () => (requests++, Promise.resolve(answer())) } });
  await harness.run("match-schedule-sync");
  const [run] = await db.query("select * from sync_execution_history");
  return { harness, run, requests, errors: await db.query("select * from sync_error_log order by error_code desc") };
}

for (const [status, code] of [[429, "VIS_THROTTLED"], [503, "VIS_UNAVAILABLE"], [403, "VIS_FORBIDDEN"]] as const) {
  for (
    const [name, header, until] of [
      ["seconds", "90", "2026-06-10T10:01:30+00:00"],
      ["a date", "Wed, 10 Jun 2026 10:05:00 GMT", "2026-06-10T10:05:00+00:00"],
      ["nothing", null, "2026-06-10T10:25:00+00:00"],
      ["zero", "0", "2026-06-10T10:25:00+00:00"],
      ["a date in the past", "Wed, 10 Jun 2020 10:05:00 GMT", "2026-06-10T10:25:00+00:00"],
      ["a text", "soon", "2026-06-10T10:25:00+00:00"],
      ["a century", "3153600000", "2026-06-11T10:00:00+00:00"],
    ] as const
  ) {
    Deno.test(`a ${status} that says ${name} in Retry-After is not retried, and starts a backoff until ${until}`, async () => {
      const { requests, errors } = await sync(() =>
        new Response("", { status, headers: header === null ? {} : { "retry-after": header } })
      );
      assertEquals(requests, 1);
      assertEquals(errors.map((error) => error.error_code), [code]);
      assertEquals(await db.value("select to_jsonb(backoff_until) from upstream_state"), until);
      assertEquals(await db.value("select backoff_reason from upstream_state"), `VIS answered HTTP ${status}`);
    });
  }
}

Deno.test("after the delay of a 429 the next run sends its requests", async () => {
  let status = 429;
  const body = `<BeachMatches NbItems="0" Version="1"/>`;
  const answer = () => new Response(body, { status, headers: { "retry-after": "90", "content-type": "application/xml" } });
  const { harness } = await sync(answer);
  status = 200;
  harness.clock.advance(89_000);
  await harness.run("match-schedule-sync");
  harness.clock.advance(2_000);
  await harness.run("match-schedule-sync");
  const runs = await db.query("select api_calls from sync_execution_history order by execution_start");
  assertEquals(runs.map((run) => run.api_calls), [1, 0, 1]);
});

const NAME = "João/Müller";
const xml = (encoding: string) =>
  `<?xml version="1.0" encoding="${encoding}"?><BeachMatches NbItems="1"><BeachMatch No="1" NoTournament="9001" TeamAName="${NAME}"/></BeachMatches>`;
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const utf8 = (text: string) => new TextEncoder().encode(text);

for (
  const [name, contentType, body] of [
    ["the header", "application/xml; charset=iso-8859-1", latin1(xml("iso-8859-1"))],
    ["the header in quotes", 'application/xml;charset="ISO-8859-1"', latin1(xml("utf-8"))],
    ["the XML declaration", "application/xml", latin1(xml("iso-8859-1"))],
    ["the header rather than the XML declaration", "application/xml; charset=utf-8", utf8(xml("iso-8859-1"))],
    ["nothing, which is UTF-8", "text/xml", utf8(xml("utf-8").slice(xml("utf-8").indexOf("<BeachM")))],
  ] as const
) {
  Deno.test(`the charset of a reply is that of ${name}`, async () => {
    const { run } = await sync(() => new Response(body, { headers: { "content-type": contentType } }));
    assertEquals(run?.status, "SUCCEEDED");
    assertEquals(await db.value("select team_a_name from matches"), NAME);
  });
}

Deno.test("a reply in an unknown charset is no data, and nothing of it is written", async () => {
  const { errors: [error] } = await sync(() => new Response(xml("x"), { headers: { "content-type": "application/xml; charset=klingon" } }));
  assertObjectMatch(error as object, { error_code: "REPLY_NOT_DATA", error_message: "VIS answered in the unknown charset klingon" });
  assertEquals(await db.value("select count(*)::int from matches"), 0);
});

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`a redirect with ${status} is VIS_REDIRECTED, is not followed, and its address is in the context without secrets`, async () => {
    const headers = { location: "https://moved.example/Vis2009/XmlRequest.asmx?token=s3cr" };
    const { run, requests, errors: [error] } = await sync(() => new Response(null, { status, headers }));
    assertEquals(requests, 1);
    assertObjectMatch(run as object, { status: "FAILED", api_errors: 1 });
    assertObjectMatch(error as object, { error_code: "VIS_REDIRECTED", error_type: "API", retryable: false });
    assertMatch(String(error?.error_message), new RegExp(`HTTP ${status} with a redirect to moved.example`));
    assertObjectMatch(error?.error_context as object, { location: "https://moved.example/Vis2009/XmlRequest.asmx?token=[redacted]" });
  });
}

Deno.test.afterAll(() => db.close());
