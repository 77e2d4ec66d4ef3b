import { prepare } from "../testing/database.ts";
import { connect } from "../platform/database.ts";
import { createKeys } from "../platform/keys.ts";
import { findPostgres, startPostgres } from "../testing/postgres.ts";

/** Starts a Postgres server with the migrated template of the test databases; without an installed server, the databases are embedded. */
export async function startBenchServer(): Promise<{ name: "postgres" | "embedded"; stop: () => Promise<void> }> {
  const bin = await findPostgres();
  if (!bin) return { name: "embedded", stop: () => Promise.resolve() };
  const server = await startPostgres(bin, { isDurable: true });
  const admin = await connect(server.url);
  await admin.exec("create database sync_template");
  await admin.close();
  const template = await connect(server.url.replace(/\/postgres$/, "/sync_template"));
  await prepare(template, await createKeys());
  await template.close();
  Deno.env.set("TEST_DATABASE_URL", server.url);
  return { name: "postgres", stop: () => server.stop() };
}
