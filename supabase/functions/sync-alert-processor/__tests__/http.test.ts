import { assertEquals, assertObjectMatch } from "@std/assert";
import { silence, withShortTimeouts } from "../../../../testing/timeouts.ts";
import type { Delivery } from "../../../../services/contract/alerts.ts";
import { type HttpDeps, postJson } from "../channels/http.ts";

const NOW = Date.parse("2026-06-10T12:00:00Z");
const URL = "https://receiver.test/alerts";
const PUBLIC = ["93.184.216.34"];
const post = (send: typeof fetch, target = URL, deps: Partial<HttpDeps> = {}): Promise<Delivery> =>
  postJson(target, "{}", {}, { fetch: send, resolve: () => Promise.resolve(PUBLIC), allowPrivate: false, now: () => NOW, ...deps });
const answering = (status: number, headers: HeadersInit = {}) => () => Promise.resolve(new Response(null, { status, headers }));

for (
  const [status, outcome] of [
    [200, "SENT"],
    [204, "SENT"],
    [410, "DEAD"],
    ...[301, 302, 307, 400, 401, 403, 404, 405, 408, 413, 422, 425, 429, 500, 502, 503, 504].map((status) => [status, "RETRY"] as const),
  ] as const
) {
  Deno.test(`an answer of ${status} is ${outcome}, and the request was answered`, async () => {
    assertObjectMatch(await post(answering(status)), { outcome, is_answered: true, status_code: status });
  });
}

for (
  const [header, ms] of [
    ["120", 120_000],
    ["0", 0],
    ["7200", 7_200_000],
    ["Wed, 10 Jun 2026 15:00:00 GMT", 10_800_000],
    ["86400", 86_400_000],
    ["604800", 86_400_000],
    ["Wed, 10 Jun 2027 12:00:00 GMT", 86_400_000],
    ["Wed, 10 Jun 2026 11:00:00 GMT", 0],
  ] as const
) {
  Deno.test(`a Retry-After of ${header} asks for ${ms} ms, a day at most`, async () => {
    assertEquals((await post(answering(429, { "retry-after": header }))).retry_after_ms, ms);
  });
}

Deno.test("an answer without a valid Retry-After asks for no delay", async () => {
  assertEquals((await post(answering(429, { "retry-after": "soon" }))).retry_after_ms, undefined);
  assertEquals((await post(answering(429))).retry_after_ms, undefined);
});

Deno.test("a receiver without an answer within 10 seconds is retried, and has perhaps received the request", async () => {
  let delivery: Delivery | undefined;
  const limits = await withShortTimeouts(async () => delivery = await post((_url, init) => silence(init?.signal)));
  assertEquals(limits, [10_000]);
  assertEquals(delivery, { outcome: "RETRY", is_answered: false, error: "no response within 10 s" });
});

/** A server that reads one request on each connection and then sends `reply` and closes the connection. */
function serve(reply: string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let connections = 0;
  const answer = async (connection: Deno.Conn): Promise<void> => {
    connections++;
    await connection.read(new Uint8Array(10_000));
    await connection.write(new TextEncoder().encode(reply));
    connection.close();
  };
  const serving = (async () => {
    for await (const connection of listener) await answer(connection).catch(() => {});
  })();
  return {
    host: `127.0.0.1:${listener.addr.port}`,
    close: async (): Promise<number> => {
      listener.close();
      await serving;
      return connections;
    },
  };
}

Deno.test("a connection that is lost after the request has perhaps received it", async () => {
  const server = serve("");
  const delivery = await post(fetch, `http://${server.host}/`, { allowPrivate: true });
  assertEquals(delivery, { outcome: "RETRY", is_answered: false, error: "the connection was lost before an answer" });
  await server.close();
});

Deno.test("a refused connection, a failed TLS handshake and an unknown host have not received the request", async () => {
  const server = serve("no TLS\r\n\r\n");
  const closed = serve("");
  await closed.close();
  for (const target of [`http://${closed.host}/`, `https://${server.host}/`, "http://receiver.invalid/"]) {
    const delivery = await post(fetch, target, { allowPrivate: true });
    assertEquals(delivery, { outcome: "RETRY", is_answered: true, error: "no connection to the receiver" }, target);
  }
  await server.close();
});

Deno.test("a redirect is not followed", async () => {
  const elsewhere = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  const server = serve(`HTTP/1.1 307 Moved\r\nlocation: http://${elsewhere.host}/\r\ncontent-length: 0\r\n\r\n`);
  const { outcome, error } = await post(fetch, `http://${server.host}/`, { allowPrivate: true });
  assertEquals([outcome, error], ["RETRY", "the receiver answered 307; redirects are not followed"]);
  assertEquals(await elsewhere.close(), 0);
  await server.close();
});

for (
  const [target, error] of [
    ["nowhere", "the URL is malformed"],
    ["http://receiver.test/", "the URL is not https"],
    ["https://10.0.0.7/", "the URL leads to a private address"],
  ] as const
) {
  Deno.test(`no request is sent to ${target}, and a corrected URL is tried again`, async () => {
    let requests = 0;
    const delivery = await post(() => Promise.resolve(new Response(null, { status: requests++ ? 500 : 200 })), target);
    assertEquals([delivery, requests], [{ outcome: "RETRY", is_answered: true, error }, 0]);
  });
}
