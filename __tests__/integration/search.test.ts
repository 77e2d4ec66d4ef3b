import { assertEquals } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aRun, aTournament, insert } from "../../testing/factories.ts";
import { type Row, VALID_ROWS } from "../../testing/rows.ts";
import { SearchResponse } from "../../types/search.ts";

const db = await openTestDatabase();
const app = createApp({ rpc: db.rpc, clock: new TestClock("2026-06-10T12:00:00Z"), log: () => {}, env: testEnv() });

async function get(query: Record<string, string>): Promise<{ status: number; body: unknown }> {
  const url = `http://functions.test/sync-monitoring/search?${new URLSearchParams(query)}`;
  const response = await app.fetch(new Request(url, { headers: { apikey: db.keys.secret } }));
  return { status: response.status, body: await response.json() };
}
/** The results of a text. */
const found = async (q: string, limit = "20") => SearchResponse.parse((await get({ q, limit })).body).results;
const titles = async (q: string) => (await found(q)).map(({ kind, title }) => `${kind}: ${title}`);

const RUN = "7a11c0de-1111-4111-8111-111111111111", JOB = "7a11c0de-2222-4222-8222-222222222222";
const INCIDENT = "7a11c0de-3333-4333-8333-333333333333", RULE = "7a11c0de-4444-4444-8444-444444444444";
await aTournament(db, { no: "8104", code: "MSAQ2026", name: "Saquarema Challenge", season: "2026" });
await aTournament(db, { no: "8105", code: "WXY_2026", name: "100% Beach Day", season: "2026" });
await aTournament(db, {
  no: "8106",
  code: "MSAQ2025",
  name: "Saquarema Elite",
  season: "2025",
  start_date: "2025-06-09",
  end_date: "2025-06-12",
});
await aRun(db, { id: RUN, status: "FAILED", tournament_no: "8104" });
await insert(db, "sync_jobs", { ...VALID_ROWS.sync_jobs, id: JOB, status: "QUEUED", tournament_no: "8104" });
await insert(db, "alert_rules", { ...VALID_ROWS.alert_rules, id: RULE, name: "Quorum of beaches" });
const incident = (row: Row) => insert(db, "alert_incidents", { ...VALID_ROWS.alert_incidents, rule_id: null, ...row });
await incident({
  id: INCIDENT,
  rule_name: "Quorum of beaches",
  metric: "consecutive_failures",
  entity_type: "tournaments",
  message: "Tournament Sync: 3 runs, at or above the threshold of 3 runs",
  evidence: { fingerprint: "VIS_THROTTLED:limit" },
});

Deno.test("each kind of object is found by what it is called", async () => {
  assertEquals(await found("Tournament Sync", "1"), [
    { kind: "entity", id: "tournaments", title: "Tournament Sync", detail: "tournaments", status: null, at: null },
  ]);
  assertEquals(await titles("msaq2026"), ["tournament: Saquarema Challenge"]);
  assertEquals(await titles("saquarema 2025"), ["tournament: Saquarema Elite"]);
  assertEquals(await titles("saquarema"), ["tournament: Saquarema Challenge", "tournament: Saquarema Elite"], "the newest first");
  assertEquals((await titles("quorum of")).map((title) => title.split(":")[0]), ["incident", "rule"]);
});

Deno.test("an incident is found by the words of its cause, which the database does not have", async () => {
  const [first] = await found("limits our requests");
  assertEquals([first?.kind, first?.id, first?.title], ["incident", INCIDENT, "VIS limits our requests: 3 runs failed in a row"]);
  assertEquals((await found("failed in a row")).map(({ id }) => id), [INCIDENT]);
});

Deno.test("a run, a job, a rule and an incident are found by the beginning of their id, with and without dashes", async () => {
  for (const prefix of ["7a11", "7A11C0DE", "7a11c0de-"]) {
    assertEquals((await found(prefix)).map(({ kind }) => kind), ["incident", "rule", "job", "run"], prefix);
  }
  assertEquals(await found(RUN), [{
    kind: "run",
    id: RUN,
    title: "Run of Match Schedule",
    detail: "7a11c0de · tournament 8104",
    status: "FAILED",
    at: "2026-06-10T09:00:00+00:00",
  }]);
  assertEquals((await found(JOB.replaceAll("-", ""))).map(({ id }) => id), [JOB]);
  assertEquals(await found("7a11c0de-9"), []);
  assertEquals(await found("7a1"), [], "fewer than four digits are a text");
});

Deno.test("a number finds the tournament with it before those that contain it", async () => {
  await aTournament(db, { no: "810", name: "First", start_date: "2020-06-09", end_date: "2020-06-12" });
  assertEquals((await titles("810"))[0], "tournament: First");
});

Deno.test("wildcards and quotes are text", async () => {
  assertEquals(await titles("100%"), ["tournament: 100% Beach Day"]);
  assertEquals(await titles("y_2026"), ["tournament: 100% Beach Day"]);
  for (const text of ["%%", "__", "s%q", "\\%", "'; drop table x", "(((", ".*", "%c3%a9"]) assertEquals(await found(text), [], text);
});

Deno.test("the results are at most as many as the limit, and no kind hides another", async () => {
  for (let index = 0; index < 30; index++) await aTournament(db, { name: `Quorum Open ${index}` });
  const results = await found("quorum");
  assertEquals(results.length, 20);
  assertEquals(results.filter(({ kind }) => kind !== "tournament").map(({ kind }) => kind), ["incident", "rule"]);
  assertEquals((await found("quorum", "3")).map(({ kind }) => kind), ["incident", "tournament", "rule"]);
});

Deno.test("a live incident comes before one that has ended", async () => {
  const ended = {
    state: "RESOLVED",
    resolved_at: "2026-06-10T11:00:00Z",
    opened_at: "2026-06-10T10:59:00Z",
    rule_name: "Order of incidents",
  };
  await incident(ended);
  await incident({ rule_name: "Order of incidents" });
  assertEquals((await found("order of incidents")).map(({ status }) => status), ["FIRING", "RESOLVED"]);
});

Deno.test("a text or a limit out of range is a 400 that names the field", async () => {
  const cases: [Record<string, string>, string][] = [
    [{}, "q"],
    [{ q: "a" }, "q"],
    [{ q: "  a  " }, "q"],
    [{ q: "a".repeat(101) }, "q"],
    [{ q: "ab\0" }, "q"],
    [{ q: "abc", limit: "21" }, "limit"],
    [{ q: "abc", limit: "0" }, "limit"],
    [{ q: "abc", limit: "x" }, "limit"],
    [{ q: "abc", kind: "run" }, "kind"],
  ];
  for (const [query, field] of cases) {
    const { status, body } = await get(query);
    assertEquals([status, (body as { details: { field: string }[] }).details[0]?.field], [400, field], JSON.stringify(query));
  }
  assertEquals((await get({ q: "é".repeat(100) })).status, 200);
});
