import { assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";
import { startCron, startNet } from "../scheduler.ts";

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

Deno.test("a cron job is recorded as succeeded, or as failed with the error of its command", async () => {
  await database.query("select cron.unschedule(jobid) from cron.job");
  await database.query("select cron.schedule('good', '@reboot', 'select 1'), cron.schedule('bad', '@reboot', 'select no_such_column')");
  const ended = Promise.withResolvers<void>();
  let open = 2;
  const stop = await startCron({
    ...database,
    listen: () => Promise.resolve(),
    query: async <T>(sql: string, parameters?: unknown[]) => {
      const rows = await database.query<T>(sql, parameters);
      if (sql.includes("end_time = clock_timestamp() where runid") && --open === 0) ended.resolve();
      return rows;
    },
  });
  await ended.promise;
  stop();
  const runs = await database.query("select command, status, return_message as message from cron.job_run_details order by command desc");
  assertEquals(runs, [
    { command: "select no_such_column", status: "failed", message: 'ERROR: column "no_such_column" does not exist' },
    { command: "select 1", status: "succeeded", message: "ok" },
  ]);
});

Deno.test.afterAll(close);
