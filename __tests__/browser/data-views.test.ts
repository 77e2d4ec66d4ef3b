import { assertEquals, assertMatch } from "@std/assert";
import { durationLines } from "../../dashboard/src/charts/durations.ts";
import { errorParts, stackOf } from "../../dashboard/src/errors/by-code.ts";
import { foldsOf, type Result } from "../../dashboard/src/tournament/folds.ts";
import { browserStack } from "../../testing/browser-stack.ts";

const { test, query } = await browserStack();

const resultAt = (minute: number, change: Partial<Result> = {}): Result => ({
  execution_id: `00000000-0000-4000-8000-${String(minute).padStart(12, "0")}`,
  entity_type: "matches_schedule",
  at: new Date(minute * 60_000).toISOString(),
  success: true,
  error_type: null,
  error_message: null,
  warning_code: null,
  records_processed: 44,
  duration_ms: 150,
  retry_attempt: 0,
  ...change,
});

Deno.test("neighbouring results of one sync that ended alike are one line, from three of them on", () => {
  const results = [
    ...[9, 8].map((minute) => resultAt(minute)),
    resultAt(7, { entity_type: "tournaments" }),
    ...[6, 5, 4].map((minute) => resultAt(minute)),
    resultAt(3, { success: false, error_message: "VIS answered HTTP 503" }),
    ...[2, 1, 0].map((minute) => resultAt(minute, { warning_code: "REPLY_SHRANK" })),
  ];
  const folds = foldsOf(results);
  assertEquals(folds.map((fold) => fold.length), [1, 1, 1, 3, 1, 3]);
  assertEquals(folds.flat(), results);
});

Deno.test("the durations are one line where most buckets have one run, and p95 above p50 where they have several", () => {
  const point = (p50_duration_ms: number | null, p95_duration_ms = p50_duration_ms) => ({ p50_duration_ms, p95_duration_ms });
  assertEquals(durationLines([point(1), point(2), point(null), point(3, 9)]).map(({ name, values }) => [name, values]), [
    ["Duration", [1, 2, null, 9]],
  ]);
  assertEquals(durationLines([point(1, 5), point(2, 6), point(null), point(3)]).map(({ name, isDashed = false }) => [name, isDashed]), [
    ["p95", true],
    ["p50", false],
  ]);
});

Deno.test("a trend has five codes and the rest, whose counts sum to the total, and each bar contains those below it", () => {
  const counts = { A: 7, B: 6, C: 5, D: 4, E: 3, F: 2, G: 1 };
  const trend = [{ timestamp: "", count: 28, by_code: counts }, { timestamp: "", count: 0, by_code: {} }];
  const parts = errorParts({ by_code: counts, trend });
  assertEquals(parts.map(({ code, count }) => [code, count]), [["A", 7], ["B", 6], ["C", 5], ["D", 4], ["E", 3], [null, 3]]);
  const { series } = stackOf(parts, [0, 1], [0, 1], 48);
  assertEquals(series.map(({ name, values, heights }) => [name, values, heights]), [
    ["Other codes", [3, 0], [28, 0]],
    ["E", [3, 0], [25, 0]],
    ["D", [4, 0], [22, 0]],
    ["C", [5, 0], [18, 0]],
    ["B", [6, 0], [13, 0]],
    ["A", [7, 0], [7, 0]],
  ]);
});

const addErrors = () =>
  query(
    `insert into sync_error_log (entity_type, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at)
    select 'tournaments', 'API', 'PART_' || n, 'LOW', true, 'a browser test', 'part ' || n, now() - n * interval '30 minutes'
    from generate_series(1, 7) n, generate_series(1, n)`,
  );

test("the codes beside the chart of the errors sum to the number of errors, and one of them filters", "viewer", async ({ page, open }) => {
  await addErrors();
  await open("/errors?entity=tournaments", "Errors");
  const codes = page.getByRole("list", { name: "Legend of the chart" });
  await codes.getByText("PART_7").waitFor();
  const counts = (await codes.locator(".number").allInnerTexts()).map(Number);
  assertEquals(counts.length, 6, "five codes and the rest");
  const total = page.locator(".facts > div").filter({ hasText: /^Errors/ }).locator("dd");
  assertMatch(await total.innerText(), new RegExp(`^${counts.reduce((sum, count) => sum + count, 0)}\\b`));
  await codes.getByRole("button", { name: "Filter by PART_7" }).click();
  await page.waitForURL(/code=PART_7/);
  await codes.getByRole("listitem").nth(1).waitFor({ state: "detached" });
  assertEquals(await codes.locator(".number").innerText(), "7");
  await query("delete from sync_error_log where error_message = 'a browser test'");
});

test("repeated results of a tournament are one line with their number, which opens to each of them", "viewer", async ({ page, open }) => {
  const [tournament] = await query<{ no: string }>("select no from tournaments order by no limit 1");
  const runs = await query<{ id: string }>(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end, status_reason)
    select 'matches_live', 'SUCCEEDED', 'CRON', t, t, 'a browser test' from generate_series(1, 4) n cross join lateral (select now() + n * interval '1 second' as t) due
    returning id`,
  );
  for (const { id } of runs) {
    await query(
      `insert into sync_tournament_results (sync_execution_id, tournament_no, entity_type, success, records_processed, processing_duration)
      values ($1, $2, 'matches_live', true, 3, '20 milliseconds')`,
      [id, tournament?.no],
    );
  }
  await open(`/tournaments/${tournament?.no}`);
  const rows = page.getByRole("region", { name: "Results" }).locator("tbody tr");
  const fold = page.getByRole("button", { name: "4 results" });
  const line = rows.filter({ has: fold });
  await line.getByText("Live Matches").waitFor();
  assertMatch((await line.innerText()).replace(/\s+/g, " "), /4 results Succeeded Live Matches 3 20 ms/);
  const closed = await rows.count();
  await fold.click();
  assertEquals(await fold.getAttribute("aria-expanded"), "true");
  assertEquals(await rows.count(), closed + 4);
  for (const { id } of runs) assertEquals(await rows.locator(`a[href="#/runs/${id}"]`).count(), 1);
  await query(
    "delete from sync_tournament_results where sync_execution_id in (select id from sync_execution_history where status_reason = 'a browser test')",
  );
  await query("delete from sync_execution_history where status_reason = 'a browser test'");
});

test("the percentage of a cause and its sign stay on one line", "viewer", async ({ page, open }) => {
  const [incident] = await query<{ id: string }>(
    `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at)
    values ('Of a percentage', 'cache_hit_ratio', 'tournaments', 'FIRING', 'LOW', 0.5, 'ratio: 20 %, below the threshold of 50 %', now(), now(), now(), now()) returning id`,
  );
  await page.reload();
  const cause = page.locator(`.incidents a.cause[href="#/alerts/${incident?.id}"]`);
  assertEquals(await cause.textContent(), "Cache hit ratio fell to 20\u00a0%");
  await open(`/alerts/${incident?.id}`, "Cache hit ratio fell to 20 %");
  assertEquals(await page.locator("h1").textContent(), "Cache hit ratio fell to 20\u00a0%");
  await query("delete from alert_incidents where id = $1", [incident?.id]);
});
