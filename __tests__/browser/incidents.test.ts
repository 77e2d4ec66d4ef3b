import { assertEquals } from "@std/assert";
import { familiesOf } from "../../dashboard/src/incident/families.ts";
import { changeReply, violations } from "../../testing/browser.ts";
import { browserStack } from "../../testing/browser-stack.ts";
import { overflows } from "../../testing/page-checks.ts";
import type { AlertIncident } from "../../types/alerts.ts";

const { test, query } = await browserStack();

const incident = (id: string, changes: Partial<AlertIncident> = {}): AlertIncident =>
  ({
    id,
    state: "FIRING",
    severity: "MEDIUM",
    parent_id: null,
    muted_by: null,
    began_at: "2026-06-10T10:00:00Z",
    ...changes,
  }) as AlertIncident;
const outline = (incidents: AlertIncident[]) =>
  familiesOf(incidents).map(({ incident, inhibited }) => [incident.id, ...inhibited.map(({ id }) => id)].join(" "));

Deno.test("the list begins with the most severe incident that fires, and ends with the ended ones, the newest first", () => {
  const ended = { state: "RESOLVED", severity: "CRITICAL" } as const;
  assertEquals(
    outline([
      incident("ended before", { ...ended, began_at: "2026-06-09T10:00:00Z" }),
      incident("ended", ended),
      incident("pending", { state: "PENDING", severity: "CRITICAL" }),
      incident("acknowledged", { state: "ACKNOWLEDGED", severity: "CRITICAL" }),
      incident("medium"),
      incident("high, silenced", { severity: "HIGH", muted_by: "SILENCE" }),
      incident("high, later", { severity: "HIGH", began_at: "2026-06-10T11:00:00Z" }),
      incident("high", { severity: "HIGH" }),
      incident("critical", { severity: "CRITICAL" }),
    ]),
    ["critical", "high", "high, later", "high, silenced", "medium", "acknowledged", "pending", "ended", "ended before"],
  );
});

Deno.test("an incident contains those that it inhibits and theirs; an ended one contains no live one", () => {
  const child = (id: string, parent_id: string, changes: Partial<AlertIncident> = {}) => incident(id, { parent_id, ...changes });
  const ended = { state: "RESOLVED" } as const;
  assertEquals(outline([incident("a"), child("b", "a"), child("c", "b"), child("d", "a", ended)]), ["a b c d"]);
  assertEquals(outline([incident("a", ended), child("b", "a"), child("c", "a", ended)]), ["b", "a c"]);
  assertEquals(outline([child("b", "not loaded")]), ["b"]);
});

/** Adds an incident, and another one that it inhibits. */
async function anInhibitedIncident(): Promise<void> {
  await query("delete from alert_incidents where rule_name in ('Of a parent', 'Of a child')");
  const columns = "rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at";
  const values = "'memory_usage', 'tournaments', 'FIRING', 'LOW', 1, 'm', now(), now(), now(), now()";
  await query(
    `with parent as (insert into alert_incidents (${columns}) values ('Of a parent', ${values}) returning id)
    insert into alert_incidents (${columns}, parent_id, muted_by) select 'Of a child', ${values}, id, 'PARENT' from parent`,
  );
}

for (const width of [1280, 390]) {
  test(
    `an inhibited incident is folded under its parent, and is not shown as firing, at ${width} px`,
    "operator",
    async ({ page, open }) => {
      await anInhibitedIncident();
      await open("/alerts?entity=tournaments", "Incidents");
      const child = page.getByRole("row").filter({ hasText: "Of a child" });
      const fold = page.getByRole("row").filter({ hasText: "Of a parent" }).getByRole("button", { name: /^1 inhibited/ });
      await fold.waitFor();
      assertEquals([await child.count(), await fold.getAttribute("aria-expanded")], [0, "false"]);
      await fold.click();
      await child.getByText("Inhibited", { exact: true }).waitFor();
      assertEquals([await child.getByText("Firing").count(), await child.getByRole("checkbox").count()], [0, 0]);
      assertEquals([await violations(page), await overflows(page)], [[], []]);
      await fold.click();
      await child.waitFor({ state: "detached" });
    },
    { viewport: { width, height: 844 } },
  );
}

test("an operator acknowledges an incident in the list, but not one that its parent covers", "operator", async ({ page, open }) => {
  await anInhibitedIncident();
  await open("/alerts?entity=tournaments", "Incidents");
  const row = (name: string) => page.getByRole("row").filter({ hasText: name });
  await row("Of a parent").getByRole("button", { name: /^1 inhibited/ }).click();
  await row("Of a child").waitFor();
  assertEquals(await row("Of a child").getByRole("button").count(), 0);
  await row("Of a parent").getByRole("button", { name: /^Acknowledge: / }).click();
  await row("Of a parent").getByText("acknowledged by operator@example.com").waitFor();
  assertEquals(await query("select state from alert_incidents where rule_name like 'Of a %' order by rule_name"), [
    { state: "FIRING" },
    { state: "ACKNOWLEDGED" },
  ]);
  assertEquals(await page.getByRole("button", { name: /^Acknowledge: / }).count(), 0);
});

test("during a test no cron job runs, and no schedule is older than the stack, so that no run becomes due", "viewer", async () => {
  assertEquals(await query("select jobname from cron.job"), []);
  assertEquals(await query("select entity_type from sync_status where schedule_anchor < now() - interval '1 hour'"), []);
});

test(
  "a rule that fires stands before the others and not among them, and a filter finds rules by name",
  "viewer",
  async ({ page, open }) => {
    const [rule] = await query<{ id: string; name: string }>("select id, name from alert_rules where name = 'Tournament Sync Overdue'");
    await query(
      `insert into alert_incidents (rule_id, rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at)
    values ($1, $2, 'sync_overdue', 'tournaments', 'FIRING', 'LOW', 1, 'm', now(), now(), now(), now())`,
      [rule?.id, rule?.name],
    );
    await open("/alerts/rules", "Alert rules");
    const group = page.getByRole("rowgroup").filter({ has: page.getByRole("rowheader", { name: "Firing now" }) });
    await group.getByRole("link", { name: rule?.name }).waitFor();
    assertEquals(await page.getByRole("link", { name: rule?.name, exact: true }).count(), 1);
    await page.getByRole("searchbox", { name: "Rule" }).fill("tournament sync OVER");
    await page.getByRole("link", { name: "Memory Usage Exceeded" }).waitFor({ state: "detached" });
    assertEquals(await page.getByRole("rowheader").filter({ has: page.getByRole("link") }).count(), 1);
    await query("delete from alert_incidents where rule_id = $1", [rule?.id]);
  },
);

test("a rule shows whether it is off, and links to its live incidents", "viewer", async ({ page, open }) => {
  const [rule] = await query<{ id: string; name: string }>(
    "select id, name from alert_rules where is_active and entity_type = 'all' limit 1",
  );
  const live = (id: string, muted_by: string | null) => ({
    ...{ id, rule_id: rule?.id, name: rule?.name, state: "ACKNOWLEDGED", muted_by, cause: "c", scope: "All syncs", entity_type: "all" },
    ...{ tournament_no: null, severity: "LOW", began_at: "2026-06-10T10:00:00Z", opened_at: "2026-06-10T10:00:00Z", message: "m" },
    ...{ affected: null, execution_id: null, parent_id: null, acknowledged_by: "of a test", acknowledged_until: null },
  });
  const ids = [crypto.randomUUID(), crypto.randomUUID()] as const;
  await changeReply(page, "sync-monitoring/health-overview", (body: object) => (
    { ...body, active_alerts: [live(ids[0], null), live(ids[1], "PARENT")] }
  ));
  await query("update alert_rules set is_active = false where name = 'Alert Processor Late'");
  await open("/alerts/rules", "Alert rules");
  const row = (name = "") => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
  await row("Alert Processor Late").getByRole("cell", { name: "Off", exact: true }).waitFor();
  assertEquals(await page.getByText("On", { exact: true }).count(), 0, "only a rule that is off is marked");
  const hrefOf = (name: RegExp) => row(rule?.name).getByRole("link", { name }).getAttribute("href");
  assertEquals(await Promise.all([hrefOf(/^Acknowledged/), hrefOf(/^Inhibited/)]), [`#/alerts/${ids[0]}`, `#/alerts/${ids[1]}`]);
  assertEquals(await page.getByRole("table").count(), 1);
  assertEquals(await violations(page), []);
  await query("update alert_rules set is_active = true where name = 'Alert Processor Late'");
});

test(
  "a resolved incident is calm, and has its time to resolve and one line for each incident that it inhibited",
  "viewer",
  async ({ page, open }) => {
    const columns =
      "rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, resolved_at, updated_at";
    const values =
      "'memory_usage', 'tournaments', 'RESOLVED', 'CRITICAL', 1, 'm', now() - interval '3 hours', now(), now(), now() - interval '1 hour', now()";
    const [parent] = await query<{ id: string }>(`insert into alert_incidents (${columns}) values ('Calm', ${values}) returning id`);
    await query(`insert into alert_incidents (${columns}, parent_id) select 'Calm', ${values}, $1 from generate_series(1, 7)`, [
      parent?.id,
    ]);
    await open(`/alerts/${parent?.id}`);
    await page.locator(".now .facts > div").filter({ hasText: /^Time to resolve 2 h\b.*not acknowledged$/s }).waitFor();
    assertEquals(await page.getByText("Data is", { exact: true }).count(), 0);
    await page.locator(".lead .pill").filter({ hasText: "Critical" }).waitFor();
    assertEquals(await page.locator(".lead .pill:is(.bad, .loud)").count(), 0);
    const lines = page.locator("section").filter({ hasText: "Inhibited: the same cause" }).getByRole("listitem");
    assertEquals(await lines.filter({ visible: true }).count(), 5);
    await page.getByText("2 more", { exact: true }).click();
    assertEquals(await lines.filter({ visible: true }).count(), 7);
    await query("delete from alert_incidents where rule_name = 'Calm'");
  },
);
