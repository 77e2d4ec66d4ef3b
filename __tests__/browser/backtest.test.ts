import { assert, assertEquals } from "@std/assert";
import { browserStack } from "../../testing/browser-stack.ts";
import { violations } from "../../testing/browser.ts";

const { test, query } = await browserStack();
const RULE = "Match Schedule Duration Exceeded";

/** Adds ten days with a run every four hours, of which every tenth takes 80 s and the others 30 s. */
async function addRuns(): Promise<string> {
  await query(
    `insert into sync_execution_history (entity_type, status, trigger, due_at, attempt, execution_start, execution_end, tournaments_processed)
    select 'matches_schedule', 'SUCCEEDED', 'CRON', at, 1, at, at + make_interval(secs => case when n % 10 = 5 then 80 else 30 end), 10
    from generate_series(1, 60) n cross join lateral (select now() - n * interval '4 hours' as at) run
    where not exists (select from sync_execution_history where execution_start < now() - interval '9 days')`,
  );
  const [rule] = await query<{ id: string }>("select id from alert_rules where name = $1", [RULE]);
  return rule?.id ?? "";
}

test("the threshold is dragged over the values of the past, the incidents follow, and the form has it", "admin", async ({ page, open }) => {
  await open(`/alerts/rules/${await addRuns()}`, RULE);
  const backtest = page.locator(".backtest"), line = backtest.getByRole("slider", { name: "Line of the threshold" });
  await backtest.getByRole("heading", { name: "In the last 10 days, all that can be measured" }).waitFor();
  await backtest.getByText("Would have opened 0 incidents and sent 0 notifications; the stored rule had 0 and 0.").waitFor();
  assertEquals(await backtest.locator(".values > span").allInnerTexts(), ["1 min 40 s", "50 s", "0"]);
  assertEquals(await violations(page), []);
  const [box, area] = [await line.boundingBox(), await page.locator(".threshold-area").boundingBox()];
  assert(box && area);
  await page.mouse.move(box.x + 20, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 20, area.y + area.height * 0.4, { steps: 5 });
  const field = page.locator("form").getByLabel(/^Threshold/);
  assertEquals(await field.inputValue(), "60");
  await page.mouse.up();
  await backtest.getByText("Would have opened 6 incidents and sent 12 notifications; the stored rule had 0 and 0.").waitFor();
  assertEquals(await backtest.locator("rect.would").count(), 6);
  await page.getByText("Unsaved changes").waitFor();
});

test("the arrow keys move the threshold, and the form moves the line", "admin", async ({ page, open }) => {
  await open(`/alerts/rules/${await addRuns()}`, RULE);
  const line = page.getByRole("slider", { name: "Line of the threshold" });
  const field = page.locator("form").getByLabel(/^Threshold/);
  await line.focus();
  for (const key of ["ArrowDown", "PageDown", "ArrowUp"]) await page.keyboard.press(key);
  assertEquals([await field.inputValue(), await line.getAttribute("aria-valuetext")], ["90", "1 min 30 s"]);
  await field.fill("30");
  assertEquals(await line.getAttribute("aria-valuenow"), "30");
  await page.locator(".backtest").getByText(/^Would have opened 1 incident /).waitFor();
});

test("a rule whose past is not kept says so", "admin", async ({ page, open }) => {
  const [rule] = await query<{ id: string }>("select id from alert_rules where name = 'Sync Queue Waiting'");
  await open(`/alerts/rules/${rule?.id}`, "Sync Queue Waiting");
  await page.getByText("The past of this rule cannot be shown: the database does not keep which jobs could start at a past time.")
    .waitFor();
});
