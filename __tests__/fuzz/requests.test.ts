import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { aRun, aTournament } from "../../testing/factories.ts";
import { testEnv } from "../../testing/env.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const harness = createSyncHarness(db, { start: "2026-06-10T12:07:30.000Z" });
const deps = {
  rpc: db.rpc,
  clock: harness.clock,
  log: () => {},
  env: testEnv({ AUDIT_KEY: "a key of thirty-two characters or so" }),
  waitUntil: () => {},
};
const apps = { "sync-monitoring": createMonitoring(deps), "sync-admin": createAdmin(deps) };
const [token, run] = await Promise.all([db.token("admin"), aRun(db), aTournament(db, { no: "8104" })]);
const REQUESTS = 10_000;
/** Words of the validator that a person should not read. */
const VALIDATOR_WORDS = /Invalid (input|option|string|discriminator)|expected .* received|Too (small|big)|Unrecognized|zod/;

/** Every route of the two apps, except those that make outgoing requests or do not answer JSON. */
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
  ),
  fc.constantFrom("x".repeat(10_000), "💥", "a=b&c=d", "2026-13-45", "0001-01-01T00:00:00Z", "294277-01-01T00:00:00Z", "eyJhIjoxfQ==", "%"),
  fc.string({ maxLength: 40 }),
);
const valid = fc.constantFrom(
  ...["24h", "1y", "matches_schedule", "tournaments", "FAILED", "MANUAL", "8104", "50", "HIGH", "true", "2026-06-10T00:00:00Z"],
  String(run.id),
);
const value = fc.oneof(valid, malformed);
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
const request = fc.record({
  route: fc.constantFrom(...routes),
  parts: fc.array(value, { minLength: 2, maxLength: 2 }),
  query: fc.dictionary(fc.oneof(fc.constantFrom(...queryNames, "actor", "head", "fingerprint"), fc.string({ maxLength: 10 })), value, {
    maxKeys: 4,
  }),
  body: fc.oneof(
    fc.dictionary(
      fc.oneof(
        fc.constantFrom(...bodyFields, "metric", "threshold", "name", "evaluation_window", "severity"),
        fc.string({ maxLength: 10 }),
      ),
      fc.oneof(value, fc.jsonValue()),
      { maxKeys: 7 },
    ).map((body) => JSON.stringify(body)),
    malformed,
  ),
});

Deno.test("ten thousand random requests over every route: none gets a 5xx, and each 400 is BAD_REQUEST in plain words", async () => {
  const countByStatus = new Map<number, number>();
  const property = fc.asyncProperty(request, async ({ route: { app, method, path }, parts, query, body }) => {
    let part = 0;
    const url = path.replace(/:\w+(\{[^}]*\})?/g, () => encodeURIComponent(parts[part++] ?? "")) + `?${new URLSearchParams(query)}`;
    const response = await apps[app].fetch(
      new Request(`http://functions.test${url}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...["GET", "HEAD"].includes(method) ? {} : { body },
      }),
    );
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
  const gets = Object.values(apps).flatMap((app) =>
    app.routes.filter(({ method, path }) => method === "GET" && !/prometheus|badge/.test(path)).map(({ path }) => ({ app, path }))
  );
  for (const path of new Set(gets.map(({ path }) => path))) {
    const { app } = gets.find((route) => route.path === path) as (typeof gets)[number];
    const url = path.replace(/:\w+(\{[^}]*\})?/g, () => path.includes("tournaments") ? "8104" : String(run.id));
    const response = await app.fetch(
      new Request(`http://functions.test${url}?nonsense=1`, { headers: { authorization: `Bearer ${token}` } }),
    );
    const details = [{ field: "nonsense", message: "is not a known field" }];
    assertEquals([response.status, (await response.json()).details], [400, details], path);
  }
});

Deno.test.afterAll(() => db.close());
