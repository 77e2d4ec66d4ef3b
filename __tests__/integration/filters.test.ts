import { assertEquals } from "@std/assert";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { AlertQuery } from "../../supabase/functions/sync-monitoring/alerts.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import { ErrorQuery, ExecutionQuery, TournamentQuery } from "../../supabase/functions/sync-monitoring/history.ts";
import { AuditQuery } from "../../types/admin.ts";
import { JobQuery } from "../../types/jobs.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { insert } from "../../testing/factories.ts";
import { type Row, STATES, VALID_ROWS } from "../../testing/rows.ts";

const db = await openTestDatabase();
const deps = { rpc: db.rpc, clock: new TestClock("2026-06-10T12:00:00Z"), log: () => {}, env: testEnv(), waitUntil: () => {} };
const apps = { "sync-monitoring": createMonitoring(deps), "sync-admin": createAdmin(deps) };

// A list from AT until UNTIL includes AT and excludes UNTIL.
const AT = "2026-06-10T10:00:00.000Z", BEFORE = "2026-06-10T09:59:59.999Z", UNTIL = "2026-06-10T11:00:00.000Z";

interface List {
  name: string;
  app: keyof typeof apps;
  path: string;
  query: { shape: object };
  /** Inserts a row and returns its key in the list. */
  add: (row: Row) => Promise<string>;
  keyOf: (item: Row) => string;
  /** A row that every filter below includes. */
  row: Row;
  /** For each filter, a value and rows that only this filter excludes. */
  filters: Record<string, [value: string, ...excluded: Row[]]>;
}
const addTo = (table: "sync_error_log" | "alert_incidents" | "audit_log") => async (row: Row) =>
  String((await insert(db, table, { ...VALID_ROWS[table], ...row })).id);
const byId = ({ id }: Row) => String(id);

/** Adds a tournament; the row can have columns of its sync state. */
async function addTournament({ failing_streak, ...row }: Row): Promise<string> {
  const { no } = await insert(db, "tournaments", { ...VALID_ROWS.tournaments, ...row });
  await insert(db, "tournament_sync_state", {
    tournament_no: no,
    ...STATES.tournament_sync_state.synced,
    ...(failing_streak ? { failing_streak, last_error_type: "API" } : {}),
  });
  return String(no);
}
const tournaments: Omit<List, "name" | "row" | "filters"> = {
  app: "sync-monitoring",
  path: "tournaments",
  query: TournamentQuery,
  add: addTournament,
  keyOf: ({ no }) => String(no),
};
const jobs = (state: Row, other: Row): Omit<List, "name"> => ({
  app: "sync-admin",
  path: "jobs",
  query: JobQuery,
  add: async (row) => String((await insert(db, "sync_jobs", { ...VALID_ROWS.sync_jobs, ...state, ...row })).id),
  keyOf: byId,
  row: { entity_type: "matches_schedule", tournament_no: "7" },
  filters: {
    status: [String(state.status), {
      status: "QUEUED",
      token: null,
      claimed_at: null,
      lease_expires_at: null,
      finished_at: null,
      ...other,
    }],
    entity: ["matches_schedule", { entity_type: "tournaments" }],
    tournament_no: ["7", { tournament_no: "8" }, { tournament_no: null }, { tournament_no: null, tournament_nos: ["8", "77"] }],
  },
});

const LISTS: List[] = [
  {
    name: "runs",
    app: "sync-monitoring",
    path: "executions",
    query: ExecutionQuery,
    add: async (row) => {
      const run = await insert(db, "sync_execution_history", { ...VALID_ROWS.sync_execution_history, execution_end: UNTIL, ...row });
      return String(run.id);
    },
    keyOf: byId,
    row: { entity_type: "matches_schedule", status: "FAILED", trigger: "MANUAL", tournament_no: "7", execution_start: AT },
    filters: {
      entity: ["matches_schedule", { entity_type: "tournaments" }],
      status: ["FAILED", { status: "SUCCEEDED" }],
      trigger: ["MANUAL", { trigger: "CRON" }],
      tournament_no: ["7", { tournament_no: "77" }, { tournament_no: null }],
      from: [AT, { execution_start: BEFORE }],
      to: [UNTIL, { execution_start: UNTIL }],
    },
  },
  {
    name: "errors",
    app: "sync-monitoring",
    path: "errors",
    query: ErrorQuery,
    add: addTo("sync_error_log"),
    keyOf: byId,
    row: {
      entity_type: "matches_schedule",
      error_type: "NETWORK",
      error_code: "NETWORK_RESET",
      error_severity: "HIGH",
      tournament_no: "7",
      fingerprint: "f",
      resolved_at: UNTIL,
      occurred_at: AT,
    },
    filters: {
      entity: ["matches_schedule", { entity_type: "tournaments" }],
      type: ["NETWORK", { error_type: "API" }],
      code: ["NETWORK_RESET", { error_code: "NETWORK_FAILED" }],
      severity: ["HIGH", { error_severity: "CRITICAL" }],
      tournament_no: ["7", { tournament_no: "77" }, { tournament_no: null }],
      fingerprint: ["f", { fingerprint: "ff" }],
      resolved: ["true", { resolved_at: null }],
      from: [AT, { occurred_at: BEFORE }],
      to: [UNTIL, { occurred_at: UNTIL }],
    },
  },
  {
    ...tournaments,
    name: "failing tournaments",
    row: { no: "70010", name: "Example Open", season: "2026", failing_streak: 1 },
    filters: {
      search: ["PLE OP", { no: "70011", name: "Example" }],
      season: ["2026", { no: "70012", season: "2025" }],
      failing: ["true", { no: "70013", failing_streak: 0 }],
    },
  },
  {
    ...tournaments,
    name: "tournaments that do not fail",
    row: { no: "70020", name: "Example Open", season: "2026" },
    filters: {
      search: ["example", { no: "70021", name: "Sample Open" }],
      season: ["2026", { no: "70022", season: null }],
      failing: ["false", { no: "70023", failing_streak: 2 }],
    },
  },
  {
    name: "incidents",
    app: "sync-monitoring",
    path: "alerts",
    query: AlertQuery,
    // The incidents have no rule, because a rule has only one live incident in a scope.
    add: (row) => addTo("alert_incidents")({ ...row, rule_id: null }),
    keyOf: byId,
    row: { state: "FIRING", severity: "HIGH", entity_type: "matches_schedule", tournament_no: "7" },
    filters: {
      state: ["FIRING", STATES.alert_incidents.acknowledged, STATES.alert_incidents.resolved, STATES.alert_incidents.pending],
      severity: ["HIGH", { severity: "CRITICAL" }],
      entity: ["matches_schedule", { entity_type: "tournaments" }],
      tournament_no: ["7", { tournament_no: "77" }, { tournament_no: null }],
    },
  },
  { name: "waiting jobs", ...jobs({ status: "QUEUED" }, STATES.sync_jobs.running) },
  { name: "running jobs", ...jobs(STATES.sync_jobs.running, {}) },
  { name: "finished jobs", ...jobs(STATES.sync_jobs.completed, {}) },
  {
    name: "audit rows",
    app: "sync-admin",
    path: "audit",
    query: AuditQuery,
    add: addTo("audit_log"),
    keyOf: byId,
    row: { actor: "a@example.com", action: "act-one", object_type: "thing", object_id: "1", at: AT },
    filters: {
      actor: ["a@example.com", { actor: "b@example.com" }],
      action: ["act-one", { action: "act-two" }],
      object_type: ["thing", { object_type: "thin" }],
      object_id: ["1", { object_id: "11" }],
      from: [AT, { at: BEFORE }],
      to: [UNTIL, { at: UNTIL }],
    },
  },
];

for (const { name, app, path, query, add, keyOf, row, filters } of LISTS) {
  Deno.test(`each filter of the list of ${name} excludes the rows that do not match and includes the others, and its pages have each row once`, async () => {
    assertEquals(Object.keys(filters).sort(), Object.keys(query.shape).filter((key) => !["limit", "cursor"].includes(key)).sort());
    await db.reset();
    await db.query("truncate alert_incidents, sync_jobs cascade");
    const viewer = await db.token("viewer");
    const included = await add(row);
    const excludedBy = new Map<string, string[]>();
    for (const [filter, [, ...rows]] of Object.entries(filters)) {
      const keys: string[] = [];
      for (const changes of rows) keys.push(await add({ ...row, ...changes }));
      excludedBy.set(filter, keys);
    }
    const all = [included, ...[...excludedBy.values()].flat()].sort();
    const read = async (parameters: Record<string, string>) => {
      const url = `http://functions.test/${app}/${path}?${new URLSearchParams({ limit: "200", ...parameters })}`;
      const response = await apps[app].fetch(new Request(url, { headers: { authorization: `Bearer ${viewer}` } }));
      const { next_cursor, ...answer } = await response.json() as { next_cursor: string | null } & Record<string, Row[]>;
      const [items] = Object.values(answer).filter(Array.isArray);
      return { next_cursor, keys: items?.map(keyOf).filter((key) => all.includes(key)) ?? [] };
    };
    const list = async (parameters: Record<string, string>) => (await read(parameters)).keys.sort();
    assertEquals(await list({}), all);
    for (const [filter, [value]] of Object.entries(filters)) {
      const excluded = excludedBy.get(filter) ?? [];
      assertEquals(await list({ [filter]: value }), all.filter((key) => !excluded.includes(key)), filter);
    }
    assertEquals(await list(Object.fromEntries(Object.entries(filters).map(([filter, [value]]) => [filter, value]))), [included]);
    const paged: string[] = [];
    for (let cursor: string | null = ""; cursor !== null && paged.length <= all.length;) {
      const page: Awaited<ReturnType<typeof read>> = await read({ limit: "1", ...(cursor ? { cursor } : {}) });
      paged.push(...page.keys);
      cursor = page.next_cursor;
    }
    assertEquals(paged, (await read({})).keys);
  });
}

Deno.test("the list of silences has those that are active or start later, and not those that ended", async () => {
  await db.query("truncate alert_silences");
  const add = async (row: Row) => String((await insert(db, "alert_silences", { ...VALID_ROWS.alert_silences, ...row })).id);
  const active = await add({ starts_at: AT, ends_at: "2026-06-10T12:00:00.001Z" });
  const later = await add({ starts_at: "2026-06-11T10:00:00Z", ends_at: "2026-06-11T11:00:00Z" });
  await add({ starts_at: AT, ends_at: "2026-06-10T12:00:00Z" });
  const headers = { authorization: `Bearer ${await db.token("viewer")}` };
  const list = async (query: Record<string, string>) => {
    const url = `http://functions.test/sync-admin/silences?${new URLSearchParams(query)}`;
    return await (await apps["sync-admin"].fetch(new Request(url, { headers }))).json() as { silences: Row[]; next_cursor: string | null };
  };
  const { silences, next_cursor } = await list({});
  assertEquals(silences.map(({ id, is_silencing }) => [id, is_silencing]), [[active, true], [later, false]]);
  assertEquals(next_cursor, null);
  for (const end of ["2026-06-11T11:00:00Z", "2026-06-11T11:00:00Z", "2026-06-12T00:00:00.123456Z"]) {
    await add({ starts_at: AT, ends_at: end });
  }
  const all = (await list({})).silences.map(({ id }) => id), paged: unknown[] = [];
  for (let cursor: string | null = ""; cursor !== null && paged.length < 9;) {
    const page: Awaited<ReturnType<typeof list>> = await list({ limit: "1", ...cursor ? { cursor } : {} });
    paged.push(...page.silences.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  assertEquals([all.length, paged], [5, all], "silences that end at the same time are on different pages");
});

Deno.test.afterAll(() => db.close());
