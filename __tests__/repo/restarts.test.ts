import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../platform/database.ts";
import { findPostgres, startPostgres } from "../../testing/postgres.ts";
import { Started } from "../../testing/started.ts";
import { until } from "../../testing/wait.ts";

const bin = await findPostgres();
const ANSWER_MS = 10_000;

Deno.test({
  name:
    "on a server the product survives crashes, restarts and ended sessions, still refuses a second one, and stops while nothing answers",
  ignore: !bin,
  async fn() {
    const server = await startPostgres(bin ?? "");
    const folders = [await Deno.makeTempDir({ prefix: "sync-start-" }), await Deno.makeTempDir({ prefix: "sync-start-" })];
    const env = { DATABASE_URL: server.url };
    const start = (index: number) => new Started(["--port", "0", "--data", folders[index] ?? ""], env);
    const product = start(0);
    const base = await product.ready();
    const apikey = /Secret key +(\S+)/.exec(product.output)?.[1] ?? "";
    const refused = async () => {
      const { code, output } = await start(1).end();
      assertEquals(code, 1, output);
      assertMatch(
        output.trim(),
        new RegExp(
          `^the database ${server.url} is in use by process ${product.process.pid} on \\S+ \\(since [^)]+ UTC\\); stop that program, or use another database$`,
          "m",
        ),
      );
    };

    let slowest = 0, isEnding = false;
    const lastGood = Array<number>(8).fill(0);
    const paths = ["functions/v1/sync-monitoring/health-overview", "rest/v1/sync_status?select=entity_type"];
    const loops = lastGood.map(async (_, index) => {
      while (!isEnding) {
        const sent = performance.now();
        const response = await fetch(`${base}/${paths[index % 2]}`, { headers: { apikey } });
        await response.body?.cancel();
        slowest = Math.max(slowest, performance.now() - sent);
        assert([200, 503].includes(response.status), `${paths[index % 2]} answered ${response.status}`);
        if (response.ok) lastGood[index] = sent;
        else await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    const other = await connect(server.url);
    const endSessions = () =>
      other.query("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()");
    const crash = () => server.restart("immediate"), restartInOrder = () => server.restart("fast");
    for (const restart of [...Array(2).fill(crash), ...Array(2).fill(restartInOrder), ...Array(3).fill(endSessions)]) {
      await until("the server", () => other.query("select 1"));
      await restart();
      const since = performance.now();
      await until("a good answer to each loop", () => Promise.resolve(lastGood.every((sent) => sent > since)), 30_000);
    }
    isEnding = true;
    await Promise.all(loops);
    assert(slowest < ANSWER_MS, `a request waited for ${slowest} ms`);
    await refused();

    const [{ id } = { id: "" }] = await other.query<{ id: string }>("select private.call_function('sync-alert-processor') as id");
    await until("the answer to a call of the database", async () =>
      (await other.query(
        "select from private.call_log c join net._http_response r on r.id = c.net_request_id where c.id = $1 and r.status_code is not null",
        [id],
      )).length);
    await other.close();
    const frozen = await server.freeze();
    const unanswered = fetch(`${base}/${paths[1]}`, { headers: { apikey } }).then((response) => response.status, () => 0);
    const stopped = performance.now();
    await product.end("SIGTERM");
    assert(performance.now() - stopped < 25_000, `the stop took ${performance.now() - stopped} ms`);
    assert([0, 503].includes(await unanswered));
    frozen.thaw();
    const next = start(1);
    await next.ready();
    assertEquals((await next.end("SIGTERM")).code, 0);
    await server.stop();
    await Promise.all(folders.map((folder) => Deno.remove(folder, { recursive: true })));
  },
});
