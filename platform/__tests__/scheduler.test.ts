import { assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { startNet } from "../scheduler.ts";

const { database, value, close } = await openTestDatabase();

Deno.test("a request that is queued right after the queue was read as empty is sent", async () => {
  const arrived = Promise.withResolvers<string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    arrived.resolve(new URL(request.url).pathname);
    return new Response();
  });
  let wake = () => {};
  let isFirst = true;
  const stop = await startNet({
    ...database,
    listen: (_channel, onNotify) => Promise.resolve(void (wake = onNotify)),
    query: async <T>(sql: string, parameters?: unknown[]) => {
      const rows = await database.query<T>(sql, parameters);
      if (isFirst) {
        isFirst = false;
        assertEquals(rows, []);
        await database.query("select net.http_get($1)", [`http://127.0.0.1:${server.addr.port}/late`]);
        wake();
      }
      return rows;
    },
  });
  assertEquals(await value("select count(*)::integer from net.http_request_queue"), 0);
  assertEquals(await arrived.promise, "/late");
  stop();
  await server.shutdown();
});

Deno.test.afterAll(close);
