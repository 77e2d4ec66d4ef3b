import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { createApp } from "../../supabase/functions/sync-admin/app.ts";
import { type PostingKind, SETTINGS } from "../../testing/channel-examples.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { documented } from "../../testing/openapi.ts";
import { requester } from "../../testing/requests.ts";
import { startReceiver } from "../../testing/stand-in-receiver.ts";
import { CHANNEL_KINDS, channelFields } from "../../types/channel-kinds.ts";

const db = await openTestDatabase();
const KINDS = Object.keys(SETTINGS) as PostingKind[];
const lines: string[] = [];
const clock = new TestClock("2026-06-10T12:00:00Z");
const receiver = startReceiver(() => new Response(null, { status: 202 }));
const env = testEnv({ ALERT_ALLOW_PRIVATE_URLS: "true" });
const log = (...line: unknown[]) => void lines.push(JSON.stringify(line));
const app = documented(createApp({ rpc: db.rpc, clock, log, env, waitUntil: () => {}, fetch: receiver.deps.fetch }));
const send = requester(app, "/sync-admin");
const call = async (method: string, path: string, body?: unknown, role = "admin") =>
  await send(method, path, body, { authorization: `Bearer ${await db.token(role)}` });
const refusalOf = async (name: string, body: object) => {
  const { status, body: { details } } = await call("PUT", `/channels/${name}`, body);
  return [status, details?.[0]?.field, details?.[0]?.message];
};
/** The channel with its secrets, as its sender receives it. */
const senderOf = (name: string) => db.value("select private.channel_with_secrets(c) from notification_channels c where name = $1", [name]);

/** The request that creates a channel of the kind. */
const requestOf = (kind: PostingKind) => {
  const { config, secret } = SETTINGS[kind];
  return { kind, ...Object.keys(config).length ? { config } : {}, ...secret === null ? {} : { secret } };
};

for (const kind of KINDS) {
  const stored = channelFields(kind).filter(([, field]) => field.is_stored && !field.is_optional);

  Deno.test(`a ${kind} channel is created, tested and changed, and nobody reads its secrets again`, async () => {
    clock.advance(600_000);
    const made = await call("PUT", `/channels/${kind}`, requestOf(kind));
    assertEquals([made.status, made.body.kind, made.body.has_secret], [200, kind, SETTINGS[kind].secret !== null]);
    const tested = await call("POST", `/channels/${kind}/test`);
    assertObjectMatch(tested.body.results[0], { opening: { outcome: "SENT" }, end: { outcome: "SENT" } });
    const { config, secret: _, ...rest } = requestOf(kind) as { kind: string; config?: Record<string, unknown>; secret: unknown };
    const shown = Object.entries(config ?? {}).filter(([name]) =>
      stored.every(([path]) => path !== `config.${name}`) && name !== "headers"
    );
    const kept = await call("PUT", `/channels/${kind}`, { ...rest, ...shown.length ? { config: Object.fromEntries(shown) } : {} });
    assertEquals([kept.status, kept.body.config.digest], [200, made.body.config.digest]);
    assertObjectMatch(await senderOf(kind) as object, SETTINGS[kind]);
    const rows = await db.query("select * from notification_channels");
    const audit = await call("GET", "/audit?limit=200", undefined, "viewer");
    for (const text of [made, tested, kept, await call("GET", "/channels"), rows, audit, lines]) {
      assert(!/k3y|whsec_/.test(JSON.stringify(text)), JSON.stringify(text));
    }
  });

  Deno.test(`a ${kind} channel without what it needs is refused at the field`, async () => {
    for (const [path] of stored) {
      const { config, ...request } = requestOf(kind);
      const { url: _, headers: __, ...rest } = config ?? {};
      const without = path === "secret"
        ? { kind, ...config && { config } }
        : { ...request, ...Object.keys(rest).length ? { config: rest } : {} };
      assertEquals(await refusalOf("new", without), [400, path, "is required"]);
    }
    const [path = ""] = channelFields(kind).find(([, { control }]) => control !== "headers") ?? [];
    const wrong = path === "secret"
      ? { ...requestOf(kind), secret: "?" }
      : { ...requestOf(kind), config: { ...SETTINGS[kind].config, [path.slice(7)]: "?" } };
    assertMatch(String((await refusalOf("new", wrong)).join(" ")), new RegExp(`^400 ${path} must be|^400 ${path} must have`));
  });

  Deno.test(`a ${kind} channel ${CHANNEL_KINDS[kind].sends_report ? "can" : "cannot"} receive the weekly report`, async () => {
    const { status } = await call("PUT", "/channels/report", { ...requestOf(kind), weekly_report: true });
    assertEquals(status === 200, CHANNEL_KINDS[kind].sends_report);
  });
}

Deno.test("a webhook can lose its signing secret, and gets one again without a previous one", async () => {
  const hook = requestOf("webhook");
  await call("PUT", "/channels/hook", hook);
  const other = `whsec_${btoa("another one of thirty bytes...")}`;
  assertEquals((await call("PUT", "/channels/hook", { kind: "webhook", secret: other })).body.has_previous_secret, true);
  const { body } = await call("PUT", "/channels/hook", { kind: "webhook", secret: null });
  assertObjectMatch(body, { has_secret: false, has_previous_secret: false, previous_secret_until: null });
  assertObjectMatch((await call("PUT", "/channels/hook", hook)).body, { has_secret: true, has_previous_secret: false });
  assertEquals(await refusalOf("hook", { kind: "slack", secret: null }), [
    400,
    "secret",
    "must be a URL that begins with http:// or https://",
  ]);
});

Deno.test("a header is added, kept by null and removed, and its value is seen only as a digest", async () => {
  const put = async (headers?: object) =>
    (await call("PUT", "/channels/headers", {
      ...requestOf("webhook"),
      config: { url: "https://receiver.example/", ...headers && { headers } },
    })).body
      .config.header_digests;
  const headersOf = async () => (await senderOf("headers") as { config: { headers?: object } }).config.headers;
  const { "X-One": one, ...rest } = await put({ "X-One": "k3y one", "X-Two": "k3y two" });
  assertMatch(one, /^[0-9a-f]{16}$/);
  assertEquals(Object.keys(rest), ["X-Two"]);
  assertEquals((await put({ "X-One": null, "X-Three": "k3y three" }))["X-One"], one);
  assertEquals(await headersOf(), { "X-One": "k3y one", "X-Three": "k3y three" });
  assertEquals(Object.keys(await put()), ["X-One", "X-Three"]);
  assertEquals([await put({}), await headersOf()], [undefined, undefined]);
  const unknown = await refusalOf("headers", { kind: "webhook", config: { headers: { "X-One": null } } });
  assertEquals(unknown, [400, "config.headers", "must have a value for X-One"]);
});

const many = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`x-${index}`, "v"]));
for (
  const [headers, message] of [
    [{ "Content-Type": "text/plain" }, "must not have Content-Type, which the sender or the connection sets"],
    [{ "webhook-signature": "v1,x" }, "must not have webhook-signature, which the sender or the connection sets"],
    [{ "Transfer-Encoding": "chunked" }, "must not have Transfer-Encoding, which the sender or the connection sets"],
    [{ Host: "inside" }, "must not have Host, which the sender or the connection sets"],
    [{ "x y": "v" }, "must have names of 1 to 64 letters, digits, - and _, each followed by : and a value"],
    [{ "x-key": "k3y\r\nx: y" }, "must have 1 to 1000 visible ASCII characters as the value of x-key"],
    [{ "x-key": "" }, "must have 1 to 1000 visible ASCII characters as the value of x-key"],
    [{ "x-key": "v", "X-Key": "w" }, "must have each name once, in upper or lower case"],
    [many, "must have at most 10 headers"],
  ] as const
) {
  Deno.test(`extra headers are refused: ${message} (${JSON.stringify(headers).slice(0, 40)})`, async () => {
    const request = { kind: "webhook", config: { url: "https://receiver.example/", headers } };
    assertEquals(await refusalOf("headers", request), [400, "config.headers", message]);
  });
}

Deno.test.afterAll(async () => {
  await receiver.close();
  await db.close();
});
