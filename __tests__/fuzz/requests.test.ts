import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readEnv } from "../../services/env.ts";
import { SecretKeys } from "../../services/secret-keys.ts";
import { createAccess } from "../../supabase/functions/_shared/access.ts";
import { createApp as createMatchSync } from "../../supabase/functions/match-schedule-sync/app.ts";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { createApp as createProcessor } from "../../supabase/functions/sync-alert-processor/app.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import { createApp as createTournamentSync } from "../../supabase/functions/tournament-master-sync/app.ts";
import { openTestDatabase, USER } from "../../testing/database.ts";
import { aRun, aTournament, aUser } from "../../testing/factories.ts";
import { testEnv } from "../../testing/env.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";
import { everyKind } from "../../testing/senders.ts";

const db = await openTestDatabase();
const harness = createSyncHarness(db, { start: "2026-06-10T12:07:30.000Z" });
const background: Promise<unknown>[] = [];
const env = testEnv({ AUDIT_KEY: "a key of thirty-two characters or so", VIS_RETRIES: "0", SUPABASE_SERVICE_ROLE_KEY: db.keys.secret });
const deps = {
  ...harness.deps,
  log: () => {},
  env,
  waitUntil: (work: Promise<unknown>) => background.push(work),
  access: createAccess(readEnv(), new SecretKeys(env.secretKeys, { fetch: db.fetch })),
  fetch: () => Promise.resolve(new Response(null, { status: 204 })),
};
const send = () => Promise.resolve({ outcome: "SENT" as const, is_answered: true });
const senders = everyKind(send);
const channels = { messages: senders, reports: senders };
const apps = {
  "sync-monitoring": createMonitoring(deps),
  "sync-admin": createAdmin(deps),
  "match-schedule-sync": createMatchSync(deps),
  "tournament-master-sync": createTournamentSync(deps),
  "sync-alert-processor": createProcessor({ ...deps, channels, heartbeat: () => Promise.resolve() }),
};
const [token, run] = await Promise.all([
  db.token("admin"),
  aRun(db),
  aTournament(db, { no: "8104" }),
  aUser(db, { ...USER, role: "admin" }),
]);
const REQUESTS = 10_000;
/** The words of the validator, which no refusal may contain. */
const VALIDATOR_WORDS = /Invalid (input|option|string|discriminator)|expected .* received|Too (small|big)|Unrecognized|zod/;

/** Every route of the functions, except those that make outgoing requests or do not answer JSON. */
const routes = Object.entries(apps).flatMap(([name, app]) =>
  app.routes.filter(({ method, path }) => method !== "ALL" && !/test-connectivity|prometheus|badge|openapi/.test(path))
    .map(({ method, path }) => ({ app: name as keyof typeof apps, method, path }))
);

const malformed = fc.oneof(
  fc.constantFrom(
    "'; drop table sync_status; --",
    "%00",
    "\u0000",
    "null",
    "-1",
    "1e309",
    "NaN",
    "*",
    "(a,b)",
    "eq.1",
    "../..",
    "{}",
    "[]",
    "true",
    "9".repeat(40),
    ...["a\0b", "\ud83c", "x\udc00y", "\0", "-9223372036854775809", "2147483648", "1e-400", "0000-05-05T00:00:00Z", "0000-05-05"],
    ...["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999-14:00", "2026-06-10T00:00:00+23:59", "9999-12-31T23:59:59Z"],
    ...["0000-05-05T00:00:00Z", "9999-12-31T23:59:59-14:00", "\0"].map((before_at) =>
      btoa(JSON.stringify({ before_at, before_id: run.id }))
    ),
  ),
  fc.constantFrom("x".repeat(10_000), "💥", "a=b&c=d", "2026-13-45", "0001-01-01T00:00:00Z", "294277-01-01T00:00:00Z", "eyJhIjoxfQ==", "%"),
  fc.string({ maxLength: 40 }),
);
const valid = fc.constantFrom(
  ...["24h", "1y", "matches_schedule", "tournaments", "FAILED", "MANUAL", "8104", "50", "HIGH", "true", "2026-06-10T00:00:00Z"],
  String(run.id),
);
const value = fc.oneof(valid, malformed);
const number = fc.constantFrom(1e308, -1e308, 2 ** 53, 2 ** 31, -(2 ** 63), 1.5, 5e-324, 0, -1);
/** The valid bodies of the routes with a body; a request sends one with some replaced values. */
const bodies: [path: RegExp, ...bodies: Record<string, unknown>[]][] = [
  [
    /manual-trigger/,
    {
      entity_type: "tournaments",
      reason: "a reason",
      priority: "HIGH",
      not_before: "2026-06-10T13:00:00Z",
      expires_at: "2026-06-11T00:00:00Z",
    },
    { entity_type: "matches_schedule", reason: "a reason", tournament_no: "8104" },
  ],
  [
    /silences/,
    { entity_type: "all", severity: "LOW", starts_at: "2026-06-10T13:00:00Z", ends_at: "2026-06-20T00:00:00Z", reason: "a reason" },
    { entity_type: "all", ends_at: "2026-06-20T00:00:00Z", recurs_every: "1 day", lasts: "1 hour", reason: "a reason" },
  ],
  [
    /alert-rules/,
    { name: "A rule", entity_type: "all", metric: "consecutive_failures", threshold: 3, evaluation_window: "1 hour", severity: "LOW" },
    { metric: "success_rate", threshold: 0.5, recovery_threshold: 0.7, for_duration: "5 minutes", minimum_runs: 3, description: "text" },
  ],
  [
    /channels/,
    { kind: "webhook", config: { url: "https://hook.example/x" }, group_window: "1 minute", hourly_limit: 10, is_active: true },
    { kind: "webhook", config: { url: "https://hook.example/x", headers: { "x-key": "value" } }, secret: null },
    { kind: "telegram", config: { chat_id: "-100123" }, secret: `123456789:${"a".repeat(35)}` },
    { kind: "pagerduty", config: { host: "events.eu.pagerduty.com" }, secret: "a".repeat(32) },
    { kind: "email", config: { to: ["a@example.com"] }, hourly_limit: 10, weekly_report: true },
  ],
  [/entities/, {
    grace: "5 minutes",
    max_runtime: "2 minutes",
    alert_threshold_failures: 3,
    notification_channels: null,
    sync_frequency: "20 minutes",
    schedule_anchor: "2026-06-10T12:05:00Z",
    is_active: true,
    reason: "a reason",
  }],
  [/retention/, { keep: "120 days", reason: "a reason" }],
  [
    /-sync$/,
    { trigger: "CRON", correlation_id: "c", due_at: "2026-06-10T12:00:00Z", attempt: 1 },
    { trigger: "MANUAL", tournament_nos: ["8104"], correlation_id: "c" },
  ],
  [/people$/, { email: "ada@example.com", password: "a good password", role: "viewer", reason: "a reason" }, { email: "bob@example.com" }],
  [/people/, { role: "operator", disabled: false, reason: "a reason" }],
  [/acknowledge/, { note: "a note", until: "2026-06-11T00:00:00Z" }],
  [/requeue/, { reason: "a reason", only_failed: true, priority: "HIGH" }],
  [/errors/, { note: "a note", group: true }],
  [/processor/, { cause: "cron" }],
  [/resolve/, { note: "a note" }],
  [/./, { reason: "a reason" }],
];
const bodiesOf = (path: string) => bodies.find(([pattern]) => pattern.test(path))?.slice(1) as Record<string, unknown>[];
/** A valid value of the parameter in a path. */
const keyIn = (path: string): string =>
  /:name/.test(path)
    ? "dashboard"
    : /:type/.test(path)
    ? "tournaments"
    : /:subject/.test(path)
    ? "jobs"
    : /:no/.test(path)
    ? "8104"
    : String(run.id);
const replacedBody = (path: string) =>
  fc.record({
    body: fc.constantFrom(...bodiesOf(path)),
    changes: fc.array(fc.record({ field: fc.nat(), value: fc.oneof(value, number, malformed.map((text) => [text])) }), { maxLength: 2 }),
  }).map(({ body, changes }) => {
    const names = Object.keys(body);
    return JSON.stringify({ ...body, ...Object.fromEntries(changes.map(({ field, value }) => [names[field % names.length], value])) });
  });
const queryNames = [
  "period",
  "entity",
  "limit",
  "cursor",
  "status",
  "trigger",
  "tournament_no",
  "from",
  "to",
  "search",
  "season",
  "failing",
  "state",
  "severity",
];
const bodyFields = [
  "entity_type",
  "tournament_no",
  "priority",
  "reason",
  "not_before",
  "note",
  "until",
  "is_paused",
  "grace",
  "rule_id",
  "ends_at",
  "lasts",
  "kind",
  "config",
];
const query = fc.dictionary(fc.oneof(fc.constantFrom(...queryNames, "actor", "head", "fingerprint"), fc.string({ maxLength: 10 })), value, {
  maxKeys: 4,
});
const body = fc.oneof(
  fc.dictionary(
    fc.oneof(
      fc.constantFrom(...bodyFields, "metric", "threshold", "name", "evaluation_window", "severity"),
      fc.string({ maxLength: 10 }),
    ),
    fc.oneof(value, number, fc.jsonValue()),
    { maxKeys: 7 },
  ).map((body) => JSON.stringify(body)),
  malformed,
);
const request = fc.constantFrom(...routes).chain((route) =>
  fc.record({
    route: fc.constant(route),
    part: fc.oneof(fc.constant(keyIn(route.path)), value),
    // Only a GET has a query.
    query: route.method === "GET" ? query : fc.oneof(fc.constant({}), fc.constant({}), fc.constant({}), query),
    body: fc.oneof(replacedBody(route.path), replacedBody(route.path), replacedBody(route.path), body),
  })
);

Deno.test("ten thousand random requests over every route: none gets a 5xx, and each 400 is BAD_REQUEST in plain words", async () => {
  const countByStatus = new Map<number, number>();
  let requests = 0;
  const property = fc.asyncProperty(request, async ({ route: { app, method, path }, part, query, body }) => {
    const encode = (text: string) => encodeURIComponent(text.toWellFormed());
    const url = path.replace(/:\w+(\{[^}]*\})?/g, () => encode(part)) + `?${new URLSearchParams(query)}`;
    // Most requests have the secret key, because the verification of a token takes most of the time of a refused request.
    const isOfSecret = requests++ % 4 !== 0 || /-sync|processor|process-queue/.test(app + path);
    const response = await apps[app].fetch(
      new Request(`http://functions.test${url}`, {
        method,
        headers: isOfSecret ? { apikey: db.keys.secret } : { authorization: `Bearer ${token}` },
        ...["GET", "HEAD"].includes(method) ? {} : { body },
      }),
    );
    await Promise.all(background.splice(0));
    const text = await response.text();
    countByStatus.set(response.status, (countByStatus.get(response.status) ?? 0) + 1);
    if (response.status >= 500) throw new Error(`${method} ${url.slice(0, 300)} ${body.slice(0, 300)}: ${response.status} ${text}`);
    if (response.status === 400) {
      const { code, message } = JSON.parse(text);
      assertEquals([code, VALIDATOR_WORDS.exec(message)?.[0]], ["BAD_REQUEST", undefined], message);
    }
  });
  await fc.assert(property, { numRuns: REQUESTS, seed: 20260610, endOnFailure: true });
  assertEquals([200, 400, 404].filter((status) => !countByStatus.has(status)), [], "the requests reached every kind of response");
});

Deno.test("every GET refuses a query parameter that it does not know, and names it", async () => {
  const gets = [apps["sync-monitoring"], apps["sync-admin"]].flatMap((app) =>
    app.routes.filter(({ method, path }) => method === "GET" && !/prometheus|badge/.test(path)).map(({ path }) => ({ app, path }))
  );
  for (const path of new Set(gets.map(({ path }) => path))) {
    const { app } = gets.find((route) => route.path === path) as (typeof gets)[number];
    const url = path.replace(/:\w+(\{[^}]*\})?/g, () => path.includes("tournaments") ? "8104" : String(run.id));
    // A search needs a text.
    const query = path.endsWith("/search") ? "?q=ab&nonsense=1" : "?nonsense=1";
    const response = await app.fetch(
      new Request(`http://functions.test${url}${query}`, { headers: { authorization: `Bearer ${token}` } }),
    );
    const details = [{ field: "nonsense", message: "is not a known field" }];
    assertEquals([response.status, (await response.json()).details], [400, details], path);
  }
});

Deno.test.afterAll(() => db.close());
