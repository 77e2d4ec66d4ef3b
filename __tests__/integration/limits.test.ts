import { assertEquals } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aNotification, insert } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { requester } from "../../testing/requests.ts";
import { VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T12:00:00.000Z";
const clock = new TestClock(NOW);
let requests = 0;
const fetch: typeof globalThis.fetch = () => {
  requests++;
  return Promise.resolve(new Response(null, { status: 200 }));
};
const app = documented(createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv(), waitUntil: () => {}, fetch }));
const headers = { authorization: `Bearer ${await db.token("admin")}` };
const send = requester(app, "/sync-admin");
const call = (method: string, path: string, body?: unknown) => send(method, path, body, headers);

const SILENCE = { severity: "LOW", ends_at: "2026-06-10T13:00:00Z", reason: "test" };
const RULE = { entity_type: "all", metric: "memory_usage", threshold: 100, evaluation_window: "1 hour", severity: "LOW" };
const HOOK = { kind: "webhook", config: { url: "https://93.184.216.34/" }, secret: `whsec_${btoa("a secret of twenty-four by")}` };
const rowsOf = (table: string) => db.value<number>(`select count(*)::int from ${table}`);
const setMaximum = (subject: string, maximum: number) =>
  db.query("update limit_settings set maximum = $2 where subject = $1", [subject, maximum]);

/** For each limit: the table, a request that creates a row, an act that frees the room of one row, and the words of the refusal. */
const CREATIONS: Record<string, [table: string, create: (n: number) => ReturnType<typeof call>, free: () => Promise<unknown>]> = {
  silences: [
    "alert_silences where ends_at > '2026-06-10T12:00:00Z'",
    () => call("POST", "/silences", SILENCE),
    async () => call("DELETE", `/silences/${await db.value("select id from alert_silences where ends_at > $1 limit 1", [NOW])}`),
  ],
  alert_rules: [
    "alert_rules",
    (n) => call("POST", "/alert-rules", { ...RULE, name: `Test ${n}` }),
    async () => call("DELETE", `/alert-rules/${await db.value("select id from alert_rules where name like 'Test%' limit 1")}`),
  ],
  notification_channels: [
    "notification_channels",
    (n) => call("PUT", `/channels/test-${n}`, { kind: "dashboard" }),
    async () => call("DELETE", `/channels/${await db.value("select name from notification_channels where name like 'test%' limit 1")}`),
  ],
  waiting_jobs: [
    "sync_jobs where status = 'QUEUED'",
    (n) => call("POST", "/manual-trigger", { entity_type: "tournaments", not_before: `2026-06-11T12:00:0${n}Z`, reason: "test" }),
    async () => call("POST", `/jobs/${await db.value("select id from sync_jobs where status = 'QUEUED' limit 1")}/cancel`),
  ],
};

Deno.test("the limits are those of the guide", async () => {
  const limits = Object.fromEntries(
    (await db.query<{ subject: string; maximum: number }>("select subject, maximum from limit_settings")).map((
      { subject, maximum },
    ) => [subject, maximum]),
  );
  assertEquals(limits, {
    alert_rules: 1000,
    objectives: 100,
    notification_channels: 100,
    recipients: 50,
    silences: 500,
    waiting_jobs: 1000,
  });
  const guide = await Deno.readTextFile("docs/deploy.md");
  for (const [subject, maximum] of Object.entries(limits)) {
    assertEquals(new RegExp(`\\| \`${subject}\` +\\| +${maximum.toLocaleString("en")} `).test(guide), true, subject);
  }
});

for (const [subject, [table, create, free]] of Object.entries(CREATIONS)) {
  Deno.test(`of five requests at once for the last two ${subject} two are accepted, and a further one after one is gone`, async () => {
    const existing = await rowsOf(table);
    await setMaximum(subject, existing + 2);
    const answers = await Promise.all([1, 2, 3, 4, 5].map(create));
    assertEquals(answers.map(({ status }) => status < 300).filter(Boolean).length, 2, JSON.stringify(answers.map(({ body }) => body)));
    const { code, message } = answers.find(({ status }) => status === 409)?.body ?? {};
    const words = `there are ${existing + 2} ${subject.replace("_", " ")}, and at most ${existing + 2} are allowed`;
    assertEquals([code, message, await rowsOf(table)], ["LIMIT_REACHED", words, existing + 2]);
    await free();
    assertEquals((await create(6)).status < 300, true);
    assertEquals((await create(7)).body.code, "LIMIT_REACHED");
  });
}

Deno.test("at the limit an existing rule and channel can still change", async () => {
  await setMaximum("alert_rules", 1);
  await setMaximum("notification_channels", 1);
  const id = await db.value("select id from alert_rules limit 1");
  assertEquals((await call("PATCH", `/alert-rules/${id}`, { description: "changed" })).status, 200);
  assertEquals((await call("PUT", "/channels/dashboard", { kind: "dashboard", hourly_limit: 5 })).status, 200);
  await db.query("update limit_settings set maximum = 1000");
});

Deno.test("a requeue counts as a trigger of the minute", async () => {
  clock.advance(120_000);
  const { id } = await insert(db, "sync_jobs", { ...VALID_ROWS.sync_jobs, status: "COMPLETED", finished_at: NOW });
  const answers = [];
  for (let n = 0; n < 11; n++) answers.push(await call("POST", `/jobs/${id}/requeue`));
  assertEquals(answers.map(({ status }) => status), [...Array(10).fill(202), 429]);
  assertEquals([answers.at(-1)?.body.code, answers.at(-1)?.body.details], ["TOO_MANY_TRIGGERS", { retry_after_s: 60 }]);
});

Deno.test("a channel has at most 50 different recipients, whatever their severity", async () => {
  await setMaximum("recipients", 50);
  const to = Array.from({ length: 50 }, (_, n) => `r${n}@example.com`);
  const put = (config: object) => call("PUT", "/channels/mail", { kind: "email", config });
  assertEquals((await put({ to, by_severity: { CRITICAL: to.slice(0, 5) } })).status, 200);
  for (const config of [{ to: [...to, "one@example.com"] }, { to, by_severity: { LOW: ["one@example.com"] } }]) {
    const { status, body } = await put(config);
    assertEquals([status, body.details], [400, [{ field: "config", message: "must have at most 50 different recipients" }]]);
  }
});

Deno.test("a channel is tested once a minute; another one at once", async () => {
  for (const name of ["hook-a", "hook-b"]) assertEquals((await call("PUT", `/channels/${name}`, HOOK)).status, 200);
  requests = 0;
  const test = (name: string) => call("POST", `/channels/${name}/test`);
  assertEquals([(await test("hook-a")).status, (await test("hook-b")).status, requests], [200, 200, 4]);
  clock.advance(59_001);
  const refused = await test("hook-a");
  assertEquals([refused.status, refused.body.code, refused.body.details, requests], [429, "TOO_SOON", { retry_after_s: 1 }, 4]);
  clock.advance(999);
  assertEquals([(await test("hook-a")).status, requests], [200, 6]);
});

Deno.test("a notification is resent once a minute, also when it is discarded in between", async () => {
  const { id } = await aNotification(db, { status: "DEAD", created_at: NOW });
  const act = (action: string) => call("POST", `/notifications/${id}/${action}`);
  assertEquals([(await act("resend")).status, (await act("discard")).status, (await act("resend")).body.code], [202, 200, "TOO_SOON"]);
  clock.advance(60_000);
  assertEquals((await act("resend")).status, 202);
});

const DAY = 86_400_000;
const after = (days: number, ms = 0): string => new Date(clock.now() + days * DAY + ms).toISOString();
for (
  const [name, silence, field, message] of [
    ["of 31 days", () => ({ ends_at: after(31) })],
    ["of over 31 days", () => ({ ends_at: after(31, 1) }), "ends_at", "must be at most 31 days after the start"],
    [
      "that began a month ago",
      () => ({ starts_at: after(-31), ends_at: after(0, 1) }),
      "ends_at",
      "must be at most 31 days after the start",
    ],
    ["that starts in 366 days", () => ({ starts_at: after(366), ends_at: after(367) })],
    ["that starts in over 366 days", () => ({ starts_at: after(366, 1), ends_at: after(367) }), "starts_at", "must be within 366 days"],
    ["that recurs for 366 days", () => ({ recurs_every: "7 days", lasts: "2 days", ends_at: after(366) })],
    [
      "that recurs for over 366 days",
      () => ({ recurs_every: "7 days", lasts: "2 days", ends_at: after(366, 1) }),
      "ends_at",
      "must be at most 366 days after the start of a recurring silence",
    ],
    [
      "with windows of over 31 days",
      () => ({ recurs_every: "40 days", lasts: "32 days", ends_at: after(300) }),
      "lasts",
      "must be between 1 second and 31 days",
    ],
  ] as const
) {
  Deno.test(`a silence ${name} is ${field ? "refused by the name of the field" : "accepted"}`, async () => {
    const { status, body } = await call("POST", "/silences", { ...SILENCE, ...silence() });
    assertEquals([status, body.details], field ? [400, [{ field, message }]] : [201, undefined]);
  });
}

Deno.test.afterAll(() => db.close());
