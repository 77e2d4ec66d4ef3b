// Over 300 lines, because each failure of a receiver has a case.
import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import nodemailer from "nodemailer";
import { SMTPServer } from "smtp-server";
import { Webhook } from "standardwebhooks";
import { evaluateRules } from "../../supabase/functions/sync-alert-processor/alert-processor.ts";
import { createChannels, createHeartbeat, deliverDue } from "../../supabase/functions/sync-alert-processor/notification-service.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { silence, withShortTimeouts } from "../../testing/timeouts.ts";

const db = await openTestDatabase();
const SECRET = `whsec_${btoa("a secret of twenty-four by")}`;
const OLD_SECRET = `whsec_${btoa("an older one of some bytes")}`;

interface Received {
  url: string;
  headers: Headers;
  body: string;
  signal: AbortSignal;
}

async function setUp(
  answer: (received: Received) => Response | Promise<Response> = () => new Response(),
  env: Record<string, string> = {},
) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  await db.query(
    "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://receiver.test/alerts\"}', $1)",
    [SECRET],
  );
  await db.query(
    `update alert_rules set is_active = name = 'Match Schedule Consecutive Failures', notification_channels = '["hook"]',
      escalation_delay = '30 minutes', repeat_interval = '4 hours'`,
  );
  const clock = new TestClock("2026-06-10T12:03:00.000Z");
  await db.query("update sync_status set last_attempt = $1, consecutive_failures = 3", [clock.asOf()]);
  const received: Received[] = [];
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(input as string, init);
    const message = { url: request.url, headers: request.headers, body: await request.text(), signal: request.signal };
    received.push(message);
    return await answer(message);
  };
  const channels = createChannels(testEnv(env), clock, {
    fetch: fetch as typeof globalThis.fetch,
    resolve: (host) => Promise.resolve(host.startsWith("inside") ? ["10.0.0.7"] : ["93.184.216.34"]),
  });
  const deliver = () => deliverDue(db.rpc, clock, () => {}, channels);
  const tick = async () => {
    await evaluateRules(db.rpc, clock, () => {}, "cron");
    return await deliver();
  };
  const recover = () => db.query("update sync_status set consecutive_failures = 0");
  return { clock, received, tick, recover, deliver };
}
/** The backoff of the destination in milliseconds; NaN without one. */
const waitMs = async (clock: TestClock): Promise<number> =>
  Date.parse(String(await db.value("select retry_at from notification_destinations where failures > 0"))) - clock.now();
const notifications = () =>
  db.query<{ status: string; attempts: number; last_error: string | null; is_perhaps_received: boolean }>(
    "select status, attempts, last_error, is_perhaps_received from alert_notifications order by seq",
  );

Deno.test("an incident sends one signed message in Alertmanager's format when it fires and one when it resolves", async () => {
  const { clock, received, tick, recover } = await setUp();
  for (let minute = 0; minute < 5; minute++) {
    await tick();
    clock.advance(60_000);
  }
  assertEquals(received.length, 1);
  await recover();
  await tick();
  await tick();
  assertEquals(received.length, 2);
  const [fired, resolved] = received.map(({ body }) => JSON.parse(body));
  assertObjectMatch(fired, { version: "4", status: "firing", receiver: "hook" });
  assertObjectMatch(fired.alerts[0], {
    status: "firing",
    labels: { alertname: "Match Schedule Consecutive Failures", severity: "high", entity_type: "matches_schedule" },
  });
  assertEquals(fired.alerts[0].annotations.summary, "3 runs failed in a row (matches_schedule)");
  assertMatch(fired.alerts[0].annotations.value, /^consecutive failures of matches_schedule: 3 runs/);
  assertObjectMatch(resolved, { status: "resolved" });
  assertEquals(resolved.alerts[0].fingerprint, fired.alerts[0].fingerprint);
  for (const { body, headers } of received) {
    const sent = Object.fromEntries(headers);
    // The verification of the library compares the timestamp with the real clock, so the test signs the body.
    const expected = new Webhook(SECRET).sign(String(sent["webhook-id"]), new Date(Number(sent["webhook-timestamp"]) * 1000), body);
    assertEquals(sent["webhook-signature"], expected);
  }
  assertEquals((await notifications()).map(({ status }) => status), ["SENT", "SENT"]);
});

Deno.test("one call of the processor delivers every due notification, however many there are", async () => {
  const { tick, deliver } = await setUp();
  await tick();
  await db.query(
    `insert into alert_notifications (channel, destination_id, incident_id, group_key, item, created_at)
    select channel, destination_id, incident_id, group_key || i, item, created_at from alert_notifications cross join generate_series(1, 45) i`,
  );
  assertEquals(await deliver(), 45);
  assertEquals(await db.value("select count(*)::int from alert_notifications where status = 'SENT'"), 46);
});

Deno.test("until the end of a rotation both secrets sign; then the previous one is deleted", async () => {
  const { clock, received, tick, deliver } = await setUp();
  const rotate = (at: number) =>
    db.query("update notification_channels set previous_secret = $1, previous_secret_until = $2 where name = 'hook'", [
      OLD_SECRET,
      new Date(at).toISOString(),
    ]);
  const previous = () => db.value("select previous_secret from notification_channels where name = 'hook'");
  await rotate(clock.now() + 86_400_000);
  await tick();
  assertEquals(received[0]?.headers.get("webhook-signature")?.split(" ").length, 2);
  clock.advance(86_400_000 - 1_000);
  await deliver();
  assertEquals(await previous(), OLD_SECRET);
  clock.advance(1_000);
  await deliver();
  assertEquals(await previous(), null);
});

Deno.test("a failed delivery is retried with the same id and delays that double up to an hour, and is DEAD three days after its first failure", async () => {
  const { clock, received, tick, deliver } = await setUp(() => new Response("", { status: 500 }));
  const delays: number[] = [];
  const start = clock.now(), threeDays = 3 * 86_400_000;
  await tick();
  while ((await notifications())[0]?.status === "PENDING") {
    const delay = await waitMs(clock);
    delays.push(delay);
    clock.advance(delay - 1);
    assertEquals(await deliver(), 0, "no attempt before the delay is over");
    clock.advance(2); // the database counts microseconds
    assertEquals(await deliver(), 1);
  }
  assertEquals(new Set(received.map(({ headers }) => headers.get("webhook-id"))).size, 1);
  delays.forEach((delay, index) => {
    const mean = Math.min(10_000 * 2 ** index, 3_600_000);
    assert(delay >= 0.75 * mean - 2 && delay <= 1.25 * mean + 2, `delay ${index + 1}: ${delay}`);
  });
  const lastDelay = (delays.at(-1) ?? 0) + 1;
  assert(clock.now() - start >= threeDays && clock.now() - lastDelay - start < threeDays, "the first attempt after three days is the last");
  const attempts = received.length;
  assertObjectMatch((await notifications())[0] as object, { status: "DEAD", attempts, last_error: "the receiver answered 500" });
  assertEquals(Number(await db.value("select count(*) from alert_deliveries")), attempts);
});

for (
  const [form, header, wait] of [
    ["seconds", "120", 120_000],
    ["an HTTP date", "Wed, 10 Jun 2026 12:05:30 GMT", 150_000],
    ["six hours", "21600", 21_600_000],
    ["more than a day", "86401", 86_400_000],
    ["a date in more than a day", "Fri, 12 Jun 2026 12:03:00 GMT", 86_400_000],
  ] as const
) {
  for (const channel of ["hook", "team"]) {
    Deno.test(`the next attempt of the channel ${channel} waits for a Retry-After of ${form}, for a day at most`, async () => {
      const { clock, tick } = await setUp(() => new Response("", { status: 429, headers: { "retry-after": header } }));
      await db.query("insert into notification_channels (name, kind, secret) values ('team', 'slack', 'https://hooks.slack.test/x')");
      await db.query("update alert_rules set notification_channels = jsonb_build_array($1::text) where is_active", [channel]);
      await tick();
      assertEquals(await waitMs(clock), wait);
    });
  }
}

for (const header of ["Wed, 10 Jun 2026 12:00:00 GMT", "0", "soon", "-5"]) {
  Deno.test(`a Retry-After of "${header}" does not shorten the first delay`, async () => {
    const { clock, tick } = await setUp(() => new Response("", { status: 503, headers: { "retry-after": header } }));
    await tick();
    const wait = await waitMs(clock);
    assert(wait >= 7_500 && wait <= 12_501, `${wait}`);
  });
}

for (const kind of ["webhook", "slack"]) {
  Deno.test(`a ${kind} receiver without an answer within 10 seconds is retried, and has perhaps received the message`, async () => {
    const { tick } = await setUp(({ signal }) => silence(signal));
    await db.query("delete from notification_channels where name = 'hook'");
    await db.query(
      "insert into notification_channels (name, kind, config, secret) values ('hook', $1, '{\"url\": \"https://receiver.test/\"}', $2)",
      [kind, kind === "slack" ? "https://hooks.slack.test/x" : SECRET],
    );
    assertEquals(await withShortTimeouts(tick), [10_000]);
    assertObjectMatch((await notifications())[0] as object, {
      status: "PENDING",
      attempts: 1,
      last_error: "no response within 10 s",
      is_perhaps_received: true,
    });
  });
}

Deno.test("a heartbeat without an answer within 5 seconds is logged, and the processor continues", async () => {
  const events: string[] = [];
  const heartbeat = createHeartbeat(
    "https://heartbeat.test/ping",
    (_level, event) => events.push(event),
    (_url, init) => silence(init?.signal),
  );
  assertEquals(await withShortTimeouts(heartbeat), [5_000]);
  assertEquals(events, ["heartbeat_not_answered"]);
});

for (
  const [name, answer, status, error] of [
    [
      "a redirect",
      () => new Response(null, { status: 302, headers: { location: "http://169.254.169.254/" } }),
      "PENDING",
      /answered 302; redirects are not followed/,
    ],
    ["401", () => new Response("", { status: 401 }), "PENDING", /answered 401/],
    ["404", () => new Response("", { status: 404 }), "PENDING", /answered 404/],
    ["410", () => new Response("", { status: 410 }), "DEAD", /answered 410/],
    ["a connection reset", () => Promise.reject(new TypeError("reset")), "PENDING", /^the connection was lost before an answer$/],
  ] as const
) {
  Deno.test(`a receiver that responds with ${name} leaves the notification ${status}`, async () => {
    const { received, tick } = await setUp(answer as () => Response);
    await tick();
    assertEquals(received.length, 1);
    const [notification] = await notifications();
    assertEquals([notification?.status, notification?.is_perhaps_received], [status, name === "a connection reset"]);
    assertMatch(String(notification?.last_error), error);
  });
}

for (
  const [url, reason] of [
    ["http://receiver.test/x", /not https/],
    ["https://127.0.0.1/x", /private address/],
    ["https://[::1]/x", /private address/],
    ["https://[::ffff:10.0.0.1]/x", /private address/],
    ["https://169.254.169.254/latest/meta-data", /private address/],
    ["https://inside.test/x", /private address/],
    ["nonsense", /malformed/],
  ] as const
) {
  Deno.test(`a webhook at ${url} is not fetched`, async () => {
    const { received, tick } = await setUp();
    await db.query("update notification_channels set config = jsonb_build_object('url', $1::text) where name = 'hook'", [url]);
    await tick();
    assertEquals(received.length, 0);
    assertMatch(String((await notifications())[0]?.last_error), reason);
    assertEquals((await notifications())[0]?.status, "PENDING", "a person can correct the URL");
  });
}

Deno.test("ALERT_ALLOW_PRIVATE_URLS permits a private address", async () => {
  const { received, tick } = await setUp(undefined, { ALERT_ALLOW_PRIVATE_URLS: "true" });
  await db.query("update notification_channels set config = '{\"url\": \"http://127.0.0.1:1/x\"}' where name = 'hook'");
  await tick();
  assertEquals(received.length, 1);
});

Deno.test("an unknown or inactive channel gets no state, and the other channels are notified", async () => {
  const { received, tick } = await setUp();
  await db.query("insert into notification_channels (name, kind, is_active) values ('off', 'dashboard', false)");
  await db.query('update alert_rules set notification_channels = \'["hook", "pager", "off", "dashboard"]\' where is_active');
  await tick();
  const sent = await db.query("select channel, status from alert_notifications order by channel");
  assertEquals(sent, [{ channel: "dashboard", status: "SENT" }, { channel: "hook", status: "SENT" }]);
  assertEquals(received.length, 1);
});

Deno.test("the channels of an entity override those of the rule, and incidents of two rules are two messages", async () => {
  const { received, tick } = await setUp();
  await db.query(
    "update alert_rules set is_active = true, notification_channels = '[\"hook\"]' where metric = 'consecutive_failures' and scope = 'ENTITY'",
  );
  await tick();
  assertEquals(received.map(({ body }) => JSON.parse(body).alerts.length), [1, 1]);
  await db.query("truncate alert_incidents, alert_notifications cascade");
  await db.query("update sync_status set notification_channels = '[\"dashboard\"]' where entity_type = 'tournaments'");
  await tick();
  const sent = await db.query("select channel, item ->> 'entity_type' as entity from alert_notifications order by channel");
  assertEquals(sent, [{ channel: "dashboard", entity: "tournaments" }, { channel: "hook", entity: "matches_schedule" }]);
  await db.query("update sync_status set notification_channels = null");
});

Deno.test("a channel that could not be notified of an incident is not notified of its end, and the others are", async () => {
  const { clock, received, tick, recover } = await setUp(({ url }) => new Response("", { status: url.includes("gone") ? 410 : 200 }));
  await db.query(
    "insert into notification_channels (name, kind, config, secret) values ('gone', 'webhook', '{\"url\": \"https://gone.test/\"}', $1)",
    [SECRET],
  );
  await db.query('update alert_rules set notification_channels = \'["gone", "hook"]\' where is_active');
  await tick();
  await recover();
  clock.advance(60_000);
  await tick();
  assertEquals(received.map(({ url }) => new URL(url).host).sort(), ["gone.test", "receiver.test", "receiver.test"]);
});

interface Claimed {
  token: string;
  rows: { id: string }[];
}

Deno.test("while a second worker has claimed a state, the record of the first worker is refused and changes nothing", async () => {
  const { clock, deliver } = await setUp();
  await evaluateRules(db.rpc, clock, () => {}, "cron");
  const claim = async () =>
    (await db.value<Claimed[]>("select claim_alert_notifications('{\"limit\": 5}', $1)", [clock.asOf()]))[0] as Claimed;
  const late = await claim();
  assertEquals(await deliver(), 0, "another worker has the lease");
  clock.advance(61_000);
  const current = await claim();
  assertEquals(current.rows[0]?.id, late.rows[0]?.id);
  const record = ({ token, rows }: Claimed, outcome: string) => {
    const reported = rows.map(({ id }) => id);
    const p = { token, message_id: crypto.randomUUID(), reported, outcome, is_answered: true, error: "late" };
    return db.value("select record_alert_delivery($1, $2)", [p, clock.asOf()]);
  };
  const stored = () => Promise.all(["alert_notifications", "notification_destinations"].map((table) => db.query(`select * from ${table}`)));
  const before = await stored();
  for (const outcome of ["SENT", "RETRY", "DEAD"]) assertEquals(await record(late, outcome), false, outcome);
  assertEquals(await stored(), before);
  assertEquals(await db.value("select count(*)::int from alert_deliveries"), 0);
  assertEquals(await record(current, "SENT"), true);
  assertEquals(await record(current, "DEAD"), false, "a token is used once");
});

Deno.test("a silence mutes notifications but not incidents, and does not mute a resolution", async () => {
  const { clock, received, tick, recover } = await setUp();
  await db.query(
    "insert into alert_silences (entity_type, starts_at, ends_at, created_by, reason) values ('matches_schedule', $1, $1::timestamptz + interval '10 minutes', 'operator@example.com', 'works')",
    [clock.asOf()],
  );
  await tick();
  assertEquals([received.length, Number(await db.value("select count(*) from alert_incidents where state = 'FIRING'"))], [0, 1]);
  assertMatch(String(await db.value("select reason from alert_events")), /\(silenced\)$/);
  clock.advance(10 * 60_000);
  await tick();
  assertEquals(received.length, 1);
  await db.query(
    "insert into alert_silences (severity, starts_at, ends_at, created_by, reason) values ('HIGH', $1, $1::timestamptz + interval '1 hour', 'operator@example.com', 'works')",
    [clock.asOf()],
  );
  await recover();
  clock.advance(60_000);
  await tick();
  assertObjectMatch(JSON.parse(String(received[1]?.body)), { status: "resolved" });
});

Deno.test("an incident without acknowledgement is notified when it escalates and after each repeat interval", async () => {
  const { clock, received, tick } = await setUp();
  await db.query("update alert_rules set repeat_interval = '1 hour', escalation_delay = '30 minutes' where is_active");
  for (let minute = 0; minute <= 100; minute++) {
    await tick();
    clock.advance(60_000);
  }
  const kinds = received.map(({ body }) => JSON.parse(body).alerts[0].annotations.kind);
  assertEquals(kinds, ["FIRING", "ESCALATED", "REPEAT"]);
});

Deno.test("Slack receives escaped blocks, and its URL is in no row and no error", async () => {
  const hook = "https://hooks.slack.test/services/T000/B000/verysecret";
  const { received, tick } = await setUp(() => Promise.reject(new TypeError(`error sending request for url (${hook})`)));
  await db.query("insert into notification_channels (name, kind, secret) values ('team', 'slack', $1)", [hook]);
  await db.query("update alert_rules set notification_channels = '[\"team\"]' where is_active");
  await tick();
  const { text, blocks } = JSON.parse(String(received[0]?.body));
  assertEquals(text, "[HIGH] Firing: 3 runs failed in a row (matches_schedule)");
  assertEquals(blocks[0].type, "header");
  assert(!JSON.stringify(await db.query("select * from alert_notifications, alert_deliveries")).includes("verysecret"));
});

/** An SMTP server that accepts each recipient, or refuses it with the code `refuse`. */
async function smtpServer(refuse: number | null) {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onRcptTo: (_address, _session, done) =>
      done(refuse === null ? null : Object.assign(new Error("no such person"), { responseCode: refuse })),
    onData: (stream, _session, done) => {
      let mail = "";
      stream.on("data", (chunk) => mail += new TextDecoder().decode(chunk as Uint8Array));
      stream.on("end", () => {
        mails.push(mail);
        done();
      });
    },
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", () => listening.resolve());
  await listening.promise;
  const { port } = server.server.address() as { port: number };
  const closed = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { env: { SMTP_URL: `smtp://127.0.0.1:${port}`, SMTP_FROM: "alerts@example.com", SMTP_TLS: "off" }, mails, closed };
}

const useEmail = async () => {
  await db.query("insert into notification_channels (name, kind, config) values ('mail', 'email', '{\"to\": [\"ops@example.com\"]}')");
  await db.query("update alert_rules set notification_channels = '[\"mail\"]' where is_active");
};

Deno.test("an email is sent as text and HTML", async () => {
  const { env, mails, closed } = await smtpServer(null);
  const { tick } = await setUp(undefined, env);
  await useEmail();
  await tick();
  await closed();
  assertEquals(mails.length, 1);
  for (
    const part of [
      /^To: ops@example\.com/m,
      /^Subject: \[HIGH\] Firing: 3 runs failed in a row/m,
      /^Content-Type: text\/plain/m,
      /^Content-Type: text\/html/m,
      /consecutive failures of/,
      // The Message-ID is the same in every attempt, so that a mail server can drop a second copy.
      new RegExp(`^Message-ID: <${await db.value("select message_id from alert_notifications")}@example\\.com>`, "m"),
    ]
  ) assertMatch(String(mails[0]), part);
  assertEquals((await notifications())[0]?.status, "SENT");
});

for (const [refuse, status] of [[550, "DEAD"], [450, "PENDING"]] as const) {
  Deno.test(`a mail server that refuses a recipient with ${refuse} leaves the notification ${status}`, async () => {
    const { env, closed } = await smtpServer(refuse);
    const { tick } = await setUp(undefined, env);
    await useEmail();
    await tick();
    await closed();
    assertObjectMatch((await notifications())[0] as object, { status, last_error: `the mail server answered ${refuse} to the recipient` });
  });
}

for (const greeting of ["", "220 mail.test ESMTP\r\n"]) {
  Deno.test(`a mail server that is silent ${greeting ? "after" : "before"} its greeting is retried after 10 seconds`, async () => {
    const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = server.accept().then(async (connection) => {
      await connection.write(new TextEncoder().encode(greeting));
      return connection;
    });
    const limits: unknown[] = [];
    const createTransport = nodemailer.createTransport;
    // The sockets of nodemailer measure these limits, so the test shortens them.
    nodemailer.createTransport = ((options: Record<string, unknown>) => {
      const { connectionTimeout, greetingTimeout, socketTimeout } = options;
      limits.push(connectionTimeout, greetingTimeout, socketTimeout);
      return createTransport({ ...options, greetingTimeout: 10, socketTimeout: 10 });
    }) as typeof createTransport;
    try {
      const { port } = server.addr as Deno.NetAddr;
      const { tick } = await setUp(undefined, { SMTP_URL: `smtp://127.0.0.1:${port}`, SMTP_FROM: "alerts@example.com", SMTP_TLS: "off" });
      await useEmail();
      await tick();
    } finally {
      nodemailer.createTransport = createTransport;
      server.close();
      (await accepted).close();
    }
    assertEquals(limits, [10_000, 10_000, 10_000]);
    assertObjectMatch((await notifications())[0] as object, { status: "PENDING", last_error: "the mail server could not be reached" });
  });
}

Deno.test("an unreachable mail server and an email without SMTP settings are retried with their cause", async () => {
  const { env, closed } = await smtpServer(null);
  await closed();
  const gone = await setUp(undefined, env);
  await useEmail();
  await gone.tick();
  assertObjectMatch((await notifications())[0] as object, { status: "PENDING", last_error: "the mail server could not be reached" });
  const bare = await setUp();
  await useEmail();
  await bare.tick();
  const last_error = "email is not configured: SMTP_URL and SMTP_FROM are missing";
  assertObjectMatch((await notifications())[0] as object, { status: "PENDING", last_error });
});

Deno.test("a viewer reads the channels without their addresses and secrets", async () => {
  await setUp();
  const viewer = await db.client("viewer");
  assertEquals((await viewer.from("notification_channels").select("name, kind, is_active").order("name")).data, [
    { name: "dashboard", kind: "dashboard", is_active: true },
    { name: "hook", kind: "webhook", is_active: true },
  ]);
  for (const column of ["secret", "previous_secret", "config"]) {
    assertEquals((await viewer.from("notification_channels").select(column)).error?.code, "42501");
  }
});

Deno.test.afterAll(() => db.close());
