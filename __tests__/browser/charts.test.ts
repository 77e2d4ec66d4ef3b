import { assert, assertEquals, assertMatch } from "@std/assert";
import { browserStack } from "../../testing/browser-stack.ts";

const { test, query } = await browserStack();
const HOUR = 3_600_000;
/** A time of today or yesterday at which no other run of these tests starts. */
const ago = (ms: number): string => new Date(Math.floor((Date.now() - ms) / (15 * 60_000)) * 15 * 60_000).toISOString();

const addRun = (start: string, status: string) =>
  query(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end, tournaments_processed, tournaments_failed)
    values ('matches_schedule', $2, 'CRON', $1::timestamptz, $1::timestamptz + interval '40 seconds', 10, 10)`,
    [start, status],
  );

test("an incident in a chart is a labelled link to it", "viewer", async ({ page, open }) => {
  const began = ago(10 * HOUR);
  const [incident] = await query<{ id: string }>(
    `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, resolved_at, updated_at)
    values ('Of a chart', 'memory_usage', 'matches_schedule', 'RESOLVED', 'LOW', 1, 'm', $1, $1, $1, $1::timestamptz + interval '6 hours', now()) returning id`,
    [began],
  );
  await open("/entities/matches_schedule", "Match Schedule");
  const band = page.locator("a.band").first();
  await band.waitFor();
  assertEquals(await band.innerText(), "A run used too much memory");
  await band.click();
  await page.getByRole("heading", { level: 1, name: "A run used too much memory" }).waitFor();
  assert(page.url().endsWith(incident?.id ?? "?"));
  await query("delete from alert_incidents where rule_name = 'Of a chart'");
});

test("a click on a point of a chart opens the runs of its bucket, and one click shows all runs again", "viewer", async ({ page, open }) => {
  await addRun(ago(3 * HOUR), "FAILED");
  await open("/entities/matches_schedule?period=6h", "Match Schedule");
  const plot = page.locator(".chart .u-over").first();
  await plot.waitFor();
  const box = await plot.boundingBox();
  await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + 20);
  await page.getByText("Only runs that started from").waitFor();
  assertMatch(page.url(), /runs_from=.*runs_to=/);
  await page.getByRole("button", { name: "Show all runs" }).click();
  await page.getByText("Only runs that started from").waitFor({ state: "detached" });
});

test("the range picker refuses an end before the start, and shows the chosen range", "viewer", async ({ page, open }) => {
  await open("/entities/matches_schedule", "Match Schedule");
  await page.getByRole("button", { name: "From – to" }).click();
  const picker = page.getByRole("dialog");
  await picker.getByLabel("From").fill("2026-01-02T10:00");
  await picker.getByLabel("To").fill("2026-01-02T09:00");
  await picker.getByRole("button", { name: "Show" }).click();
  await picker.getByText("The start must be before the end.").waitFor();
  await picker.getByLabel("To").fill("2026-01-03T09:00");
  await picker.getByRole("button", { name: "Show" }).click();
  await page.waitForURL(/period=1y.*from=\d+.*until=\d+/);
  await page.getByRole("button", { name: "Show the whole period" }).click();
  await page.waitForURL((url) => !url.hash.includes("until"));
});

test("a sync without a run in the period has one empty state instead of charts", "viewer", async ({ page, open }) => {
  await query(
    `insert into sync_status (entity_type, title, function_name, sync_frequency, grace, max_runtime, is_active, paused_at, paused_by, paused_reason)
    values ('rankings', 'Rankings', 'ranking-sync', '1 day', '5 minutes', '1 minute', true, now(), 'ada@example.com', 'a browser test')`,
  );
  try {
    await open("/entities/rankings", "Rankings");
    await page.getByText("No run started in this period.").waitFor();
    assertEquals(await page.locator(".chart").count(), 0);
  } finally {
    await query("delete from sync_status where entity_type = 'rankings'");
  }
});

test("a run shows its tournaments on one time axis, its failures first by code, and ids to copy", "operator", async ({ page, open }) => {
  const [run] = await query<{ id: string }>(
    "select id from sync_execution_history where entity_type = 'matches_schedule' and status = 'SUCCEEDED' order by execution_start desc limit 1",
  );
  await open(`/runs/${run?.id}`);
  const bars = page.locator(".waterfall .bar");
  await bars.first().waitFor();
  const boxes = await Promise.all((await bars.all()).map((bar) => bar.boundingBox()));
  const track = await page.locator(".waterfall .track").first().boundingBox();
  for (const box of boxes) {
    assert(box && track && box.x >= track.x - 1 && box.x + box.width <= track.x + track.width + 4, "a bar is outside the axis");
  }
  assert(new Set(boxes.map((box) => Math.round(box?.x ?? 0))).size > 1, "every bar begins at the same time");
  await page.getByRole("button", { name: "Copy the id of the run" }).waitFor();
  await page.getByRole("columnheader", { name: "Usual" }).waitFor();
});
