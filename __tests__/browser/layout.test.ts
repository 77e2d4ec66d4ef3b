import { assert, assertEquals } from "@std/assert";
import { browserStack } from "../../testing/browser-stack.ts";
import { resize, violations } from "../../testing/browser.ts";
import { seedObjectives } from "../../testing/objective-seed.ts";
import { focusOrder, missingSpaces, overflows } from "../../testing/page-checks.ts";

// The tests open the views of an operator as each role, at three widths, with few and with many syncs, and with no and with 10,000 runs.
const { test, query, service } = await browserStack();
const WIDTHS = [1440, 1024, 390], MANY = 50, RUNS = 10_000;

async function addresses(): Promise<string[]> {
  const idOf = async (sql: string) => (await query<{ id: string }>(sql))[0]?.id;
  const incident = await idOf("select id from alert_incidents where state = 'FIRING' limit 1");
  const quiet = await idOf("select id from alert_incidents where rule_name = 'Quiet' limit 1");
  const run = await idOf("select id from sync_execution_history where trigger = 'CRON' and tournaments_processed > 0 limit 1");
  return [
    "/",
    "/alerts",
    `/alerts/${incident}`,
    `/alerts/${quiet}`,
    "/entities/matches_schedule",
    "/entities/matches_live",
    `/runs/${run}`,
    "/tournaments",
    "/tournaments/8104",
  ];
}

/** The views that do not depend on the number of syncs and runs. */
async function otherAddresses(): Promise<string[]> {
  const idOf = async (sql: string) => (await query<{ id: string }>(sql))[0]?.id;
  return [
    "/errors",
    `/errors/${await idOf("select fingerprint as id from sync_error_log limit 1")}`,
    "/alerts/rules",
    `/alerts/rules/${await idOf("select id from alert_rules where name = 'Match Schedule Consecutive Failures'")}`,
    "/alerts/rules/new",
    "/objectives",
    `/objectives/${await idOf("select id from sync_objectives where name = 'At risk here'")}`,
    "/alerts/silences",
    "/alerts/channels",
    "/alerts/quality",
    "/sync",
    `/jobs/${await idOf("select id from sync_jobs limit 1")}`,
    "/audit",
    "/system",
    "/runbook",
    "/entities/matches_schedule/settings",
    "/people",
  ];
}

async function seed(): Promise<void> {
  await query(
    `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, value, message, began_at, opened_at, fired_at, updated_at, evidence)
    select 'Of the layout', 'consecutive_failures', 'matches_schedule', 'FIRING', 'HIGH', 3, 4, 'consecutive failures of matches_schedule: 4 runs, at or above the threshold of 3 runs', now(), now(), now(), now(),
      ('{"error": "VIS answered HTTP 500 and a text without spaces ' || repeat('x', 120) || '"}')::jsonb
    where not exists (select from alert_incidents where rule_name = 'Of the layout')`,
  );
}

/** Adds a job and an error. */
async function seedWork(): Promise<void> {
  await query(
    `insert into sync_error_log (entity_type, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at)
    select 'matches_schedule', 'API', 'VIS_SERVER_ERROR', 'HIGH', true, 'VIS answered HTTP 500', 'of the layout', now()
    where not exists (select from sync_error_log)`,
  );
  const body = {
    entity_type: "matches_schedule",
    priority: "HIGH",
    reason: "a job of the layout with a reason that is long enough to wrap",
  };
  const response = await service("/functions/v1/sync-admin/manual-trigger", "POST", body);
  await response.body?.cancel();
}

/** Adds an acknowledged and silenced incident, whose head has the most parts. */
async function seedQuiet(): Promise<void> {
  await query(
    `with incident as (
      insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at,
        acknowledged_at, acknowledged_by, acknowledged_until, muted_by)
      select 'Quiet', 'memory_usage', 'all', 'ACKNOWLEDGED', 'LOW', 1, 'm', now(), now(), now(), now(), now(), 'ada@example.com', now() + interval '1 hour', 'SILENCE'
      where not exists (select from alert_incidents where rule_name = 'Quiet') returning id
    )
    insert into alert_silences (incident_id, starts_at, ends_at, created_by, created_at, reason)
    select id, now(), now() + interval '1 hour', 'grace@example.com', now(), 'a browser test' from incident`,
  );
}

async function addMany(): Promise<void> {
  await query(
    `insert into sync_status (entity_type, title, function_name, sync_frequency, grace, max_runtime, paused_at, paused_by, paused_reason)
    select 'rankings_' || n, 'Rankings of a Long Name ' || n, 'ranking-sync', '1 day', '5 minutes', '1 minute', now(), 'ada@example.com', 'a browser test'
    from generate_series(1, $1::int - 2) n`,
    [MANY],
  );
  await query(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end, records_read)
    select 'matches_schedule', 'SUCCEEDED', 'MANUAL', t, t + interval '40 seconds', 400
    from generate_series(1, $1::int) n cross join lateral (select date_trunc('hour', now()) - n * interval '15 minutes' as t) due`,
    [RUNS],
  );
}

for (const size of ["few", "many"] as const) {
  for (const role of ["viewer", "operator", "admin"] as const) {
    test(
      `with ${size} syncs and runs no view overflows, lacks a space or jumps the focus, for the ${role}`,
      role,
      async ({ page, open }) => {
        await seed();
        await seedQuiet();
        if (size === "few") await seedWork();
        if (size === "few") await seedObjectives(query);
        if (size === "many" && role === "viewer") await addMany();
        const found: string[] = [];
        for (const address of [...await addresses(), ...size === "few" ? await otherAddresses() : []]) {
          await open(address);
          for (const width of WIDTHS) {
            await resize(page, width, width < 500 ? 844 : 900);
            const problems = [...await overflows(page), ...await missingSpaces(page), ...width < 500 ? [] : await focusOrder(page)];
            found.push(...problems.map((problem) => `${address} at ${width} px: ${problem}`));
          }
        }
        assertEquals(found, []);
      },
    );
  }
}

test("with many syncs the rows are compact, the worst comes first, and a filter narrows them", "viewer", async ({ page, open }) => {
  await open("/");
  const rows = page.locator("[data-entity]");
  assertEquals(await rows.count(), MANY);
  const ranks = (await rows.evaluateAll((rows) => rows.map((row) => row.getAttribute("data-status"))))
    .map((status) => ["CRITICAL", "WARNING", "HEALTHY"].indexOf(status ?? ""));
  assertEquals(ranks, ranks.toSorted((a, b) => a - b));
  await page.getByLabel("Filter").fill("name 17");
  await page.locator("[data-entity=rankings_17]").waitFor();
  assertEquals(await rows.count(), 1);
  await page.getByLabel("Filter").fill("no such sync");
  await page.getByText("No sync matches the filter.").waitFor();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds no violation with many syncs, ${colorScheme}`, "operator", async ({ page, open }) => {
    const found: string[] = [];
    for (const address of await addresses()) {
      await open(address);
      found.push(...(await violations(page)).map((line) => `${address}: ${line}`));
    }
    assertEquals(found, []);
  }, { colorScheme });
}

test(
  "on a phone a row is a card with its state at the right, its short values in one line and its reason below them",
  "viewer",
  async ({ page, open }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await query(
      `insert into audit_log (at, actor, actor_role, action, object_type, object_id, reason, after)
    values (now(), 'cards@example.com', 'operator', 'trigger-sync', 'job', 'of-a-card', 'a reason', '{"of": "a card"}')`,
    );
    await open("/audit?actor=cards@example.com", "Audit");
    // The first row of a day is its heading.
    const card = page.locator("tbody tr:has(.at-state)").first();
    const boxOf = (part: string) => card.locator(part).boundingBox();
    const parts = ["th", ".at-state", "td:nth-of-type(2)", "td:nth-of-type(3)", ".at-wide"];
    const [title, time, actor, object, reason] = await Promise.all(parts.map(boxOf));
    assert(title && time && actor && object && reason);
    assert(time.y < title.y + title.height && time.x >= title.x + title.width, "the time is not at the right of the title");
    assert(actor.y >= title.y + title.height && object.x >= actor.x + actor.width, "the object is not at the right of the actor");
    assertEquals([actor.x, object.y, reason.x, reason.width], [title.x, actor.y, title.x, time.x + time.width - title.x]);
    assert(reason.y >= actor.y + actor.height, "the reason is not below the actor");
  },
);

test("the incidents that fire come before those that are resolved, whatever their time", "viewer", async ({ page, open }) => {
  await query(
    `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at, resolved_at)
    select 'Of the order', 'memory_usage', 'matches_live', state, 'LOW', 1, 'm', at, at, at, at, case state when 'RESOLVED' then now() end
    from (values ('FIRING', now() - interval '2 hours'), ('RESOLVED', now() - interval '1 hour')) incident (state, at)`,
  );
  await open("/alerts?entity=matches_live", "Incidents");
  const groups = page.getByRole("rowgroup").filter({ has: page.getByRole("row").filter({ hasText: "Of the order" }) });
  await groups.first().waitFor();
  const states = await groups.locator(".group").allInnerTexts();
  assertEquals(states.map((text) => text.trim()), ["Firing", "Resolved"]);
});
