import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { ACTIONS } from "../../dashboard/src/audit/actions.ts";
import { violations } from "../../testing/browser.ts";
import { browserStack } from "../../testing/browser-stack.ts";
import { focusOrder, missingSpaces, overflows } from "../../testing/page-checks.ts";

const { test, query } = await browserStack();
const NAMES = ["Bulk A", "Bulk B", "Bulk C"];

/** Replaces the incidents of the last test by one firing incident for each name. */
async function threeIncidents(): Promise<void> {
  await query("delete from alert_incidents where rule_name like 'Bulk %'");
  await query(
    `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at)
    select name, 'memory_usage', 'tournaments', 'FIRING', 'LOW', 1, 'm', now(), now(), now(), now() from unnest($1::text[]) name`,
    [NAMES],
  );
}
const resolve = (name: string) =>
  query("update alert_incidents set state = 'RESOLVED', resolved_at = now(), version = version + 1 where rule_name = $1", [name]);
const states = async () =>
  Object.fromEntries(
    (await query<{ rule_name: string; state: string }>("select rule_name, state from alert_incidents where rule_name like 'Bulk %'"))
      .map(({ rule_name, state }) => [rule_name, state]),
  );
const boxOf = (page: Page, text: string) => page.getByRole("row").filter({ hasText: text }).getByRole("checkbox");
const bar = (page: Page) => page.getByRole("group", { name: "Selected rows" });
const announced = (page: Page, text: string) => page.getByRole("status").filter({ hasText: text }).waitFor();

test(
  "an operator acknowledges several incidents at once, and each has its outcome and its audit row",
  "operator",
  async ({ page, open }) => {
    await threeIncidents();
    await open("/alerts?entity=tournaments", "Incidents");
    for (const name of NAMES) await boxOf(page, name).check();
    await bar(page).getByRole("button", { name: "Acknowledge 3" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Note").fill("no");
    await dialog.getByRole("button", { name: "Acknowledge 3" }).click();
    await dialog.locator(".wrong").waitFor();
    assertEquals(await states(), { "Bulk A": "FIRING", "Bulk B": "FIRING", "Bulk C": "FIRING" }, "an invalid note changes nothing");
    // One incident ends while the dialog is open.
    await resolve("Bulk B");
    await dialog.getByLabel("Note").fill("a known fault");
    await dialog.getByRole("button", { name: "Acknowledge 3" }).click();
    await announced(page, "2 acknowledged, 1 was already resolved");
    await page.locator(".notice").filter({ hasText: "the incident is RESOLVED and cannot be acknowledged" }).waitFor();
    assertEquals(await states(), { "Bulk A": "ACKNOWLEDGED", "Bulk B": "RESOLVED", "Bulk C": "ACKNOWLEDGED" });
    const audited = await query(
      `select count(*)::int as rows, count(distinct object_id)::int as objects, min(reason) as reason from audit_log
    where action = 'acknowledge' and object_id in (select id::text from alert_incidents where rule_name like 'Bulk %')`,
    );
    assertEquals(audited, [{ rows: 2, objects: 2, reason: "a known fault" }]);
    assertEquals(await bar(page).count(), 0, "the selection ends with the act");
    await page.getByRole("button", { name: "Dismiss" }).click();
    await page.locator(".notice").waitFor({ state: "detached" });
  },
);

test("an operator silences each of the selected incidents, which all can be selected at once", "operator", async ({ page, open }) => {
  await threeIncidents();
  await resolve("Bulk B");
  await open("/alerts?entity=tournaments", "Incidents");
  const all = page.getByRole("checkbox", { name: /^Select all/ });
  await all.check();
  assertEquals(await boxOf(page, "Bulk B").count(), 0, "an ended incident");
  await bar(page).getByText("2 selected").waitFor();
  await boxOf(page, "Bulk A").uncheck();
  assert(await all.evaluate((box) => (box as unknown as { indeterminate: boolean }).indeterminate));
  await all.check();
  await bar(page).getByRole("button", { name: "Silence 2" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Ends in").selectOption({ label: "8 hours" });
  await dialog.getByLabel("Reason").fill("maintenance of the upstream");
  await dialog.getByRole("button", { name: "Silence 2" }).click();
  await announced(page, "2 silenced");
  const silences = await query(
    `select i.rule_name, s.reason, round(extract(epoch from s.ends_at - s.starts_at) / 3600)::int as hours
    from alert_silences s join alert_incidents i on i.id = s.incident_id order by 1`,
  );
  const silence = { reason: "maintenance of the upstream", hours: 8 };
  assertEquals(silences, [{ rule_name: "Bulk A", ...silence }, { rule_name: "Bulk C", ...silence }]);
  await open("/alerts/silences", "Silences");
  const [incident] = await query<{ id: string }>("select id from alert_incidents where rule_name = 'Bulk A'");
  const no = incident?.id.slice(0, 8);
  await page.getByRole("rowheader", { name: `Incident: ${no}` }).getByRole("link").click();
  await page.getByRole("heading", { level: 1, name: "A run used too much memory" }).waitFor();
  await open("/alerts/silences", "Silences");
  await page.getByRole("button", { name: `End the silence of incident ${no}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End the silence" }).click();
  await announced(page, "The silence is ended.");
});

test("the shift key selects each incident between two", "operator", async ({ page, open }) => {
  await threeIncidents();
  await open("/alerts?entity=tournaments", "Incidents");
  const boxes = page.locator("tbody").getByRole("checkbox");
  await boxes.first().click();
  await boxes.nth(2).click({ modifiers: ["Shift"] });
  await bar(page).getByText("3 selected").waitFor();
  await bar(page).getByRole("button", { name: "Clear the selection" }).click();
  assertEquals(await page.getByRole("checkbox", { checked: true }).count(), 0);
});

test("a viewer can select neither incidents nor jobs", "viewer", async ({ page, open }) => {
  await threeIncidents();
  await open("/alerts?entity=tournaments", "Incidents");
  await page.getByRole("row").filter({ hasText: "Bulk A" }).waitFor();
  assertEquals(await page.getByRole("checkbox").count(), 0);
  await open("/sync", "Sync now");
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  assertEquals(await page.getByRole("checkbox").count(), 0);
});

test("an operator requeues several failed jobs at once, and the audit log links to each", "operator", async ({ page, open }) => {
  await query("insert into tournaments (no, name) values ('990001', 'Bulk Open One'), ('990002', 'Bulk Open Two')");
  await query(
    `insert into sync_jobs (entity_type, tournament_no, priority, status, triggered_by, reason, max_attempts, enqueued_at, rank, not_before, finished_at)
    select 'matches_schedule', no, 'NORMAL', status, 'operator@example.com', 'bulk ' || no, 3, now(), now(), now(), now()
    from (values ('990001', 'FAILED'), ('990002', 'FAILED'), ('990001', 'COMPLETED')) job (no, status)`,
  );
  await open("/sync", "Sync now");
  await page.getByRole("row").filter({ hasText: "bulk 990002" }).waitFor();
  assertEquals(await boxOf(page, "Completed").count(), 0, "only failed jobs can be selected");
  for (const no of ["990001", "990002"]) {
    await page.getByRole("row").filter({ hasText: `bulk ${no}` }).filter({ hasText: "Failed" }).getByRole("checkbox").check();
  }
  await bar(page).getByRole("button", { name: "Sync 2 again" }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill("after the outage");
  await page.getByRole("dialog").getByRole("button", { name: "Sync 2 again" }).click();
  await announced(page, "2 queued again");
  const requeued = await query<{ id: string; tournament_no: string }>(
    "select id, tournament_no from sync_jobs where retried_from is not null and reason = 'after the outage' order by tournament_no",
  );
  assertEquals(requeued.map(({ tournament_no }) => tournament_no), ["990001", "990002"]);
  await open("/audit?action=requeue-job", "Audit");
  await page.getByRole("row").filter({ hasText: requeued[1]?.id.slice(0, 8) }).getByRole("link").click();
  await page.waitForURL(`**#/jobs/${requeued[1]?.id}`);
});

test("the audit log links each object to the view that shows it, as the role allows", "viewer", async ({ page, open }) => {
  const id = "0a0a0a0a-0000-4000-8000-00000000000a", incident = "0b0b0b0b-0000-4000-8000-00000000000b";
  const entries: [type: string, id: string, action: string, before: object | null, text: string, href: string | null][] = [
    ["alert", id, "acknowledge", null, "0a0a0a0a", `#/alerts/${id}`],
    ["alert-rule", id, "change-rule", { name: "A rule" }, "A rule", `#/alerts/rules/${id}`],
    ["alert-rule", id, "delete-rule", { name: "A former rule" }, "A former rule", null],
    ["channel", "mail", "change-channel", null, "mail", null],
    ["entity", "tournaments", "change-entity", null, "tournaments", "#/entities/tournaments"],
    ["error", id, "resolve-error", { fingerprint: "VIS_X:a b" }, "0a0a0a0a", "#/errors/VIS_X%3Aa%20b"],
    ["job", id, "cancel-job", null, "0a0a0a0a", `#/jobs/${id}`],
    ["notification", id, "resend", { incident_id: incident }, "0a0a0a0a", `#/alerts/${incident}`],
    ["person", "ada", "change-person", null, "ada", null],
    ["retention", "jobs", "change-retention", null, "jobs", "#/system"],
  ];
  for (const [object_type, object_id, action, before] of entries) {
    await query(
      `insert into audit_log (at, actor, actor_role, action, object_type, object_id, before, after)
      values (now(), 'links@example.com', 'admin', $1, $2, $3, $4, '{}')`,
      [action, object_type, object_id, before],
    );
  }
  await open("/audit?actor=links@example.com", "Audit");
  const cells = await page.locator("tbody tr td:nth-of-type(3)").evaluateAll((cells) =>
    (cells as unknown as { querySelector(selector: string): { textContent: string; getAttribute(name: string): string } | null }[])
      .map((cell) => [cell.querySelector(".cut")?.textContent, cell.querySelector("a")?.getAttribute("href") ?? null])
  );
  assertEquals(cells, entries.map(([, , , , text, href]) => [text, href]).reverse());
});

Deno.test("the filter of the audit log has each action that the database records", async () => {
  const folder = new URL("../../supabase/migrations/", import.meta.url);
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  const sql = (await Promise.all(names.map((name) => Deno.readTextFile(new URL(name, folder))))).join("\n");
  const acts = [...sql.matchAll(/private\.audit\((?:p -> 'actor'|'[^']*'), (.+?), '[a-z-]+',/g)].map(([, action = ""]) => action);
  const written = acts.flatMap((action) => [...action.matchAll(/'([a-z-]+)'/g)].map(([, name = ""]) => name));
  const checked = [...sql.matchAll(/refuse_unknown_action\(.+?, '\{(.+?)\}'/g)].flatMap(([, names = ""]) => names.split(","));
  assertEquals([...new Set([...written, ...checked])].sort(), ACTIONS.toSorted());
});

test("the details of an action show each field that it changed, before and after", "viewer", async ({ page, open }) => {
  await query(
    `insert into audit_log (at, actor, actor_role, action, object_type, object_id, before, after, request_id)
    values (now(), 'details@example.com', 'admin', 'change-entity', 'entity', 'tournaments', $1, $2, 'r-1')`,
    [{ grace: "5 minutes", max_runtime: "10 minutes" }, { grace: "5 minutes", max_runtime: "20 minutes", paused_reason: "a test" }],
  );
  await open("/audit?actor=details@example.com", "Audit");
  await page.getByRole("button", { name: /^Details of Change entity/ }).click();
  const dialog = page.getByRole("dialog", { name: "Change entity" });
  await dialog.getByText("r-1").waitFor();
  const rows = await dialog.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
  assertEquals(rows, [["Max runtime", "10 minutes", "20 minutes"], ["Paused reason", "–", "a test"]]);
  assertEquals(await violations(page), []);
});

test("a long audit log is verified in parts, and the page names the verified rows", "viewer", async ({ page, open }) => {
  const part = { status: "INTACT", unsealed: 0, unvouched: 1, head: null, pruned_to: null, first_bad: null };
  const bad = { id: 6_301, what: "CHANGED", message: "row 6301 does not match its seal" };
  const parts: Record<string, object> = {
    "": { ...part, status: "PRUNED", rows: 5_000, pruned_to: 1_200, next_cursor: "a" },
    a: { ...part, rows: 100, unsealed: 2, next_cursor: null },
  };
  await page.route("**/audit/verify**", (route) => {
    return route.fulfill({ json: parts[new URL(route.request().url()).searchParams.get("cursor") ?? ""] });
  });
  await open("/audit", "Audit");
  const verify = async (text: string) => {
    await page.getByRole("button", { name: "Verify" }).click();
    await page.locator(".verified").filter({ hasText: text }).waitFor();
  };
  await verify("All 5,100 sealed rows from the first to the newest one are unchanged. Retention deleted the rows up to 1,200.");
  assertMatch(await page.locator(".verified").innerText(), /^Pruned[^]*2 rows not signed by the server · 2 rows not sealed yet$/);
  parts.a = { ...part, status: "BROKEN", rows: 100, first_bad: bad, next_cursor: null };
  await verify("Row 6301 does not match its seal; the 5,100 rows before it are unchanged.");
});

test("without a failed job no job can be selected", "operator", async ({ page, open }) => {
  await query(
    `insert into sync_jobs (entity_type, priority, status, triggered_by, reason, max_attempts, enqueued_at, rank, not_before, finished_at)
    values ('tournaments', 'NORMAL', 'COMPLETED', 'operator@example.com', 'nothing to select', 3, now(), now(), now(), now())`,
  );
  await open("/sync?status=COMPLETED", "Sync now");
  await page.getByRole("row").filter({ hasText: "nothing to select" }).waitFor();
  assertEquals(await page.getByRole("checkbox").count(), 0);
});

test("a job that runs longer than its estimate says so", "viewer", async ({ page, open }) => {
  await query("delete from sync_execution_history where entity_type = 'tournaments' and status = 'RUNNING'");
  const [run] = await query<{ id: string }>(
    `insert into sync_execution_history (entity_type, trigger, status, execution_start, lease_expires_at, deadline, heartbeat_at)
    values ('tournaments', 'MANUAL', 'RUNNING', now() - interval '20 minutes', now() + interval '1 hour', now() + interval '1 hour', now()) returning id`,
  );
  const [job] = await query<{ id: string }>(
    `insert into sync_jobs (entity_type, priority, status, triggered_by, reason, max_attempts, attempts, enqueued_at, rank, not_before, started_at,
      claimed_at, token, execution_id)
    values ('tournaments', 'NORMAL', 'RUNNING', 'operator@example.com', 'too long', 3, 1, now(), now(), now(), now() - interval '20 minutes', now(),
      gen_random_uuid(), $1) returning id`,
    [run?.id],
  );
  await open(`/jobs/${job?.id}`, "Sync of Tournament Sync");
  await page.getByText(/^(19|20) min over its estimate$/).waitFor();
  await open("/sync", "Sync now");
  await page.getByRole("list", { name: "Running jobs" }).getByText(/(19|20) min over its estimate/).waitFor();
  await query("delete from sync_jobs where id = $1", [job?.id]);
  await query("delete from sync_execution_history where id = $1", [run?.id]);
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [390, 1440]) {
    test(
      `the lists with a selection are accessible and fit at ${width} px in the ${colorScheme} theme`,
      "operator",
      async ({ page, open }) => {
        await threeIncidents();
        await open("/alerts?entity=tournaments", "Incidents");
        await page.getByRole("checkbox", { name: /^Select all/ }).check();
        await bar(page).waitFor();
        for (const check of [violations, missingSpaces, overflows]) assertEquals(await check(page), []);
        // At the end of the list the bar is in its place; above, the bar covers rows.
        await page.evaluate("scrollTo(0, document.body.scrollHeight)");
        assertEquals(await focusOrder(page), []);
        await bar(page).getByRole("button", { name: /^Acknowledge/ }).click();
        await page.getByRole("dialog").waitFor();
        assertEquals(await violations(page), []);
        for (const address of ["/sync", "/audit", "/alerts/silences"]) {
          await open(address);
          for (const check of [violations, missingSpaces, overflows]) assertEquals(await check(page), [], address);
        }
      },
      { colorScheme, viewport: { width, height: 844 } },
    );
  }
}
