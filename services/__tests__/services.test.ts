import { assert, assertEquals, assertMatch, assertObjectMatch, assertRejects, assertThrows } from "@std/assert";
import { createClient } from "@supabase/supabase-js";
import { systemClock } from "../clock.ts";
import { readEnv } from "../env.ts";
import { smtpOptionsOf, transportOptions } from "../smtp.ts";
import { AppError, DatabaseError } from "../errors.ts";
import { ErrorLogger, fingerprint } from "../ErrorLogger.ts";
import { SyncError } from "../classification.ts";
import { createLog } from "../log.ts";
import { MetricsCollector } from "../MetricsCollector.ts";
import { createRpc } from "../rpc.ts";
import { judgeRun, type RunFacts } from "../run-outcome.ts";
import { WorkerCpu } from "../worker-cpu.ts";
import { TestClock } from "../../testing/clock.ts";
import { answeredCall } from "../../testing/rpc-client.ts";
import { silence, withShortTimeouts } from "../../testing/timeouts.ts";

const VERSION = { version: 15, min_code_version: 15 };
const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln";

Deno.test("a fingerprint ignores ids, numbers, dates, addresses and quoted parts", () => {
  const first = fingerprint(
    "VIS_LATER",
    `tournament 8100 at 2026-06-10T10:00:00 "Doha" https://a.test/1?x=2 0f0e0d0c-1111-4222-8333-444455556666`,
  );
  const second = fingerprint(
    "VIS_LATER",
    `tournament 93 at 2025-01-02T23:59:59 "Rio" https://b.test/zz 99999999-aaaa-4bbb-8ccc-dddddddddddd`,
  );
  assertEquals(first, second);
  assert(first !== fingerprint("VIS_LATER", "match 8100"));
  assert(fingerprint("X", "y".repeat(1000)).length <= 200);
});

Deno.test("an error is classified, redacted, bounded and logged in one line", () => {
  const lines: string[] = [];
  const logger = new ErrorLogger(createLog({ function: "f" }, (line) => lines.push(line)), new TestClock("2026-06-10T10:00:00Z"));
  const row = logger.record(new SyncError("VIS_CREDENTIALS", "refused Bearer abc", { response_excerpt: `token=${JWT}` }), {
    tournament_no: "8100",
  });
  assertObjectMatch(row, {
    error_type: "AUTH",
    error_severity: "CRITICAL",
    retryable: false,
    tournament_no: "8100",
    occurred_at: "2026-06-10T10:00:00.000Z",
  });
  assert(!JSON.stringify(row).includes(JWT) && !row.error_message.includes("abc"));
  assertMatch(String(row.error_context.stack), /SyncError|classification|services\.test/);
  assertObjectMatch(JSON.parse(lines[0] as string), { level: "error", event: "sync_error", function: "f", error_code: "VIS_CREDENTIALS" });
  for (let more = 0; more < 1100; more++) logger.record(new Error("again"));
  assertEquals([logger.count, logger.pending().length], [1101, 1000]);
  logger.forget(logger.pending().slice(0, 999));
  assertEquals(logger.pending().length, 1);
});

Deno.test("the collector adds counts and keeps the peaks", async () => {
  let bytes = 10 * 2 ** 20;
  const metrics = new MetricsCollector(() => bytes);
  metrics.snapshot();
  bytes = 2 ** 20;
  metrics.countApiCall({ ms: 120.4, bytes: 10, failed: true, isRetry: false });
  metrics.countApiCall({ ms: 80, bytes: 5, failed: false, isRetry: true });
  metrics.countRecords({ inserted: 1, updated: 2, unchanged: 3 });
  const rpc = metrics.counting(createRpc({ rpc: () => answeredCall({ data: VERSION, error: null }) }));
  await Promise.all([rpc("schema_version", {}), rpc("schema_version", {})]);
  assertObjectMatch(metrics.snapshot(), {
    memory_usage_mb: 10,
    api_calls: 2,
    api_errors: 1,
    api_retries: 1,
    api_bytes: 15,
    api_response_ms_total: 200,
    api_response_ms_max: 120,
    records_updated: 2,
    database_calls: 2,
    database_connections_peak: 2,
  });
  assert((new MetricsCollector().snapshot().memory_usage_mb ?? 0) > 0);
});

Deno.test("a retry, an answer in XML and a forced full read are API fallbacks of their kind, and a request of several kinds counts once", () => {
  const metrics = new MetricsCollector();
  const call = { ms: 1, bytes: 1, failed: false, isRetry: false };
  metrics.countApiCall(call);
  metrics.countApiCall({ ...call, isRetry: true });
  metrics.countApiCall({ ...call, isXml: true });
  metrics.countApiCall({ ...call, isFullRead: true });
  metrics.countApiCall({ ...call, isRetry: true, isXml: true, isFullRead: true });
  const kinds = { api_retries: 2, api_xml_replies: 2, api_full_reads: 2 };
  assertObjectMatch(metrics.snapshot(), { api_calls: 5, ...kinds, api_fallbacks: 4 });
});

Deno.test("the CPU of a worker is its start, its measured parts also when they throw, and its requests", () => {
  let ms = 0;
  const cpu = new WorkerCpu({ now: () => ms, startUpMs: 250 });
  assertEquals(cpu.measure(() => ms += 100), 100);
  assertThrows(() =>
    cpu.measure(() => {
      ms += 50;
      throw new SyncError("REPLY_MALFORMED", "malformed");
    }), SyncError);
  ms += 10_000;
  assertEquals(cpu.spentMs, 400);
  cpu.countRequest();
  assertEquals(cpu.spentMs, 400.5);
});

Deno.test("a worker of 1.5 s starts no run with under 0.4 s left, and its runs end with 0.1 s left", () => {
  for (
    const [spentMs, canStartRun, isSpent] of [[1_100, true, false], [1_101, false, false], [1_399, false, false], [
      1_400,
      false,
      true,
    ]] as const
  ) {
    const cpu = new WorkerCpu({ startUpMs: spentMs });
    assertEquals([cpu.canStartRun, cpu.isSpent], [canStartRun, isSpent], `${spentMs} ms`);
  }
});

Deno.test("a database call costs the time to serialise it, the check of its answer and one request", async () => {
  let ms = 0;
  const cpu = new WorkerCpu({ now: () => ms, startUpMs: 0 });
  const serialising = {
    rpc: () => ({
      abortSignal: () => ({
        // deno-lint-ignore no-explicit-any -- the type of PromiseLike
        then: (resolve: any) => {
          ms += 7;
          return Promise.resolve({ data: VERSION, error: null }).then(resolve);
        },
      }),
    }),
  };
  await createRpc(serialising as never, { cpu })("schema_version", {});
  assertEquals(cpu.spentMs, 7.5);
});

Deno.test("a database call without an answer fails after 10 seconds, as one without a connection", async () => {
  const client = createClient("http://database.test", "key", {
    auth: { persistSession: false, autoRefreshToken: false },
    global: { fetch: (_input, init) => silence(init?.signal) },
  });
  const limits = await withShortTimeouts(async () => {
    assertEquals((await assertRejects(() => createRpc(client)("schema_version", {}), DatabaseError)).sqlstate, "");
  });
  assertEquals(limits, [10_000]);
});

Deno.test("rpc throws an AppError for an expected failure, and a DatabaseError for any other and for an unexpected answer", async () => {
  const answering = (error: object | null, data: unknown = null) => createRpc({ rpc: () => answeredCall({ data, error: error as never }) });
  const app = await assertRejects(
    () => answering({ code: "PT409", message: "paused", details: "ENTITY_PAUSED" })("schema_version", {}),
    AppError,
  );
  assertEquals([app.code, app.status], ["ENTITY_PAUSED", 409]);
  const badRequest = await assertRejects(
    () => answering({ code: "PT400", message: "period: too long", details: "BAD_REQUEST" })("schema_version", {}),
    AppError,
    "period: too long",
  );
  assertEquals(badRequest.details, [{ field: "period", message: "too long" }]);
  assertEquals(
    (await assertRejects(
      () => answering({ code: "PT409", message: "x", details: "NEW_CODE" })("schema_version", {}),
      DatabaseError,
    )).sqlstate,
    "PT409",
  );
  assertEquals(
    (await assertRejects(
      () => answering({ code: "40001", message: "x" })("schema_version", {}),
      DatabaseError,
      "schema_version: x",
    )).sqlstate,
    "40001",
  );
  assertEquals(
    (await assertRejects(() => answering({ message: "fetch failed" })("schema_version", {}), DatabaseError)).sqlstate,
    "",
  );
  assertEquals((await assertRejects(() => answering(null, "text")("schema_version", {}), DatabaseError)).sqlstate, "ANSWER");
});

const GOOD = { SUPABASE_URL: "http://127.0.0.1:54321", SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}' };

Deno.test("the environment has defaults, and an empty variable counts as not set", () => {
  const env = readEnv({ ...GOOD, VIS_APP_ID: "" });
  assertObjectMatch(env, { SYNC_CONCURRENCY: 4, VIS_RETRIES: 3, SYNC_WALL_CLOCK_MS: 150_000 });
  assertEquals(env.VIS_APP_ID, undefined);
});

Deno.test("the secret keys of every variable are known, the one named default first, and each value once", () => {
  const { SUPABASE_URL } = GOOD;
  const keysOf = (variables: Record<string, string>) =>
    readEnv({ SUPABASE_URL, ...variables }).secretKeys.map(({ name, value }) => `${name} ${value}`);
  assertEquals(keysOf({ SUPABASE_SECRET_KEYS: '{"cron":"b","default":"a"}', SUPABASE_SERVICE_ROLE_KEY: "legacy" }), [
    "default a",
    "cron b",
    "service_role legacy",
  ]);
  assertEquals(keysOf({ SUPABASE_SECRET_KEYS: '{"second":"b"}' }), ["second b"]);
  assertEquals(keysOf({ SUPABASE_SECRET_KEY: "a", SUPABASE_SERVICE_ROLE_KEY: "a" }), ["default a"]);
  assertEquals(keysOf({ SUPABASE_SECRET_KEYS: "{}", SUPABASE_SERVICE_ROLE_KEY: "legacy" }), ["service_role legacy"]);
});

Deno.test("SMTP requires TLS by default, and SMTP_CA can be one line", () => {
  assertEquals(smtpOptionsOf(readEnv(GOOD)), null);
  const env = readEnv({
    ...GOOD,
    SMTP_URL: "smtps://mail.test:465",
    SMTP_FROM: "a@example.com",
    SMTP_CA: "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----",
    SMTP_TLS: "",
  });
  const ca = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
  const smtp = { url: "smtps://mail.test:465", from: "a@example.com", ca, tls: "required" } as const;
  assertEquals(smtpOptionsOf(env), smtp);
  assertObjectMatch(transportOptions(smtp, 5_000), { requireTLS: true, tls: { ca }, connectionTimeout: 5_000 });
});

for (
  const [variables, named] of [
    [{}, "SUPABASE_URL"],
    [{ ...GOOD, SUPABASE_SECRET_KEYS: "{" }, "SUPABASE_SECRET_KEYS"],
    [{ ...GOOD, SUPABASE_SECRET_KEYS: '["a"]' }, "SUPABASE_SECRET_KEYS"],
    [{ ...GOOD, SUPABASE_SECRET_KEYS: '{"default":""}' }, "SUPABASE_SECRET_KEYS"],
    [{ ...GOOD, SUPABASE_SECRET_KEYS: "{}" }, "SUPABASE_SECRET_KEYS"],
    [{ SUPABASE_URL: GOOD.SUPABASE_URL }, "SUPABASE_SECRET_KEYS"],
    [{ ...GOOD, SUPABASE_JWKS: "{}" }, "SUPABASE_JWKS"],
    [{ ...GOOD, SUPABASE_JWKS: '{"keys":[{"x":"y"}]}' }, "SUPABASE_JWKS"],
    [{ ...GOOD, SUPABASE_PUBLIC_URL: "app.test" }, "SUPABASE_PUBLIC_URL"],
    [{ ...GOOD, AUTH_ISSUER: "example" }, "AUTH_ISSUER"],
    [{ ...GOOD, SYNC_CONCURRENCY: "9" }, "SYNC_CONCURRENCY"],
    [{ ...GOOD, VIS_USERNAME: "u" }, "VIS_USERNAME, VIS_PASSWORD"],
    [{ ...GOOD, VIS_API_URL: "not a url" }, "VIS_API_URL"],
    // A timeout must be below 90 seconds, the lease of a slot.
    [{ ...GOOD, VIS_TIMEOUT_MS: "60001" }, "VIS_TIMEOUT_MS"],
    [{ ...GOOD, VIS_RETRIES: "6" }, "VIS_RETRIES"],
    [{ ...GOOD, SYNC_WALL_CLOCK_MS: "39999" }, "SYNC_WALL_CLOCK_MS"],
    [{ ...GOOD, SMTP_URL: "smtp://mail.test:587", SMTP_FROM: "a@example.com" }, "SMTP_URL"],
    [{ ...GOOD, SMTP_URL: "smtp://mail.test", SMTP_FROM: "a@example.com" }, "SMTP_URL"],
    [{ ...GOOD, SMTP_URL: "smtps://mail.test:465" }, "SMTP_URL, SMTP_FROM"],
    [{ ...GOOD, SMTP_URL: "smtps://mail.test:465?tls.rejectUnauthorized=false", SMTP_FROM: "a@example.com" }, "SMTP_URL"],
    [{ ...GOOD, SMTP_CA: "/etc/ssl/ca.pem" }, "SMTP_CA"],
    [{ ...GOOD, SMTP_TLS: "no" }, "SMTP_TLS"],
    [{ ...GOOD, RUNBOOK_URL: "docs/runbook.md" }, "RUNBOOK_URL"],
    [{ ...GOOD, AUDIT_KEY: "x".repeat(31) }, "AUDIT_KEY"],
    [{ ...GOOD, CLIENT_ADDRESS_HEADER: "cf connecting ip" }, "CLIENT_ADDRESS_HEADER"],
    [{ ...GOOD, PROMETHEUS_TOKEN: "x".repeat(31) }, "PROMETHEUS_TOKEN"],
    [{ ...GOOD, BADGE_TOKEN: "with blanks".repeat(4) }, "BADGE_TOKEN"],
  ] as [Record<string, string>, string][]
) {
  Deno.test(`an invalid environment is refused with the name ${named}: ${JSON.stringify(variables)}`, () => {
    assertThrows(() => readEnv(variables), Error, named);
  });
}

const FACTS: RunFacts = {
  stop: null,
  fatal: null,
  steps: 0,
  steps_failed: 0,
  total: 10,
  processed: 10,
  failed: 0,
  rejected: 0,
  held: 0,
  in_main_draw: null,
  codes: [],
};
for (
  const [facts, status, reason] of [
    [{}, "SUCCEEDED", /^10 tournaments done$/],
    [{ rejected: 2 }, "SUCCEEDED", /2 records rejected/],
    [{ total: 0, processed: 0 }, "SUCCEEDED", /no tournament was due/],
    [{ in_main_draw: 0 }, "SUCCEEDED", /^10 tournaments done, no main draw today$/],
    [{ in_main_draw: 2 }, "SUCCEEDED", /^10 tournaments done, 2 main draws today$/],
    [{ held: 1, codes: ["REPLY_SHRANK"] }, "PARTIAL", /^1 reply held back for a second look: REPLY_SHRANK$/],
    [{ held: 2, failed: 1, codes: ["REPLY_MOVED"] }, "PARTIAL", /^1 of 10 tournaments failed, 2 held back for a second look: REPLY_MOVED$/],
    [{ failed: 3, codes: ["VIS_LATER"] }, "PARTIAL", /^3 of 10 tournaments failed: VIS_LATER/],
    [{ failed: 10 }, "FAILED", /all 10 tournaments failed/],
    [{ steps: 2, steps_failed: 1 }, "PARTIAL", /1 of 2 steps failed/],
    [{ steps: 2, steps_failed: 2, processed: 0 }, "FAILED", /all 2 steps failed/],
    [{ fatal: "boom" }, "FAILED", /^boom$/],
    [{ stop: "CPU", processed: 4, failed: 1 }, "PARTIAL", /^1 of 4 tournaments failed, 6 of 10 tournaments left/],
    [{ stop: "CPU", processed: 4 }, "PARTIAL", /CPU budget of its worker, 6 of 10 tournaments left/],
    [{ stop: "BUDGET", processed: 4 }, "PARTIAL", /time budget, 6 of 10 tournaments left/],
    [{ stop: "CANCELLED", processed: 4, failed: 4 }, "CANCELLED", /cancelled/],
    [{ stop: "SHUTDOWN", processed: 4 }, "TIMED_OUT", /shut down/],
    [{ stop: "UPSTREAM_BACKOFF", processed: 4 }, "PARTIAL", /stopped by the upstream backoff/],
    [{ stop: "UPSTREAM_BACKOFF", processed: 0 }, "FAILED", /stopped by the upstream backoff/],
    [{ stop: "FENCED", processed: 4 }, "PARTIAL", /already closed in the database/],
  ] as [Partial<RunFacts>, string, RegExp][]
) {
  Deno.test(`a run with ${JSON.stringify(facts)} is ${status}`, () => {
    const outcome = judgeRun({ ...FACTS, ...facts });
    assertEquals(outcome.status, status);
    assertMatch(outcome.reason, reason);
  });
}

Deno.test("the system clock sleeps, ticks, and rejects when its signal aborts", async () => {
  const abort = new AbortController();
  const aborted = assertRejects(() => systemClock.sleep(60_000, abort.signal), Error, "enough");
  abort.abort(new Error("enough"));
  await aborted;
  await systemClock.sleep(0);
  const ticked = Promise.withResolvers<void>();
  const stop = systemClock.every(1, ticked.resolve);
  await ticked.promise;
  stop();
  assertEquals(systemClock.asOf(), undefined);
  assert(systemClock.now() > systemClock.monotonic());
});
