import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { browserStack } from "../../testing/browser-stack.ts";
import { until } from "../../testing/wait.ts";

// The test plays one night: VIS answers 500, an operator acknowledges the incident, VIS recovers, and the ended incident has its cause.
const { test, query, service, upstream } = await browserStack();

const SCREEN = { width: 1440, height: 900 };

/** Starts a manual full run of the matches, which also syncs fresh tournaments. */
async function sync(): Promise<void> {
  const response = await service("/functions/v1/match-schedule-sync", "POST");
  const { execution_id, ...rest } = await response.json();
  assertEquals(response.status, 202, JSON.stringify(rest));
  await until("the run to finish", async () => {
    const [run] = await query<{ status: string }>("select * from sync_execution_history where id = $1", [execution_id]);
    if (!run || run.status === "RUNNING") throw new Error(JSON.stringify(run ?? "it is not recorded"));
    return true;
  });
}

/** The texts that are completely on the first screen. */
const textsOnScreen = (page: Page): Promise<string> =>
  page.evaluate<string>(`[...document.querySelectorAll("h1, h2, dt, dd, p, li, button, .pill")].filter((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  }).map((element) => element.textContent).join("\\n")`);

test(
  "a night with a failing VIS: cause, extent, start and next step are on one screen, and the closed incident says why",
  "operator",
  async ({ page, errors }) => {
    await upstream({ kind: "server_error" });
    await sync();
    // The incident fires during the run, and its value rises until every tournament has failed.
    const cause = page.locator(".incidents .cause").filter({ hasText: /: (\d+) of \1 tournaments$/ }).first();
    await cause.waitFor({ timeout: 60_000 });
    assertMatch(await cause.innerText(), /^VIS answered HTTP 500: /);
    assertMatch(await page.title(), /^\(\d+\) (High|Critical) – Overview/);
    assertMatch(await page.locator("link[rel=icon]").getAttribute("href") ?? "", /c92a2a/);
    const title = await cause.innerText();

    await cause.click();
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    await page.getByText("VIS failed with a server error").waitFor();
    const screen = await textsOnScreen(page);
    for (
      const part of [title, "Firing", "Affected", "Since", "Last good run", "Data is", "What to do", "Test VIS", "Sync now"]
    ) {
      assert(screen.includes(part), `“${part}” is not on the first screen:\n${screen}`);
    }
    // The screen has only the step for an error of VIS.
    assertEquals([screen.includes("VIS is down or refuses our requests"), screen.includes("VIS has changed its responses")], [true, false]);

    await page.getByRole("button", { name: "Acknowledge" }).click();
    await page.getByLabel("Note").fill("VIS is down, the FIVB knows");
    await page.getByRole("dialog").getByRole("button", { name: "Acknowledge" }).click();
    await page.locator(".lead .pill").filter({ hasText: "Acknowledged" }).waitFor();
    await upstream(null);
    await query("update upstream_state set backoff_until = null, backoff_reason = null");
    await sync();
    await page.locator(".lead .pill").filter({ hasText: "Resolved" }).waitFor({ timeout: 60_000 });
    await page.reload();
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    const timeline = await page.locator(".timeline").innerText();
    for (const part of [/Firing with severity High/, /VIS is down, the FIVB knows/, /Resolved/]) assertMatch(timeline, part);
    await page.getByRole("link", { name: "Open the failing run" }).click();
    await page.getByRole("heading", { level: 1, name: /^Run of Match Schedule/ }).waitFor();
    await page.getByText("VIS_SERVER_ERROR").first().waitFor();
    assertEquals(errors, []);
  },
  { viewport: SCREEN },
);

test(
  "an incident is acknowledged on the overview, and the incidents that it inhibits are inside it and not counted",
  "operator",
  async ({ page }) => {
    const insert = (rule: string, parent: string | null) =>
      query<{ id: string }>(
        `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at, parent_id, muted_by)
      values ($1, 'memory_usage', 'tournaments', 'FIRING', 'LOW', 1, 'm', now(), now(), now(), now(), $2, case when $2::uuid is null then null else 'PARENT' end) returning id`,
        [rule, parent],
      ).then(([row]) => row?.id ?? "");
    const [known] = await query<{ count: number }>(
      "select count(*)::int as count from alert_incidents where state in ('FIRING', 'ACKNOWLEDGED') and parent_id is null",
    );
    const count = (known?.count ?? 0) + 1;
    const parent = await insert("A parent", null);
    await insert("A child", parent);
    try {
      await page.reload();
      const row = page.locator(".incidents > li").filter({ hasText: "A run used too much memory" });
      await row.getByText("1 inhibited incident with the same cause").click();
      await row.getByRole("link", { name: "A child" }).waitFor();
      assertEquals(await page.locator(".incidents > li").count(), count);
      assertMatch(await page.title(), new RegExp(`^\\(${count}\\) \\w+ – Overview`));
      await row.getByRole("button", { name: "Acknowledge: A run used too much memory" }).click();
      await row.getByText("acknowledged by operator@example.com").waitFor();
    } finally {
      await query("delete from alert_incidents where rule_name in ('A child', 'A parent')");
    }
  },
);

test("the setup card names what is missing, and is shown to an admin only", "admin", async ({ page }) => {
  const card = page.getByRole("region", { name: "Setup" });
  await card.getByText("the dashboard is the only active channel", { exact: false }).or(
    card.getByText("The dashboard is the only active channel", { exact: false }),
  ).first().waitFor();
  await card.getByText(/active rules notify only the dashboard\.$/).waitFor();
  const open = card.locator("> ul > li");
  assertEquals(await open.getByRole("link", { name: /^(Open|How)$/ }).count(), await open.count());
  const heartbeat = open.filter({ hasText: "ALERT_HEARTBEAT_URL" });
  assertEquals(await heartbeat.locator("code").allInnerTexts(), ["ALERT_HEARTBEAT_URL"]);
  await heartbeat.getByRole("link", { name: "How" }).click();
  await page.getByRole("heading", { level: 1, name: "Setup" }).waitFor();
});
