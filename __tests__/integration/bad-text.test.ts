import { assertEquals } from "@std/assert";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import { createApp as createMatchSync } from "../../supabase/functions/match-schedule-sync/app.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aRun, aTournament } from "../../testing/factories.ts";
import { createSyncHarness } from "../../testing/sync-harness.ts";

const db = await openTestDatabase();
const harness = createSyncHarness(db, { start: "2026-06-10T12:07:30.000Z" });
const deps = { ...harness.deps, env: testEnv({ AUDIT_KEY: "a key of thirty-two characters or so" }), waitUntil: () => {} };
const apps = {
  "sync-monitoring": createMonitoring(deps),
  "sync-admin": createAdmin(deps),
  "match-schedule-sync": createMatchSync(harness.deps),
};
await aTournament(db, { no: "8104" });
const run = await aRun(db);

async function call(app: keyof typeof apps, method: string, path: string, body?: string) {
  const url = `http://functions.test/${app}${path}`;
  const response = await apps[app].fetch(new Request(url, { method, headers: { apikey: db.keys.secret }, body }));
  const answer = await response.json();
  return [response.status, answer.code, answer.details?.[0]?.field];
}
const cursorAt = (before_at: string, before_id: string = crypto.randomUUID()) => btoa(JSON.stringify({ before_at, before_id }));
const NO_ID = "00000000-0000-4000-8000-000000000000";
const rule = { name: "A rule", entity_type: "all", metric: "error_count", threshold: 1, evaluation_window: "1 hour", severity: "LOW" };

for (const bad of ["\0", "\ud83c"]) {
  const text = JSON.stringify(bad);
  // A query can contain only NUL, because an encoded half of a surrogate pair is no valid UTF-8.
  const queries = bad !== "\0" ? [] : [
    ["sync-monitoring", "/tournaments?search=%00", "search"],
    ["sync-monitoring", "/errors?fingerprint=a%00", "fingerprint"],
    ["sync-monitoring", "/executions?cursor=%00", "cursor"],
    ["sync-admin", "/audit?actor=x&actor=%00", "actor"],
    ["sync-admin", "/audit?action=%00", "action"],
    ["sync-admin", "/audit?object_type=%00", "object_type"],
    ["sync-admin", "/audit?object_id=%00", "object_id"],
    ["sync-admin", "/audit/verify?head=%00", "head"],
    ["sync-admin", "/jobs?tournament_no=1%00", "tournament_no"],
    ["sync-admin", "/jobs/%00", "id"],
    ["sync-admin", "/entities/%00", "type"],
    ["sync-monitoring", "/executions/%00", "id"],
    ["sync-monitoring", "/tournaments/%00", "no"],
  ] as const;
  for (const [app, path, field] of queries) {
    Deno.test(`GET ${app}${path} is a 400 that names ${field}`, async () => {
      assertEquals(await call(app, "GET", path), [400, "BAD_REQUEST", field]);
    });
  }
  const bodies = [
    ["sync-admin", "POST", "/manual-trigger", `{"entity_type":"tournaments","reason":"abc",X}`, "triggered_by"],
    ["sync-admin", "POST", "/manual-trigger", `{"entity_type":"tournaments",X}`, "reason"],
    ["sync-admin", "POST", `/jobs/${NO_ID}/cancel`, "{X}", "reason"],
    ["sync-admin", "POST", `/alerts/${NO_ID}/acknowledge`, "{X}", "note"],
    ["sync-admin", "POST", `/errors/${NO_ID}/resolve`, "{X}", "note"],
    ["sync-admin", "POST", "/silences", `{"entity_type":"all","ends_at":"2026-06-11T00:00:00Z",X}`, "reason"],
    ["sync-admin", "POST", "/alert-rules", `${JSON.stringify(rule).slice(0, -1)},X}`, "description"],
    ["sync-admin", "PATCH", "/entities/tournaments", `{"is_paused":true,X}`, "reason"],
    ["sync-admin", "PUT", "/channels/mail", "{X}", "kind"],
    ["sync-admin", "POST", "/upstream/end-backoff", "{X}", "reason"],
    ["match-schedule-sync", "POST", "", "{X}", "correlation_id"],
    ["match-schedule-sync", "POST", "", "{X}", "tournament_no"],
  ] as const;
  for (const [app, method, path, body, field] of bodies) {
    Deno.test(`${method} ${app}${path} with ${text} is a 400 that names ${field}`, async () => {
      assertEquals(await call(app, method, path, body.replace("X", `"${field}":${JSON.stringify(`abcd ${bad}`)}`)), [
        400,
        "BAD_REQUEST",
        field,
      ]);
    });
  }
  Deno.test(`${text} deep in a body, in the name of a field, and as the whole body is named by its path`, async () => {
    const send = async (body: unknown) => (await call("sync-admin", "PUT", "/channels/mail", JSON.stringify(body)))[2];
    assertEquals(await send({ kind: "email", config: { to: ["a@b.c", bad] } }), "config.to.1");
    assertEquals(await send({ kind: "email", config: { [bad]: 1 } }), "config");
    assertEquals([await send({ [bad]: 1 }), await send(bad)], ["body", "body"]);
  });
}

Deno.test("a path with a bad character in the place of a name is a 400 that names it", async () => {
  assertEquals(await call("sync-admin", "DELETE", "/channels/%00"), [400, "BAD_REQUEST", "name"]);
  assertEquals(await call("sync-admin", "PATCH", "/entities/%00", `{"is_paused":true,"reason":"abc"}`), [400, "BAD_REQUEST", "type"]);
});

Deno.test("a body nested deeper than the stack is a 400", async () => {
  const depth = 30_000;
  assertEquals((await call("sync-admin", "POST", "/silences", `${"[".repeat(depth)}${"]".repeat(depth)}`)).slice(0, 2), [
    400,
    "BAD_REQUEST",
  ]);
});

for (const at of ["0000-05-05T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-06-10T00:00:00+16:00"]) {
  Deno.test(`the time ${at}, which Postgres cannot keep, is a 400 that names its field, in a query, a body and a cursor`, async () => {
    const cases = [
      ["sync-admin", "GET", `/audit?from=${encodeURIComponent(at)}`, undefined, "from"],
      ["sync-admin", "GET", `/audit?to=${encodeURIComponent(at)}`, undefined, "to"],
      ...["/executions", "/errors"].flatMap((list) =>
        ["from", "to"].map((name) => ["sync-monitoring", "GET", `${list}?${name}=${encodeURIComponent(at)}`, undefined, name] as const)
      ),
      ["sync-admin", "GET", `/jobs?cursor=${cursorAt(at)}`, undefined, "cursor"],
      ["sync-monitoring", "GET", `/executions?cursor=${cursorAt(at)}`, undefined, "cursor"],
      ["sync-monitoring", "GET", `/errors?cursor=${cursorAt(at)}`, undefined, "cursor"],
      ["sync-monitoring", "GET", `/alerts?cursor=${cursorAt(at)}`, undefined, "cursor"],
      ["sync-admin", "POST", "/manual-trigger", { entity_type: "tournaments", reason: "abc", not_before: at }, "not_before"],
      ["sync-admin", "POST", "/manual-trigger", { entity_type: "tournaments", reason: "abc", expires_at: at }, "expires_at"],
      ["sync-admin", "POST", "/silences", { entity_type: "all", reason: "abc", ends_at: at }, "ends_at"],
      ["sync-admin", "POST", `/alerts/${NO_ID}/acknowledge`, { until: at }, "until"],
      ["match-schedule-sync", "POST", "", { trigger: "CRON", due_at: at, attempt: 1 }, "due_at"],
      ["match-schedule-sync", "POST", "", { trigger: "CRON", due_at: "2026-06-10T12:00:00Z", attempt: 2 ** 40 }, "attempt"],
    ] as const;
    for (const [app, method, path, body, field] of cases) {
      assertEquals(await call(app, method, path, body && JSON.stringify(body)), [400, "BAD_REQUEST", field], path);
    }
  });
}

Deno.test("a request with a bad character starts no second run beside a live one", async () => {
  const p = { trigger: "CRON" as const, execution_id: NO_ID, entity_type: "matches_schedule", wall_clock_ms: 400_000 };
  await db.rpc("start_sync_execution", { p, as_of: harness.clock.asOf() });
  for (const bad of [{ correlation_id: "\0" }, { correlation_id: "\ud83c" }, { due_at: "0000-05-05T00:00:00Z", attempt: 1 }]) {
    assertEquals((await harness.run("match-schedule-sync", bad)).status, 400);
  }
  assertEquals(harness.lines.filter((line) => /^sync_/.test(String(line.event))), []);
  assertEquals(await db.value("select count(*)::int from sync_execution_history where id not in ($1, $2)", [run.id, NO_ID]), 0);
});

Deno.test.afterAll(() => db.close());
