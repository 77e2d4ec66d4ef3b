// Over 300 lines, because each figure of the overview has a case.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { corsHeaders } from "@supabase/supabase-js/cors";
import { createKeys } from "../../platform/keys.ts";
import { DatabaseError } from "../../services/errors.ts";
import { createLog } from "../../services/log.ts";
import { parseAnswer, type Rpc } from "../../services/rpc.ts";
import { actorOf, CLIENT_HEADERS, createFunctionApp, requireRole, requireSecret } from "../../supabase/functions/_shared/app.ts";
import { SCHEMA_VERSION } from "../../supabase/functions/_shared/schema-check.ts";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { SyncHealthResponse } from "../../types/monitoring.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { documented } from "../../testing/openapi.ts";
import { testEnv } from "../../testing/env.ts";
import { aRun } from "../../testing/factories.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T12:03:00.000Z";

async function setUp(now = NOW) {
  await db.reset();
  await db.query("update sync_status set last_attempt = '2026-06-10T12:00:00Z', last_sync = '2026-06-10T12:00:00Z'");
  const lines: string[] = [];
  const app = documented(
    createApp({ env: testEnv(), rpc: db.rpc, clock: new TestClock(now), log: createLog({}, (line) => lines.push(line)) }),
  );
  const get = (headers: Record<string, string> = { apikey: db.keys.secret }, path = "/health-overview", method = "GET", body?: string) =>
    app.fetch(new Request(`http://functions.test/sync-monitoring${path}`, { headers, method, body }));
  const overview = async () => SyncHealthResponse.parse(await (await get()).json());
  return { get, overview, lines };
}
const bearer = async (role: string | null) => ({ authorization: `Bearer ${await db.token(role)}` });

Deno.test("the answer has every active entity and no inactive one, and alerts are an empty list", async () => {
  const { overview } = await setUp();
  const answer = await overview();
  assertEquals(Object.keys(answer.sync_entities).sort(), ["matches_schedule", "tournaments"]);
  assertEquals(answer.active_alerts, []);
  assertEquals(answer.last_updated, NOW);
  await db.query(
    "insert into sync_status (entity_type, title, function_name, sync_frequency, grace, max_runtime) values ('rankings', 'Rankings', 'ranking-sync', '1 hour', '5 minutes', '1 minute')",
  );
  assert((await overview()).sync_entities.rankings, "a new entity needs a row and no code");
  await db.query("delete from sync_status where entity_type = 'rankings'");
});

Deno.test("a figure that was not measured is null", async () => {
  const { overview } = await setUp();
  const { sync_entities, performance_summary } = await overview();
  assertObjectMatch(sync_entities.tournaments as object, {
    success_rate_24h: null,
    average_duration: null,
    average_duration_ms: null,
    p95_duration_ms: null,
    runs_24h: 0,
  });
  assertObjectMatch(performance_summary, {
    success_rate: null,
    average_duration_ms: null,
    cache_hit_ratio: null,
    average_response_time_ms: null,
    peak_memory_mb: null,
  });
});

Deno.test("every figure equals the figure of a query over the runs", async () => {
  const { overview } = await setUp();
  for (let run = 0; run < 40; run++) {
    await aRun(db, {
      entity_type: run % 4 ? "matches_schedule" : "tournaments",
      execution_start: new Date(Date.parse(NOW) - run * 47 * 60_000).toISOString(),
      execution_end: new Date(Date.parse(NOW) - run * 47 * 60_000 + 1000 * (run + 1)).toISOString(),
      status: ["SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "SUCCEEDED", "TIMED_OUT", "SKIPPED"][run % 7],
      tournament_no: run % 9 === 8 ? "12" : null,
      tournaments_processed: 10,
      tournaments_failed: run % 7 === 1 ? 4 : 0,
      records_inserted: run,
      cache_hits: run,
      cache_misses: 3,
      api_calls: 3,
      api_response_ms_total: 100 + run,
      memory_usage_mb: 40 + run,
      error_count: run % 3,
    });
  }
  const { sync_entities, performance_summary } = await overview();
  for (const entity of ["matches_schedule", "tournaments"]) {
    const [sql] = await db.query<Record<string, number>>(
      `select count(*) filter (where counted)::int as runs,
        (sum(case status when 'SUCCEEDED' then 1.0 when 'PARTIAL' then 1 - tournaments_failed / 10.0 else 0 end) filter (where counted)
          / count(*) filter (where counted))::float8 as rate,
        (avg(extract(epoch from execution_end - execution_start) * 1000) filter (where counted))::float8 as average,
        sum(records_inserted) filter (where execution_start >= '2026-06-10T00:00:00Z')::int as records
      from (select *, status in ('SUCCEEDED', 'PARTIAL', 'FAILED', 'TIMED_OUT') and tournament_no is null as counted
        from sync_execution_history where entity_type = $1 and execution_start > $2::timestamptz - interval '24 hours') h`,
      [entity, NOW],
    );
    const { success_rate_24h, average_duration_ms, runs_24h, records_processed_today } = sync_entities[entity] ?? {};
    assertEquals([runs_24h, records_processed_today], [sql?.runs, sql?.records]);
    assert(Math.abs((success_rate_24h ?? 9) - (sql?.rate ?? 0)) < 1e-9);
    assert(Math.abs((average_duration_ms ?? 9) - (sql?.average ?? 0)) < 1e-6);
  }
  const [all] = await db.query<Record<string, number>>(
    `select sum(api_calls)::int as calls, sum(error_count)::int as errors, max(memory_usage_mb) as memory,
      (sum(cache_hits)::float8 / sum(cache_hits + cache_misses)) as ratio
    from sync_execution_history where execution_start > $1::timestamptz - interval '24 hours'`,
    [NOW],
  );
  assertObjectMatch(performance_summary, {
    api_calls: all?.calls,
    errors: all?.errors,
    peak_memory_mb: all?.memory,
    cache_hit_ratio: all?.ratio,
  });
});

Deno.test("a day with 1,001 runs that all started in the current quarter of an hour has a percentile", async () => {
  const { overview } = await setUp();
  await db.query(
    `insert into sync_execution_history (entity_type, trigger, status, execution_start, execution_end)
    select 'matches_schedule', 'CRON', 'SUCCEEDED', at, at + i * interval '100 milliseconds'
    from generate_series(1, 1001) i cross join (values ($1::timestamptz - interval '2 minutes')) s (at)`,
    [NOW],
  );
  await db.query(
    "select private.roll_up(array(select id from sync_execution_history where execution_start = $1::timestamptz - interval '2 minutes'))",
    [
      NOW,
    ],
  );
  const facts = await db.value<{ runs_24h: number; p95_duration_ms: number }[]>(
    "select get_health_overview($1) -> 'entities'",
    [NOW],
  );
  const [entity] = facts;
  assertEquals(entity?.runs_24h, 1_001);
  assert(Math.abs(Number(entity?.p95_duration_ms) / 95_100 - 1) <= 0.05, `${entity?.p95_duration_ms}`);
  assert((await overview()).sync_entities.matches_schedule);
});

Deno.test("an entity that stopped running is CRITICAL and shows since when it is overdue", async () => {
  const { overview } = await setUp();
  await db.query("update sync_status set last_attempt = '2026-06-10T11:15:00Z' where entity_type = 'matches_schedule'");
  const entity = (await overview()).sync_entities.matches_schedule;
  assertEquals(entity?.status, "CRITICAL");
  assertEquals(Date.parse(String(entity?.overdue_since)), Date.parse("2026-06-10T11:35:00Z"));
  assertObjectMatch(entity?.because[0] as object, { code: "OVERDUE", value: 28 });
});

Deno.test("an entity is not overdue within its grace", async () => {
  const { overview } = await setUp("2026-06-10T12:19:59.000Z");
  assertEquals((await overview()).sync_entities.matches_schedule?.status, "HEALTHY");
  const late = await setUp("2026-06-10T12:20:00.000Z");
  assertEquals((await late.overview()).sync_entities.matches_schedule?.status, "CRITICAL");
});

Deno.test("an entity that never ran is WARNING until due + grace, then CRITICAL", async () => {
  const { overview } = await setUp();
  await db.query(
    "update sync_status set last_attempt = null, last_sync = null, created_at = '2026-06-10T12:01:00Z' where entity_type = 'matches_schedule'",
  );
  assertObjectMatch((await overview()).sync_entities.matches_schedule as object, { status: "WARNING", last_successful_sync: null });
  await db.query("update sync_status set created_at = '2026-06-10T11:01:00Z' where entity_type = 'matches_schedule'");
  const entity = (await overview()).sync_entities.matches_schedule;
  assertObjectMatch(entity as object, { status: "CRITICAL" });
  assertEquals(Date.parse(String(entity?.overdue_since)), Date.parse("2026-06-10T11:20:00Z"));
});

Deno.test("a paused entity is WARNING, also when it is overdue and failing", async () => {
  const { overview } = await setUp();
  await db.query(
    "update sync_status set last_attempt = '2026-06-01T00:00:00Z', consecutive_failures = 9, paused_at = $1, paused_by = 'admin@example.com', paused_reason = 'works on the court' where entity_type = 'matches_schedule'",
    [NOW],
  );
  const { sync_entities, overall_status } = await overview();
  assertObjectMatch(sync_entities.matches_schedule as object, { status: "WARNING", is_paused: true });
  assertMatch(String(sync_entities.matches_schedule?.because[0]?.message), /paused by admin@example.com .*works on the court/);
  assertEquals(overall_status, "WARNING");
});

Deno.test("the reason FAILING names the last failed run", async () => {
  const { overview } = await setUp();
  const run = await aRun(db, { execution_start: "2026-06-10T12:00:00Z", status: "FAILED", status_reason: "all 2 steps failed: VIS_LATER" });
  await db.query("update sync_status set consecutive_failures = 3 where entity_type = 'matches_schedule'");
  const entity = (await overview()).sync_entities.matches_schedule;
  assertObjectMatch(entity?.because[0] as object, { code: "FAILING", status: "CRITICAL", value: 3, limit: 3, execution_id: run.id });
});

Deno.test("the secret key, viewers, operators and admins may read; others get 401 or 403 in the error shape", async () => {
  const { get } = await setUp();
  for (const role of ["viewer", "operator", "admin"]) assertEquals((await get(await bearer(role))).status, 200, role);
  const forbidden = await get(await bearer(null));
  assertEquals(forbidden.status, 403);
  assertObjectMatch(await forbidden.json(), { code: "FORBIDDEN" });
  assertEquals((await get(await bearer("king"))).status, 403);
  const stranger = await createKeys();
  const forged = { ...stranger, signing: { ...stranger.signing, kid: db.keys.signing.kid } };
  const noCredential = "sign in, or send a secret key of this project in the header apikey";
  const noKey = "the key in the header apikey is not a secret key of this project";
  const noToken = "the header authorization must be Bearer and an access token; a secret key is sent in the header apikey";
  const refused: [Record<string, string>, string, string][] = [
    [{}, "UNAUTHORIZED", noCredential],
    [{ apikey: db.keys.publishable, authorization: `Bearer ${db.keys.publishable}` }, "UNAUTHORIZED", noCredential],
    [{ apikey: "sb_secret_wrong" }, "UNAUTHORIZED", noKey],
    [{ apikey: "wrong", authorization: "Bearer wrong" }, "UNAUTHORIZED", noKey],
    [{ authorization: `Bearer ${db.keys.secret}` }, "UNAUTHORIZED", noToken],
    [{ authorization: `Basic ${btoa("a:b")}` }, "UNAUTHORIZED", noToken],
    [{ authorization: "Bearer nonsense" }, "TOKEN_UNTRUSTED", "the access token is not one of this project: sign in again"],
    [
      { authorization: `Bearer ${await db.token("admin", { expires: "-1h" })}` },
      "TOKEN_EXPIRED",
      "the access token has expired: sign in again",
    ],
    [
      { authorization: `Bearer ${await db.token("admin", { keys: forged })}`, apikey: db.keys.secret },
      "TOKEN_UNTRUSTED",
      "the access token is not one of this project: sign in again",
    ],
  ];
  for (const [headers, code, message] of refused) {
    const response = await get(headers);
    assertEquals([response.status, await response.json()], [401, { code, message }]);
  }
});

Deno.test("each key in SUPABASE_SECRET_KEYS is accepted under its name, and any other key gets 401", async () => {
  const before = Deno.env.get("SUPABASE_SECRET_KEYS") ?? "";
  Deno.env.set("SUPABASE_SECRET_KEYS", JSON.stringify({ default: db.keys.secret, cron: "sb_secret_of_cron" }));
  try {
    const app = createFunctionApp("probe", { rpc: db.rpc, log: () => {} });
    app.get("/secret", requireSecret, (c) => c.json(c.get("keyName")));
    app.get("/role", ...requireRole("admin"), (c) => c.json(actorOf(c).name));
    for (const path of ["secret", "role"]) {
      const get = (apikey: string) => app.fetch(new Request(`http://functions.test/probe/${path}`, { headers: { apikey } }));
      const name = path === "role" ? "secret key " : "";
      assertEquals(await (await get(db.keys.secret)).json(), `${name}default`);
      assertEquals(await (await get("sb_secret_of_cron")).json(), `${name}cron`);
      assertEquals((await get("sb_secret_of_nobody")).status, 401, path);
    }
  } finally {
    Deno.env.set("SUPABASE_SECRET_KEYS", before);
  }
});

Deno.test("a wrong path is 404, a wrong method 405, and a preflight 204", async () => {
  const { get } = await setUp();
  assertObjectMatch(await (await get(undefined, "/nowhere")).json(), { code: "NOT_FOUND" });
  const post = await get(undefined, "/health-overview", "POST");
  assertEquals(post.status, 405);
  const preflight = await get({ origin: "http://app.test", "access-control-request-method": "GET" }, "/health-overview", "OPTIONS");
  assertEquals(preflight.status, 204);
  assertEquals(preflight.headers.get("access-control-allow-origin"), "*");
  const listed = (name: string) => (preflight.headers.get(name) ?? "").split(",");
  assertEquals(listed("access-control-allow-headers"), [...CLIENT_HEADERS, "if-none-match", "idempotency-key", "x-correlation-id"]);
  const official = (name: keyof typeof corsHeaders) => (corsHeaders[name] ?? "").split(", ");
  assertEquals(CLIENT_HEADERS, official("Access-Control-Allow-Headers"));
  const methods = official("Access-Control-Allow-Methods").filter((method) => method !== "OPTIONS");
  assertEquals(methods.filter((method) => !listed("access-control-allow-methods").includes(method)), []);
  assertEquals(preflight.headers.get("access-control-max-age"), "7200");
});

Deno.test("a page of another origin may read every answer, also an error, with its ETag and request id", async () => {
  const { get } = await setUp();
  const answers: [number, Response][] = [
    [200, await get()],
    [304, await get({ apikey: db.keys.secret, "if-none-match": (await get()).headers.get("etag") ?? "" })],
    [401, await get({})],
    [404, await get(undefined, "/nowhere")],
    [405, await get(undefined, "/health-overview", "POST")],
    [413, await get({ apikey: db.keys.secret, "content-length": "70000" }, "/health-overview", "POST", "x".repeat(70_000))],
  ];
  for (const [status, response] of answers) {
    assertEquals(response.status, status);
    assertEquals(response.headers.get("access-control-allow-origin"), "*", String(status));
    assertEquals(response.headers.get("access-control-expose-headers"), "etag,retry-after,x-request-id", String(status));
    assertMatch(response.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/, String(status));
  }
});

for (
  const [name, sqlstate, status, code] of [
    ["a database without a connection", "08006", 503, "DATABASE_UNAVAILABLE"],
    ["a database that is too busy", "57014", 503, "DATABASE_UNAVAILABLE"],
    ["a database without free connections", "53300", 503, "DATABASE_UNAVAILABLE"],
    ["a value that the database refuses", "22P05", 500, "INTERNAL"],
    ["a function that the schema does not have", "PGRST202", 500, "INTERNAL"],
  ] as const
) {
  Deno.test(`${name} is a ${status} without a stack, and the log has the details`, async () => {
    const { lines } = await setUp();
    const rpc = () => Promise.reject(new DatabaseError("schema_version", sqlstate, "secret detail at host 10.0.0.1"));
    const app = createApp({ env: testEnv(), rpc, clock: new TestClock(NOW), log: createLog({}, (line) => lines.push(line)) });
    const response = await app.fetch(
      new Request("http://functions.test/sync-monitoring/health-overview", { headers: { apikey: db.keys.secret } }),
    );
    assertEquals(response.status, status);
    const body = await response.text();
    assertEquals(JSON.parse(body).code, code);
    assert(!body.includes("10.0.0.1") && !body.includes("at "));
    assertMatch(lines.join("\n"), /request_failed.*10\.0\.0\.1/);
  });
}

for (
  const [name, version, min_code_version, message] of [
    ["of its own version", SCHEMA_VERSION, SCHEMA_VERSION, null],
    ["of its own version that older functions work with too", SCHEMA_VERSION, SCHEMA_VERSION - 1, null],
    ["that is newer and works with it", SCHEMA_VERSION + 1, SCHEMA_VERSION, null],
    ["that is newer and works with even older functions", SCHEMA_VERSION + 2, SCHEMA_VERSION - 1, null],
    [
      "that is newer and excludes it",
      SCHEMA_VERSION + 1,
      SCHEMA_VERSION + 1,
      `and the database has schema ${SCHEMA_VERSION + 1}, which requires functions of version ${
        SCHEMA_VERSION + 1
      } or newer: deploy the functions`,
    ],
    ["that is older", SCHEMA_VERSION - 1, 7, `and the database has schema ${SCHEMA_VERSION - 1}: apply the migrations`],
  ] as const
) {
  Deno.test(`a function ${message ? "refuses" : "accepts"} a schema ${name}`, async () => {
    await setUp();
    const rpc: Rpc = (fn, args) =>
      (fn === "schema_version" ? Promise.resolve(parseAnswer(fn, { version, min_code_version })) : db.rpc(fn, args as never)) as never;
    const app = createApp({ env: testEnv(), rpc, clock: new TestClock(NOW), log: () => {} });
    const response = await app.fetch(
      new Request("http://functions.test/sync-monitoring/health-overview", { headers: { apikey: db.keys.secret } }),
    );
    assertEquals(response.status, message ? 503 : 200);
    const body = await response.json();
    if (message) assertEquals(body, { code: "SCHEMA_MISMATCH", message: `the functions have version ${SCHEMA_VERSION}, ${message}` });
  });
}

Deno.test.afterAll(() => db.close());
