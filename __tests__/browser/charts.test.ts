import { assert, assertEquals, assertMatch } from "@std/assert";
import { barsOf } from "../../dashboard/src/charts/bars.ts";
import { DURATION_STEPS, ticksOf, usualMax } from "../../dashboard/src/charts/scale.ts";
import { browserStack } from "../../testing/browser-stack.ts";
import { resize } from "../../testing/browser.ts";

const { test, query } = await browserStack();
const HOUR = 3_600_000;
/** A time of today or yesterday at which no other run of these tests starts, rounded to a quarter of an hour. */
const ago = (ms: number): string => new Date(Math.floor((Date.now() - ms) / (15 * 60_000)) * 15 * 60_000).toISOString();

const addRun = (start: string, status: string) =>
  query(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end, tournaments_processed, tournaments_failed)
    values ('matches_schedule', $2, 'CRON', $1::timestamptz, $1::timestamptz + interval '40 seconds', 10, 10)`,
    [start, status],
  );

Deno.test("an axis begins at 0 and ends at a round value with room above the highest one", () => {
  assertEquals(ticksOf(736, { most: 4 }), [0, 200, 400, 600, 800]);
  assertEquals(ticksOf(1, { most: 4, least: 1 }), [0, 1, 2]);
  assertEquals(ticksOf(0, { most: 4 }), [0, 1]);
  assertEquals(ticksOf(25_000, { most: 6, steps: DURATION_STEPS }), [0, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000]);
  for (const max of [0.3, 7, 99, 100, 12_345]) assert((ticksOf(max, { most: 4 }).at(-1) ?? 0) >= max * 1.05);
});

Deno.test("a scale ends at the usual values where a peak is more than 4 times their p95", () => {
  const usual = Array.from({ length: 40 }, (_, index) => 30 + index);
  assertEquals(usualMax([...usual, 420]), 69);
  assertEquals(usualMax([...usual, 200]), 200);
  assertEquals(usualMax([1, 100]), 100);
  assertEquals(usualMax([]), 0);
});

Deno.test("neighbouring buckets are summed into at most 48 bars of the range", () => {
  const times = Array.from({ length: 96 }, (_, index) => index * 900);
  const { times: starts, values } = barsOf(times, times.map((_, index) => index < 3 ? null : 1), [0, 95 * 900]);
  assertEquals([starts.length, starts[1], values[0], values[1], values[2]], [48, 1_800, null, 1, 2]);
  assertEquals(barsOf(times, times.map(() => 1), [0, 47 * 900]).times.length, 96);
});

test("a peak above the scale of the durations is marked with its value", "viewer", async ({ page, open }) => {
  await query(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end, status_reason)
    select 'matches_schedule', 'SUCCEEDED', 'CRON', t, t + case n when 20 then interval '1 hour' else interval '40 seconds' end, 'a browser test'
    from generate_series(1, 40) n cross join lateral (select $1::timestamptz + n * interval '5 minutes' as t) due`,
    [ago(5 * HOUR)],
  );
  try {
    await open("/entities/matches_schedule?period=6h", "Match Schedule");
    await page.locator(".chart").first().locator(".peak").filter({ hasText: "1 h" }).waitFor();
  } finally {
    await query("delete from sync_execution_history where status_reason = 'a browser test'");
  }
});

test("the figures of a chart open by keyboard as a table", "viewer", async ({ page, open }) => {
  await open("/entities/matches_schedule", "Match Schedule");
  await page.getByRole("button", { name: "Figures of Success" }).focus();
  await page.keyboard.press("Enter");
  const table = page.getByRole("region", { name: "Success, figures" });
  await table.getByRole("columnheader", { name: "Success" }).waitFor();
  assert(await table.getByRole("row").count() > 1);
});

test("on a narrow screen the small charts open on demand", "viewer", async ({ page, open }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open("/entities/matches_schedule", "Match Schedule");
  const records = page.locator(".chart").filter({ hasText: "Records" });
  await records.waitFor({ state: "attached" });
  assert(!await records.isVisible());
  await page.getByText("Records, errors, memory and fresh tournaments").click();
  await records.locator("canvas").waitFor();
});

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

test("an incident that an incident of all syncs inhibits is shown in the charts of its sync", "viewer", async ({ page, open }) => {
  const insert = async (entity: string, parent: string | null, tournament: string | null) => {
    const [row] = await query<{ id: string }>(
      `insert into alert_incidents (rule_name, metric, entity_type, tournament_no, parent_id, state, severity, threshold, message, began_at, opened_at, fired_at, resolved_at, updated_at)
      values ('Of all', 'memory_usage', $1, $3, $2, 'RESOLVED', 'LOW', 1, 'm', $4, $4, $4, $4::timestamptz + interval '1 hour', now()) returning id`,
      [entity, parent, tournament, ago(20 * HOUR)],
    );
    return row?.id ?? "";
  };
  const ofAll = await insert("all", null, null);
  const ofSync = await insert("matches_schedule", ofAll, null);
  const ofTournament = await insert("matches_schedule", ofAll, "8101");
  await open("/entities/matches_schedule", "Match Schedule");
  const bandOf = (id: string) => page.locator(`a.band[href="#/alerts/${id}"]`);
  await bandOf(ofSync).first().waitFor();
  assertEquals([await bandOf(ofAll).count(), await bandOf(ofTournament).count()], [0, 0]);
  await query("delete from alert_incidents where rule_name = 'Of all'");
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

test("the arrow keys move between the points of a chart, and Enter opens the runs of the point", "viewer", async ({ page, open }) => {
  await addRun(ago(3 * HOUR), "FAILED");
  await open("/entities/matches_schedule?period=6h", "Match Schedule");
  const chart = page.locator(".chart").first(), plot = chart.locator(".plot");
  await chart.locator(".u-over").waitFor();
  await plot.focus();
  await page.keyboard.press("Home");
  await chart.locator(".tip").filter({ hasText: "Duration: 40 s" }).waitFor();
  const first = await chart.getByRole("status").innerText();
  assertMatch(first, /^(\w{3} )?\d\d:\d\d, Duration: 40 s$/);
  await page.keyboard.press("End");
  await chart.getByRole("status").filter({ hasNotText: first }).waitFor();
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await page.getByText("Only runs that started from").waitFor();
  assertMatch(page.url(), /runs_from=.*runs_to=/);
});

test("on a narrow screen a run of the list is a card of two lines, and nothing is cut off", "viewer", async ({ page, open }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await query(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end)
    select 'matches_schedule', 'CANCELLED', 'MANUAL', t, t from generate_series(1, 30) n cross join lateral (select now() - n * interval '7 hours' as t) due`,
  );
  await open("/entities/matches_schedule?status=CANCELLED", "Match Schedule");
  const rows = page.locator("#runs tbody tr");
  await rows.first().waitFor();
  assertEquals(await rows.count(), 10);
  const cells = await rows.first().locator(":is(th, td):visible").evaluateAll((cells) => cells.map((cell) => cell.textContent?.trim()));
  assertEquals(cells.slice(1), ["Cancelled", "full run", "manual", "0 ms"], "an unknown count of tournaments is left out");
  for (const row of await rows.all()) {
    const box = await row.boundingBox();
    assert(box && box.x >= 0 && box.x + box.width <= 390, "a card is wider than the screen");
    assert(box.height < 80, "a card has more than two lines");
    assert(
      await row.evaluate((row) =>
        [...row.children].every((cell) => cell.getBoundingClientRect().right <= row.getBoundingClientRect().right)
      ),
    );
  }
  await page.getByRole("button", { name: "Show 20 more" }).click();
  await page.waitForFunction("document.querySelectorAll('#runs tbody tr').length === 30");
  await query("delete from sync_execution_history where status = 'CANCELLED'");
});

test("below a table that scrolls stands how many of its rows are in view", "viewer", async ({ page, open }) => {
  await query(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end)
    select 'matches_schedule', 'CANCELLED', 'MANUAL', t, t from generate_series(1, 30) n cross join lateral (select now() - n * interval '7 hours' as t) due`,
  );
  await open("/entities/matches_schedule?status=CANCELLED", "Match Schedule");
  await page.getByText(/^Rows 1 to 1\d of 30$/).waitFor();
  await query("delete from sync_execution_history where status = 'CANCELLED'");
});

test(
  "a run draws each request of a retried tournament between round ticks, and compares itself in words",
  "viewer",
  async ({ page, open }) => {
    const [tournament] = await query<{ no: string }>("select no from tournaments order by no limit 1");
    const start = ago(5 * HOUR);
    const [run] = await query<{ id: string }>(
      `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end, tournaments_total, tournaments_processed, api_calls)
    values ('matches_schedule', 'SUCCEEDED', 'CRON', $1::timestamptz - interval '1 hour', $1::timestamptz - interval '59 minutes', 1, 1, 1),
      ('matches_schedule', 'SUCCEEDED', 'CRON', $1::timestamptz, $1::timestamptz + interval '20 seconds', 1, 1, 2) returning id`,
      [start],
    ).then((runs) => runs.slice(1));
    await query(
      `insert into sync_tournament_results (sync_execution_id, tournament_no, entity_type, success, processing_duration, retry_attempt, started_at, attempts)
    values ($1, $2, 'matches_schedule', true, '10 seconds', 1, $3, '[{"from_ms": 0, "ms": 2000}, {"from_ms": 8000, "ms": 2000}]')`,
      [run?.id, tournament?.no, start],
    );
    await open(`/runs/${run?.id}`);
    const row = page.locator(".waterfall li").filter({ has: page.locator(".track") });
    assertEquals(await row.locator(".bar[title]").evaluateAll((bars) => bars.map((bar) => [bar.getAttribute("title"), bar.className])), [
      ["Request: 2.0 s", "bar bad"],
      ["Retry 1: 2.0 s", "bar good"],
    ]);
    const [whole, first, second] = await Promise.all((await row.locator(".bar").all()).map((bar) => bar.boundingBox()));
    const near = (a = 0, b = 0) => Math.abs(a - b) < 2;
    assert(near(first?.x, whole?.x) && near((second?.x ?? 0) + (second?.width ?? 0), (whole?.x ?? 0) + (whole?.width ?? 0)));
    assertEquals(await page.locator(".ticks li").allInnerTexts(), ["0", "10 s", "20 s", "30 s"]);
    const duration = page.locator(".comparison tr").filter({ hasText: "Duration" });
    assertMatch(await duration.innerText(), /20 s\s+1 min\s+↓ 40 s/);
    await duration.getByRole("img", { name: "lower, better" }).first().waitFor();
    assertEquals(await page.locator(".comparison th[scope=row]").filter({ hasText: "CPU" }).count(), 0);
    await query("delete from sync_execution_history where id = $1", [run?.id]);
  },
);

test("a partial run is not called faster, and its error code and its axis stay readable", "viewer", async ({ page, open }) => {
  const start = ago(6 * HOUR), code = "UPSTREAM_REPLY_WITHOUT_THE_REQUESTED_ROWS";
  const [run] = await query<{ id: string }>(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end, tournaments_total, tournaments_processed, tournaments_failed)
    values ('matches_schedule', 'SUCCEEDED', 'CRON', $1::timestamptz - interval '1 hour', $1::timestamptz - interval '59 minutes', 1, 1, 0),
      ('matches_schedule', 'PARTIAL', 'CRON', $1::timestamptz, $1::timestamptz + interval '20 seconds', 10, 10, 10) returning id`,
    [start],
  ).then((runs) => runs.slice(1));
  await query(
    `insert into sync_tournament_results (sync_execution_id, tournament_no, entity_type, success, processing_duration, started_at, error_type, error_message)
    select $1, no, 'matches_schedule', false, '10 seconds', $2::timestamptz, 'VALIDATION', $3 from tournaments order by no limit 10`,
    [run?.id, start, code],
  );
  await open(`/runs/${run?.id}`);
  const duration = page.locator(".comparison tr").filter({ hasText: "Duration" });
  await duration.getByRole("img", { name: "lower", exact: true }).first().waitFor();
  assertEquals(await duration.getByRole("img", { name: "better" }).count(), 0);
  const rows = page.locator(".waterfall li").filter({ has: page.locator(".track") });
  for (const width of [1440, 1024, 390]) {
    await resize(page, width, 400);
    const label = rows.first().getByText(code);
    assert(await label.evaluate((label) => label.scrollWidth <= label.clientWidth), `the code is cut at ${width} px`);
    const tracks = await rows.locator(".track").evaluateAll((tracks) => tracks.map((track) => track.getBoundingClientRect().toJSON()));
    for (const [index, { top }] of tracks.entries()) {
      assert(index === 0 || Math.abs(top - tracks[index - 1].bottom) < 1, `the lines of the axis have a gap at ${width} px`);
    }
    await rows.last().evaluate((row) => row.scrollIntoView());
    assert(((await page.locator(".ticks").boundingBox())?.y ?? -1) >= 0, `the axis scrolled away at ${width} px`);
  }
  await query("delete from sync_execution_history where id = $1", [run?.id]);
});

test("the arrow keys move between the runs of a strip, of which Tab reaches the newest", "viewer", async ({ page, open }) => {
  await addRun(ago(4 * HOUR), "FAILED");
  await open("/entities/matches_schedule", "Match Schedule");
  const links = page.locator(".now .strip a");
  await links.nth(1).waitFor();
  assertEquals(await page.locator(".now .strip a[tabindex='0']").count(), 1);
  const isFocused = (place: number) => links.nth(place).evaluate((link) => link.matches(":focus"));
  await links.last().focus();
  await page.keyboard.press("ArrowLeft");
  assert(await isFocused(await links.count() - 2));
  await page.keyboard.press("Home");
  assert(await isFocused(0));
  const address = await links.first().getAttribute("href");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.hash === address);
});

test("two tournaments of one city have different names in the list, on their pages and in a link", "viewer", async ({ page, open }) => {
  await query(
    `insert into tournaments (no, name, gender, season, status, start_date, end_date) values
      ('99001', 'Twin City', 0, '2026', 6, '2026-11-24', '2026-11-27'), ('99002', 'Twin City', 1, '2026', 6, '2026-11-24', '2026-11-27')`,
  );
  await open("/tournaments?search=Twin");
  const rows = page.locator("tbody tr");
  await rows.nth(1).waitFor();
  assertEquals((await rows.locator("th").allInnerTexts()).sort(), ["Twin City men · 99001", "Twin City women · 99002"]);
  assertMatch(await rows.first().innerText(), /24 ?– ?27 Nov/);
  await open("/tournaments/99002", "Twin City women 99002");
  await query("delete from tournaments where name = 'Twin City'");
});
