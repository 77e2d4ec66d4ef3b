import { assertEquals, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { durationMs, DURATIONS } from "../../types/duration.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { insert } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const deps = { rpc: db.rpc, clock: new TestClock("2026-06-10T12:00:00Z"), log: () => {}, env: testEnv(), waitUntil: () => {} };
const app = documented(createApp(deps));

async function call(method: string, path: string, body?: object, role = "admin") {
  const headers = { authorization: `Bearer ${await db.token(role)}` };
  const url = `http://functions.test/sync-admin${path}`;
  const response = await app.fetch(new Request(url, { method, headers, body: body && JSON.stringify(body) }));
  return { status: response.status, body: await response.json() };
}
const change = (changes: object, type = "matches_schedule") => call("PATCH", `/entities/${type}`, { reason: "because", ...changes });
const audited = async () => (await db.query("select action, object_id, before, after, reason from audit_log order by id desc limit 1"))[0];
const schedule = () => db.value<string>("select schedule from cron.job where jobname = 'dispatch-due-syncs'");

for (
  const [changes, stored, answered] of [
    [{ sync_frequency: "PT20M" }, { sync_frequency: "00:20:00" }, { sync_frequency: "20 minutes" }],
    [{ sync_frequency: "1 day 12:00:00" }, { sync_frequency: "1 day 12:00:00" }, { sync_frequency: "36 hours" }],
    [{ sync_frequency: "1 hour 30 minutes" }, { sync_frequency: "01:30:00" }, { sync_frequency: "90 minutes" }],
    [{ schedule_anchor: "2026-06-10T14:05:00+02:00" }, { schedule_anchor: "2026-06-10T12:05:00+00:00" }, {}],
    [{ grace: "PT1M30S", max_runtime: "6 mins" }, { grace: "00:01:30", max_runtime: "00:06:00" }, {
      grace: "90 seconds",
      max_runtime: "6 minutes",
    }],
    [{ alert_threshold_failures: 5 }, { alert_threshold_failures: 5 }, { alert_threshold_failures: 5 }],
    [{ notification_channels: ["dashboard"] }, { notification_channels: ["dashboard"] }, { notification_channels: ["dashboard"] }],
    [{ is_active: false }, { is_active: false }, { is_active: false }],
    [{ is_paused: true }, { paused_by: "user@example.com", paused_reason: "because" }, { paused_by: "user@example.com" }],
  ] as [object, object, object][]
) {
  Deno.test(`an admin changes ${JSON.stringify(changes)} of an entity, which is audited with before and after`, async () => {
    await db.query("delete from sync_status where entity_type = 'venues'");
    const before = await insert(db, "sync_status", { ...VALID_ROWS.sync_status, entity_type: "venues", title: "Venues" });
    const { status, body } = await change(changes, "venues");
    assertEquals(status, 200, JSON.stringify(body));
    assertObjectMatch(body, answered as Record<string, unknown>);
    const row = await db.value<Record<string, unknown>>("select to_jsonb(s) from sync_status s where entity_type = 'venues'");
    assertObjectMatch(row, stored as Record<string, unknown>);
    const changed = Object.keys(changes).map((name) => name === "is_paused" ? "paused_at" : name);
    const entry = await audited() as { before: Record<string, unknown>; after: Record<string, unknown> };
    assertObjectMatch(entry, { action: "change-entity", object_id: "venues", reason: "because", after: stored });
    for (const name of changed) assertEquals(entry.before[name] === entry.after[name], false, name);
    assertEquals(entry.before.title, before.title);
    const { body: { entities } } = await call("GET", "/entities", undefined, "viewer");
    assertObjectMatch(
      entities.find(({ entity_type }: { entity_type: string }) => entity_type === "venues"),
      answered as Record<string, unknown>,
    );
    await db.query("delete from sync_status where entity_type = 'venues'");
  });
}

const range = (field: keyof typeof DURATIONS) => `must be between ${DURATIONS[field][0]} and ${DURATIONS[field][1]}`;
const FORM = "must be a duration, such as 15 minutes, 1 hour or 2 days";
for (
  const [changes, message] of [
    [{ sync_frequency: "9 seconds" }, range("sync_frequency")],
    [{ sync_frequency: "P32D" }, range("sync_frequency")],
    [{ sync_frequency: "P1M" }, FORM],
    [{ sync_frequency: "1 month" }, FORM],
    [{ sync_frequency: "often" }, FORM],
    [{ sync_frequency: "" }, FORM],
    [{ sync_frequency: "P" }, FORM],
    [{ sync_frequency: "PT" }, FORM],
    [{ sync_frequency: "-1 hours" }, FORM],
    [{ grace: "8 days" }, range("grace")],
    [{ max_runtime: "PT9S" }, range("max_runtime")],
    [{ max_runtime: "01:00:01" }, range("max_runtime")],
    [{ schedule_anchor: "1999-12-31T23:59:59Z" }, "must be between 2000-01-01T00:00:00Z and 2100-01-01T00:00:00Z"],
    [{ schedule_anchor: "2100-01-01T00:00:01Z" }, "must be between 2000-01-01T00:00:00Z and 2100-01-01T00:00:00Z"],
    [{ schedule_anchor: "noon" }, "must be a time with its offset from UTC, such as 2026-06-10T12:00:00Z"],
    [{ alert_threshold_failures: 0 }, "must be between 1 and 100"],
    [{ alert_threshold_failures: 101 }, "must be between 1 and 100"],
    [{ notification_channels: ["dashboard", "nowhere", "nothing"] }, "there is no channel nothing, nowhere"],
    [{ is_active: "yes" }, "must be true or false"],
    [{ is_paused: true, reason: "no" }, "must have 3 to 500 characters"],
    [{ grace: "5 minutes", function_name: "other" }, "is not a known field"],
  ] as [object, string][]
) {
  Deno.test(`the change ${JSON.stringify(changes)} of an entity is refused with the field and the allowed range`, async () => {
    const { status, body } = await change(changes);
    const field = Object.keys(changes).at(-1);
    assertEquals([status, body.details], [400, [{ field, message }]]);
  });
}

Deno.test("a duration is accepted in ISO 8601 and as Postgres writes it, and both read the same length", async () => {
  const texts = [
    ...["PT15M", "P1D", "P1W", "P1DT12H", "PT1H30M5S", "PT0S", "P2W3DT4H5M6S"],
    ...[
      "15 minutes",
      "1 minute",
      "5 mins",
      "90 sec",
      "1 hour 30 minutes",
      "2 weeks",
      "1 day 12:00:00",
      "00:01:30",
      "100:00:00",
      "0 seconds",
    ],
  ];
  for (const text of texts) {
    assertEquals(durationMs(text), await db.value("select (extract(epoch from $1::interval) * 1000)::float8", [text]), text);
  }
  for (
    const text of [
      "",
      " ",
      "P",
      "PT",
      "P1DT",
      "1",
      "P1M",
      "P1Y",
      "1 month",
      "1 fortnight",
      "-PT1M",
      "PT-1M",
      "1:2:3",
      "PT1.5S",
      "15minutes",
    ]
  ) {
    assertEquals(durationMs(text), null, text);
  }
});

Deno.test("an entity without a function is not activated, and the refusal says why", async () => {
  await insert(db, "sync_status", {
    ...VALID_ROWS.sync_status,
    entity_type: "venues",
    title: "Venues",
    is_active: false,
    function_name: null,
  });
  const { status, body } = await change({ is_active: true }, "venues");
  assertEquals([status, body.code, body.message], [
    409,
    "FUNCTION_MISSING",
    "venues has no function that syncs it, so that it cannot be active",
  ]);
  assertEquals(await db.value("select is_active from sync_status where entity_type = 'venues'"), false);
  await db.query("update sync_status set function_name = 'venue-sync' where entity_type = 'venues'");
  assertEquals((await change({ is_active: true }, "venues")).body.is_active, true);
  await db.query("delete from sync_status where entity_type = 'venues'");
});

Deno.test("an interval under a minute makes cron dispatch as often, from the API and from SQL, and only while its entity is active", async () => {
  assertEquals(await schedule(), "* * * * *");
  await change({ sync_frequency: "20 seconds" });
  assertEquals(await schedule(), "20 seconds");
  await change({ is_active: false });
  assertEquals(await schedule(), "* * * * *");
  await change({ is_active: true });
  await change({ sync_frequency: "15 minutes" });
  assertEquals(await schedule(), "* * * * *");
  const row = { ...VALID_ROWS.sync_status, entity_type: "venues", title: "Venues", sync_frequency: "30 seconds" };
  await insert(db, "sync_status", row);
  assertEquals(await schedule(), "30 seconds");
  await db.query("update sync_status set sync_frequency = '10 seconds' where entity_type = 'venues'");
  assertEquals(await schedule(), "10 seconds");
  await db.query("delete from sync_status where entity_type = 'venues'");
  assertEquals(await schedule(), "* * * * *");
});

Deno.test("a viewer reads how long each kind of data is kept; an admin changes it, which is audited", async () => {
  const { body: { settings } } = await call("GET", "/retention", undefined, "viewer");
  const setting = (subject: string) => settings.find((candidate: { subject: string }) => candidate.subject === subject);
  assertEquals(settings.length, await db.value("select count(*)::int from retention_settings"));
  assertEquals(setting("audit_log"), { subject: "audit_log", keep: "730 days", shortest: "90 days" });
  assertEquals(setting("executions"), { subject: "executions", keep: "90 days", shortest: "1 day" });
  const { status, body } = await call("PATCH", "/retention/executions", { keep: "P120D", reason: "a longer season" });
  assertEquals([status, body], [200, { subject: "executions", keep: "120 days", shortest: "1 day" }]);
  assertEquals(await db.value("select keep::text from retention_settings where subject = 'executions'"), "120 days");
  assertObjectMatch(await audited() as object, {
    action: "change-retention",
    object_id: "executions",
    before: { keep: "90 days" },
    after: { keep: "120 days" },
    reason: "a longer season",
  });
  for (const role of ["viewer", "operator"]) {
    assertEquals((await call("PATCH", "/retention/executions", { keep: "90 days" }, role)).status, 403);
  }
});

for (
  const [subject, keep, message] of [
    ["audit_log", "89 days", "must be between 90 days and 3650 days for audit_log"],
    ["audit", "89 days", "must be between 90 days and 3650 days for audit"],
    ["hourly_metrics", "30 days", "must be between 31 days and 3650 days for hourly_metrics"],
    ["open_errors", "1 day", "must be between 2 days and 3650 days for open_errors"],
    ["jobs", "23 hours", "must be between 1 day and 3650 days"],
    ["jobs", "3651 days", "must be between 1 day and 3650 days"],
    ["jobs", "for ever", FORM],
  ] as const
) {
  Deno.test(`keeping ${subject} for ${keep} is refused with the range`, async () => {
    const { status, body } = await call("PATCH", `/retention/${subject}`, { keep });
    assertEquals([status, body.details], [400, [{ field: "keep", message }]]);
  });
}

Deno.test("a kind of data without a setting is not found", async () => {
  assertEquals((await call("PATCH", "/retention/weather", { keep: "90 days" })).status, 404);
});

Deno.test.afterAll(() => db.close());
