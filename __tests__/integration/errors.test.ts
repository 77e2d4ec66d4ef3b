import { assert, assertEquals } from "@std/assert";
import { ERRORS } from "../../services/error-table.ts";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { ErrorListResponse, ExecutionDetailResponse } from "../../types/history.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aRun } from "../../testing/factories.ts";
import { readSources } from "../../testing/sources.ts";

const db = await openTestDatabase();
const functions = await db.query<{ name: string; source: string }>(`
  select p.oid::regprocedure::text as name, p.prosrc as source from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('public', 'private')`);
const rows: [code: string, row: { status?: number; type?: string; severity?: string; retry?: string }][] = Object.entries(ERRORS);
const rowOf = (code: string) => rows.find(([known]) => known === code)?.[1];

Deno.test("each error that a SQL function raises for a caller has its code in the error table, with the status of its SQLSTATE", () => {
  const raised = functions.flatMap(({ name, source }) => {
    const found = [...source.matchAll(/raise sqlstate 'PT(\d{3})'[^]*?detail = '(\w+)'/g)];
    assertEquals(found.length, source.split("sqlstate 'PT").length - 1, `${name}: each raise has a detail`);
    return found.map(([, status, code = ""]) => ({ name, code, status: Number(status) }));
  });
  assert(raised.length > 20);
  assertEquals(raised.map(({ name, code }) => ({ name, code, status: rowOf(code)?.status })), raised);
});

Deno.test("each error that a SQL function records has its code in the error table, with its class, severity and retry", () => {
  const recorded = functions.flatMap(({ source }) =>
    [...source.matchAll(/insert into public\.sync_error_log\s*\(([^)]+)\)\s*values \(([^;]+)\);/g)].map(([, columns = "", values = ""]) => {
      const literals = values.split(/,\s*/);
      return Object.fromEntries(columns.split(/,\s*/).map((column, index) => [column, literals[index]?.replaceAll("'", "")]));
    })
  );
  assertEquals(recorded.map((row) => row.error_code), ["RUN_TIMED_OUT"]);
  for (const { error_code = "", error_type, error_severity, retryable } of recorded) {
    const row = rowOf(error_code);
    assertEquals([error_type, error_severity, retryable], [row?.type, row?.severity, String(row?.retry !== "never")], error_code);
  }
});

Deno.test("each code of the error table is used by a function or a service", async () => {
  const sources = (await readSources()).filter(({ path }) =>
    /^(services|supabase)\/(?!.*__tests__)/.test(path) && path !== "services/error-table.ts"
  );
  const used = [...sources.map(({ text }) => text), ...functions.map(({ source }) => source)].join("\n");
  assertEquals(rows.map(([code]) => code).filter((code) => !new RegExp(`["']${code}["']`).test(used)), []);
});

Deno.test("an error that SQL recorded is shown with the advice for its code, in the list and in its run", async () => {
  await db.reset();
  const clock = new TestClock("2026-06-10T12:00:00Z");
  const { id } = await aRun(db, {
    status: "RUNNING",
    execution_end: null,
    execution_start: "2026-06-10T11:00:00Z",
    heartbeat_at: "2026-06-10T11:00:00Z",
    lease_expires_at: "2026-06-10T11:01:00Z",
    deadline: "2026-06-10T11:10:00Z",
  });
  await db.query("select reap_sync_executions($1)", [clock.asOf()]);
  const app = createApp({ rpc: db.rpc, clock, log: () => {}, env: testEnv() });
  const get = async (path: string) =>
    await (await app.fetch(new Request(`http://functions.test/sync-monitoring${path}`, { headers: { apikey: db.keys.secret } }))).json();
  const { errors } = ErrorListResponse.parse(await get("/errors"));
  assertEquals(errors.map((error) => [error.error_code, error.recovery_suggestion]), [["RUN_TIMED_OUT", ERRORS.RUN_TIMED_OUT.advice]]);
  const { errors: ofRun } = ExecutionDetailResponse.parse(await get(`/executions/${id}`));
  assertEquals(ofRun.map((error) => ({ ...error, tournament: null })), errors);
});

Deno.test.afterAll(() => db.close());
