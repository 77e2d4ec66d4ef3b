import { assert, assertEquals, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { ConnectivityResponse, LastConnectivityResponse } from "../../types/admin.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aNotification } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { requester } from "../../testing/requests.ts";

const db = await openTestDatabase();
const clock = new TestClock("2026-06-10T12:00:00.000Z");
// The test awaits the calls before it closes the database, because the check abandons a call at its time limit, and closing during a call
// never ends.
const calls: PromiseLike<unknown>[] = [];
const rpc = ((...call: Parameters<typeof db.rpc>) => {
  const answer = db.rpc(...call);
  calls.push(answer);
  return answer;
}) as typeof db.rpc;
const call = async (method: "GET" | "POST", role: string, fetch?: typeof globalThis.fetch) => {
  const app = documented(createApp({ rpc, clock, log: () => {}, env: testEnv(), waitUntil: () => {}, fetch }));
  return await requester(app, "/sync-admin")(method, "/test-connectivity", undefined, { authorization: `Bearer ${await db.token(role)}` });
};
/** Tests the connectivity a minute after the last test. */
const test = async (fetch: typeof globalThis.fetch) => {
  clock.advance(60_000);
  return ConnectivityResponse.parse((await call("POST", "operator", fetch)).body);
};
const startBackoff = () =>
  db.query("update upstream_state set backoff_until = $1::timestamptz + interval '1 hour', backoff_reason = '403'", [clock.asOf()]);
const answering = (status: number, headers = {}): typeof globalThis.fetch => () => Promise.resolve(new Response(null, { status, headers }));

Deno.test("a second test within a minute is refused for every caller, sends no request and says when it is possible; the last result stays readable", async () => {
  await db.reset();
  let requests = 0;
  const fetch: typeof globalThis.fetch = () => {
    requests++;
    return Promise.resolve(new Response(null, { status: 405 }));
  };
  const result = await test(fetch);
  const [sent, testedAt] = [requests, clock.now()];
  assert(sent > 0);
  clock.advance(20_000);
  for (const role of ["operator", "admin"]) {
    const { status, body } = await call("POST", role, fetch);
    assertEquals([status, body], [429, {
      code: "TOO_SOON",
      message: `test-connectivity is allowed once a minute, and again at ${
        new Date(testedAt + 60_000).toISOString().replace(".000Z", "+00:00")
      }`,
      details: { retry_after_s: 40 },
    }]);
  }
  assertEquals(requests, sent);
  const read = LastConnectivityResponse.parse((await call("GET", "viewer")).body);
  assertEquals([read.last?.checks, Date.parse(read.last?.tested_at ?? "")], [result.checks, testedAt]);
  assertEquals(Date.parse(read.next_test_at ?? ""), testedAt + 60_000);
  clock.advance(40_000);
  assertEquals((await call("POST", "operator", fetch)).status, 200);
  assertEquals(requests, 2 * sent);
});

Deno.test("of twenty tests at the same time one sends requests", async () => {
  clock.advance(60_000);
  const statuses = (await Promise.all(Array.from({ length: 20 }, () => call("POST", "operator", answering(405))))).map(({ status }) =>
    status
  );
  assertEquals(statuses.sort(), [200, ...Array(19).fill(429)]);
});

Deno.test("a viewer cannot test, and a read sends no request", async () => {
  const refuse = () => Promise.reject(new Error("no request is expected"));
  assertEquals((await call("POST", "viewer", refuse)).status, 403);
  assertEquals((await call("GET", "viewer", refuse)).status, 200);
});

Deno.test("the test of VIS waits for no slot that the syncs use, and frees its own", async () => {
  await db.reset();
  const vis = async () => (await test(answering(405))).checks.find(({ name }) => name === "vis");
  const busy = () => db.value("select count(*)::int from upstream_slots where token is not null");
  assertEquals([(await vis())?.status, await busy()], ["OK", 0]);
  await db.query("update upstream_slots set token = gen_random_uuid(), expires_at = $1::timestamptz + interval '1 hour'", [clock.asOf()]);
  const taken = await busy();
  assertObjectMatch(await vis() as object, { status: "SKIPPED", message: "every request slot is in use: syncs send requests now" });
  assertEquals(await busy(), taken);
});

for (const [status, backoff_s] of [[429, 120], [503, 120], [403, null], [500, null]] as const) {
  Deno.test(`VIS answers the test with ${status}: ${backoff_s === null ? "the syncs go on" : "the syncs wait as long as it asked for"}`, async () => {
    await db.reset();
    const { checks } = await test(answering(status, { "retry-after": "120" }));
    assertEquals(checks.find(({ name }) => name === "vis")?.status, "FAILED");
    const [state] = await db.query<{ backoff_reason: string | null; s: number | null }>(
      "select backoff_reason, extract(epoch from backoff_until - $1)::int as s from upstream_state",
      [clock.asOf()],
    );
    assertEquals(state, { backoff_reason: backoff_s === null ? null : `VIS answered HTTP ${status}`, s: backoff_s });
  });
}

Deno.test("the connectivity test calls each component once, names each that fails, and starts no run", async () => {
  await db.reset();
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query(
    "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://93.184.216.34/x\"}', 'whsec_x'), ('inside', 'webhook', '{\"url\": \"https://10.0.0.1/x\"}', 'whsec_x')",
  );
  await db.query("insert into notification_channels (name, kind, config) values ('mail', 'email', '{\"to\": [\"ops@example.com\"]}')");
  await db.query("insert into cron.job_run_details (jobid, command, status, start_time) select 1, 'x', 'succeeded', $1::timestamptz", [
    clock.asOf(),
  ]);
  const requests: string[] = [];
  const fakeFetch = ((input: string, init?: RequestInit) => {
    requests.push(`${init?.method ?? "GET"} ${new URL(input).pathname}`);
    if (input.includes("match-schedule")) return Promise.reject(new Error("gone"));
    return Promise.resolve(new Response(null, { status: input.includes("functions") ? 405 : 200 }));
  }) as typeof fetch;
  const { status, checks } = await test(fakeFetch);
  assertEquals(status, "FAILED");
  assertEquals(Object.fromEntries(checks.map((check) => [check.name, check.status])), {
    database: "OK",
    scheduler: "OK",
    "match-schedule-sync": "FAILED",
    "tournament-master-sync": "OK",
    vis: "OK",
    dashboard: "OK",
    hook: "OK",
    inside: "FAILED",
    mail: "FAILED",
  });
  assertEquals(requests.sort(), [
    "GET /functions/v1/match-schedule-sync",
    "GET /functions/v1/tournament-master-sync",
    "HEAD /XmlRequest.asmx",
    "OPTIONS /x",
  ]);
  assertEquals(await db.value("select count(*)::int from sync_execution_history"), 0);
  assertEquals(await db.value("select count(*)::int from alert_notifications where status = 'PENDING'"), 0);
  await startBackoff();
  const duringBackoff = await test(fakeFetch);
  assertEquals(duringBackoff.checks.find((check) => check.name === "vis")?.status, "SKIPPED");
  assert(!JSON.stringify(duringBackoff).includes("93.184"), "the response contains no address");
});

for (
  const [component, status, expected] of [
    ["vis", 200, "OK"],
    ["vis", 404, "OK"],
    ["vis", 403, "FAILED"],
    ["vis", 429, "FAILED"],
    ["vis", 503, "FAILED"],
    ["vis", 302, "FAILED"],
    ["match-schedule-sync", 405, "OK"],
    ["match-schedule-sync", 503, "FAILED"],
    ["match-schedule-sync", 404, "FAILED"],
    ["hook", 204, "OK"],
    ["hook", 405, "OK"],
    ["hook", 501, "OK"],
    ["hook", 404, "SKIPPED"],
    ["hook", 403, "SKIPPED"],
    ["hook", 302, "FAILED"],
    ["hook", 502, "FAILED"],
  ] as const
) {
  Deno.test(`the connectivity of ${component} is ${expected} when it answers with status ${status}`, async () => {
    await db.query("update upstream_state set backoff_until = null, backoff_reason = null, backoff_fingerprint = null");
    await db.query("delete from notification_channels where name <> 'dashboard'");
    await db.query(
      "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://93.184.216.34/x\"}', 'whsec_x')",
    );
    const fetch = (() => Promise.resolve(new Response(null, { status }))) as typeof globalThis.fetch;
    const { checks } = await test(fetch);
    assertEquals(checks.find(({ name }) => name === component)?.status, expected);
  });
}

for (
  const [probe, outcome, expected, message] of [
    [404, "SENT", "OK", "accepted the last delivery, at 2026-06-10T11:00:00+00:00; refuses only the probe, with status 404"],
    [200, "SENT", "OK", "accepted the last delivery, at 2026-06-10T11:00:00+00:00"],
    [200, "RETRY", "FAILED", "refused the last delivery, at 2026-06-10T11:00:00+00:00: the receiver answered 403"],
    [404, "DEAD", "FAILED", "refused the last delivery, at 2026-06-10T11:00:00+00:00: the receiver answered 403"],
    [502, "SENT", "FAILED", "answered with status 502"],
  ] as const
) {
  Deno.test(`a receiver whose last delivery was ${outcome} and that answers the probe with ${probe} is ${expected}`, async () => {
    await db.reset();
    await db.query("delete from notification_channels where name <> 'dashboard'");
    await db.query(
      "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://93.184.216.34/x\"}', 'whsec_x')",
    );
    const { id } = await aNotification(db, { channel: "hook" });
    await db.query(
      `insert into alert_deliveries (notification_id, attempt, at, outcome, error, duration_ms)
        values ($1, 1, '2026-06-10T10:00:00Z', 'RETRY', 'an older failure', 1), ($1, 2, '2026-06-10T11:00:00Z', $2, $3, 1)`,
      [id, outcome, outcome === "SENT" ? null : "the receiver answered 403"],
    );
    const fetch = (() => Promise.resolve(new Response(null, { status: probe }))) as typeof globalThis.fetch;
    const { checks } = await test(fetch);
    assertObjectMatch(checks.find(({ name }) => name === "hook") as object, { status: expected, message });
  });
}

Deno.test("the connectivity test names the host to which VIS redirects", async () => {
  await db.query("update upstream_state set backoff_until = null, backoff_reason = null, backoff_fingerprint = null");
  const headers = { location: "https://moved.example/x?key=s3cr" };
  const fetch = (() => Promise.resolve(new Response(null, { status: 301, headers }))) as typeof globalThis.fetch;
  const { checks } = await test(fetch);
  assertObjectMatch(checks.find(({ name }) => name === "vis") as object, {
    status: "FAILED",
    message: "answered with status 301, a redirect to moved.example; set VIS_API_URL to the address that answers",
  });
});

Deno.test("a component that never answers fails the connectivity test after 5 seconds, and does not delay the others", async () => {
  await db.reset();
  const setTimer = globalThis.setTimeout;
  // Only the time limit of a check is shortened, because a test cannot move the timers of the runtime.
  globalThis.setTimeout = ((work: () => void, ms?: number) => setTimer(work, ms === 5_000 ? 5 : ms)) as typeof setTimeout;
  try {
    const isSilent = (url: string) => url.includes("match-schedule");
    const fetch = ((url: string) =>
      isSilent(url) ? new Promise(() => {}) : Promise.resolve(new Response(null, { status: 405 }))) as unknown;
    const { checks } = await test(fetch as typeof globalThis.fetch);
    assertObjectMatch(checks.find(({ name }) => name === "match-schedule-sync") as object, {
      status: "FAILED",
      message: "no answer within 5 s",
    });
    assertEquals(checks.find(({ name }) => name === "tournament-master-sync")?.status, "OK");
  } finally {
    globalThis.setTimeout = setTimer;
  }
});

Deno.test.afterAll(async () => {
  await Promise.allSettled(calls);
  await db.close();
});
