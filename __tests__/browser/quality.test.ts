import { assert, assertEquals, assertMatch } from "@std/assert";
import { changeReply, violations } from "../../testing/browser.ts";
import { browserStack } from "../../testing/browser-stack.ts";

const { test, query } = await browserStack();
const RULE = "Match Schedule Duration Exceeded";
const ruleId = async () => (await query<{ id: string }>("select id from alert_rules where name = $1", [RULE]))[0]?.id ?? "";

/** Adds six slow runs of the last day, each with an incident; a person acknowledged the incident of the slowest. */
async function seed(): Promise<string> {
  await query("delete from alert_incidents");
  const id = await ruleId();
  await query(
    `with run as (
      insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end)
      select 'matches_schedule', 'SUCCEEDED', 'CRON', t, t + make_interval(secs => seconds)
      from generate_series(1, 48) n
      cross join lateral (select date_trunc('minute', now()) - n * interval '30 minutes' as t) start
      cross join lateral (select case when n = 20 then 350 when n % 8 = 0 then 130 else 20 end as seconds) length
      returning *
    )
    insert into alert_incidents (rule_id, rule_name, metric, entity_type, state, severity, threshold, value, message, began_at, opened_at,
      fired_at, resolved_at, updated_at, acknowledged_at, acknowledged_by)
    select $1, $2, 'duration_exceeded', 'matches_schedule', 'RESOLVED', 'MEDIUM', 120, extract(epoch from r.duration), 'slow', r.execution_start,
      r.execution_end, r.execution_end, r.execution_end + interval '20 minutes', r.execution_end,
      case when extract(epoch from r.duration) > 300 then r.execution_end end, case when extract(epoch from r.duration) > 300 then 'operator@example.com' end
    from run r where extract(epoch from r.duration) > 100`,
    [id, RULE],
  );
  return id;
}

test("an admin applies a suggestion with a click, and the audit log has its evidence as the reason", "admin", async ({ page, open }) => {
  const id = await seed();
  await query("update alert_rules set threshold = 120 where id = $1", [id]);
  await open("/alerts/quality", "Alert quality");
  const suggestion = page.locator(".suggestion");
  await suggestion.waitFor();
  const text = (await suggestion.locator("p").innerText()).replaceAll("\u00a0", " ");
  assertMatch(
    text,
    /^Threshold 2 min 20 s instead of 2 min: 1 incident instead of 7; it keeps the one that was acknowledged or useful\.$/,
  );
  await suggestion.getByRole("button", { name: "Apply" }).click();
  await suggestion.waitFor({ state: "detached" });
  assertEquals(await query("select threshold from alert_rules where id = $1", [id]), [{ threshold: 140 }]);
  const [entry] = await query<{ reason: string }>("select reason from audit_log where action = 'change-rule' order by id desc limit 1");
  assertMatch(entry?.reason ?? "", /^Suggested by a replay of 30d\. Threshold 2 min 20 s instead of 2 min: 1 incident instead of 7/);
});

test("a viewer sees the quality of rules and a suggestion, and cannot apply it", "viewer", async ({ page, open }) => {
  const id = await seed();
  await query("update alert_rules set threshold = 120 where id = $1", [id]);
  await open("/alerts/quality", "Alert quality");
  await page.locator(".suggestion").waitFor();
  assertEquals(await page.getByRole("button", { name: "Apply" }).count(), 0);
  const row = page.getByRole("row").filter({ hasText: RULE });
  assertMatch(await row.innerText(), /7/);
  assertEquals(await violations(page), []);
  await page.getByRole("group", { name: "Period" }).getByRole("button", { name: "7d" }).click();
  await page.waitForURL(/period=7d/);
});

test("an operator labels an incident, and the quality of its rule counts the label", "operator", async ({ page, open }) => {
  await seed();
  const [incident] = await query<{ id: string }>("select id from alert_incidents order by opened_at limit 1");
  await open(`/alerts/${incident?.id}`);
  const noise = page.getByRole("button", { name: "Noise" });
  await noise.click();
  await page.getByText("Labelled by operator@example.com.").waitFor();
  assertEquals(await noise.getAttribute("aria-pressed"), "true");
  await open("/alerts/quality", "Alert quality");
  await page.getByText("0 useful, 1 noise").waitFor();
  await open(`/alerts/${incident?.id}`);
  await noise.click();
  await page.getByText("The answers show which rules to tune.").waitFor();
  const [stored] = await query<{ label: string | null }>("select label from alert_incidents where id = $1", [incident?.id]);
  assert(stored && stored.label === null);
});

test(
  "on a phone each figure of a rule has its name, without those that are zero, and the period is in the header",
  "viewer",
  async (visitor) => {
    const { page, open } = visitor;
    await seed();
    await open("/alerts/quality", "Alert quality");
    const figures = page.locator("tr", { hasText: RULE }).locator(".row-figures > div");
    await figures.first().waitFor();
    assertEquals((await figures.allInnerTexts()).map((text) => text.split(/\s*\n\s*/)), [
      ["Incidents", "7"],
      ["Notifications", "0"],
      ["Acknowledged", "0"],
      ["To resolve", "20 min"],
    ]);
    assertMatch(await page.locator("header.page").getByRole("group", { name: "Period" }).innerText(), /7d\s*30d\s*90d/);
  },
  { viewport: { width: 390, height: 844 } },
);

test("a noisy rule is marked and counted, with the objectives that lost their budget unnoticed", "viewer", async ({ page, open }) => {
  await seed();
  await changeReply(
    page,
    "sync-monitoring/alert-quality?period=30d",
    (quality: { rules: { incidents: number }[]; objectives: object[] }) => ({
      ...quality,
      rules: quality.rules.map((rule) => ({ ...rule, brief: Math.min(rule.incidents, 4) })),
      objectives: quality.objectives.map((objective) => ({ ...objective, bad_events: 3, unnoticed_events: 2, budget_events: 4 })),
    }),
  );
  await open("/alerts/quality", "Alert quality");
  await page.getByRole("heading", { name: "1 of 1 rule that fired is noisy" }).waitFor();
  const text = await page.locator(".headline p").innerText();
  assertMatch(text, /^4 of 7 incidents ended within 5 minutes before anybody acted\. 5 objectives lost at least half of the budget/);
  const row = page.getByRole("row").filter({ hasText: RULE });
  assertEquals(await row.locator(".warn").allInnerTexts(), ["Noisy", "4 of 7"]);
});
