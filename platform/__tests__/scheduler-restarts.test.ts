import { assertEquals } from "@std/assert";
import { findPostgres, startPostgres } from "../../testing/postgres.ts";
import { until } from "../../testing/wait.ts";
import { connect } from "../database.ts";
import { bootstrap } from "../migrate.ts";
import { startCron, startNet } from "../scheduler.ts";

const bin = await findPostgres();

Deno.test({
  name: "after a crash of the server the cron jobs run again, no run stays open, and requests queued meanwhile are sent",
  ignore: !bin,
  async fn() {
    const server = await startPostgres(bin ?? "");
    const admin = await connect(server.url);
    // pg_cron runs only in the database `postgres`, so this database has the stand-ins.
    await admin.exec("create database project");
    await admin.close();
    const url = server.url.replace(/postgres$/, "project");
    const database = await connect(url), other = await connect(url);
    await bootstrap(database);
    await database.exec("create table ticks (at timestamptz not null default clock_timestamp())");
    await database.query("select cron.schedule('tick', '1 second', 'insert into ticks default values')");
    await database.query("select cron.schedule('long', '1 second', 'select pg_sleep(60)')");
    let arrived = 0;
    const receiver = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
      arrived++;
      return new Response();
    });
    const stops = [await startNet(database), await startCron(database)];
    const open = async () => (await other.query("select from cron.job_run_details where status = 'running'")).length > 0;
    await until("a tick and a long run", async () => (await other.query("select from ticks")).length > 0 && await open());

    await server.restart("immediate");
    await until("the server", () => other.query("select 1"));
    // Another session queues the request, perhaps before the listener is connected again.
    await other.query("select net.http_get($1)", [`http://127.0.0.1:${receiver.addr.port}/`]);
    await until("the request", () => Promise.resolve(arrived > 0));
    await until(
      "a tick after the crash",
      async () => (await other.query("select from ticks where at > pg_postmaster_start_time()")).length > 0,
    );
    const cut = await until("the end of each cut run", async () => {
      const runs = await other.query<{ status: string; command: string }>(
        "select status, command from cron.job_run_details where start_time < pg_postmaster_start_time()",
      );
      return runs.every(({ status }) => status !== "running") && runs;
    });
    assertEquals(cut.filter(({ command }) => command.includes("pg_sleep")).map(({ status }) => status), ["failed"]);

    stops.forEach((stop) => stop());
    await Promise.all([database.close(), other.close(), receiver.shutdown()]);
    await server.stop();
  },
});
