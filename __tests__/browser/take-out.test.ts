import { assert, assertEquals, assertMatch } from "@std/assert";
import { csvOf } from "../../dashboard/src/csv.ts";
import { browserStack } from "../../testing/browser-stack.ts";

// The tests copy texts from the page and save lists as files.
const { test, query } = await browserStack();

test("the menu of a run copies its link, its id and its request without the token", "viewer", async ({ page, open }) => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const [run] = await query<{ id: string }>("select id from sync_execution_history order by execution_start desc limit 1");
  await open(`/runs/${run?.id}`);
  const copied = async (item: string) => {
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByRole("menuitem", { name: item }).click();
    await page.getByRole("status").filter({ hasText: "Copied" }).waitFor();
    return await page.evaluate<string>("navigator.clipboard.readText()");
  };
  assertEquals(await copied("Copy link"), page.url());
  assertEquals(await copied("Copy id"), run?.id);
  const { origin } = new URL(page.url());
  assertEquals(
    await copied("Copy as curl"),
    `curl -H "Authorization: Bearer $TOKEN" '${origin}/functions/v1/sync-monitoring/executions/${run?.id}'`,
  );
});

Deno.test("CSV quotes what RFC 4180 says, and a text that begins as a formula is only a text", () => {
  const rows = [
    { name: 'a "b", c', lines: "1\r\n2", none: null, value: -1.5, list: ["x", 1] },
    { name: "=HYPERLINK(1)", lines: "+1", none: undefined, value: 2, list: [], later: "-a" },
    { name: "@sum", lines: "plain", none: true, value: 0, list: {}, later: "" },
  ];
  assertEquals(
    csvOf(rows),
    "name,lines,none,value,list,later\r\n" +
      '"a ""b"", c","1\r\n2",,-1.5,"[""x"",1]",\r\n' +
      "'=HYPERLINK(1),'+1,,2,[],'-a\r\n" +
      "'@sum,plain,true,0,{},\r\n",
  );
});

test("the export of the runs has every page of the list as it is filtered", "viewer", async ({ page, open }) => {
  await query(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end)
    select 'matches_schedule', 'CANCELLED', 'MANUAL', t, t + interval '1 second'
    from generate_series(1, 450) n cross join lateral (select date_trunc('hour', now()) - n * interval '1 hour' as t) due`,
  );
  await open("/entities/matches_schedule?status=CANCELLED");
  const save = async (format: string) => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      (async () => {
        await page.getByRole("button", { name: "Export" }).click();
        await page.getByRole("menuitem", { name: format }).click();
      })(),
    ]);
    return { name: download.suggestedFilename(), text: await Deno.readTextFile(await download.path()) };
  };
  const csv = await save("CSV");
  assertEquals(csv.name, "runs-matches_schedule.csv");
  const lines = csv.text.trimEnd().split("\r\n");
  assertEquals(lines.length, 451);
  assertMatch(lines[0] ?? "", /^id,entity_type,/);
  assert(lines.slice(1).every((line) => line.includes(",CANCELLED,")), "a run does not match the filter");
  await page.getByText("Exported 450 rows.").waitFor();
  const json = await save("JSON");
  assertEquals([json.name, JSON.parse(json.text).length], ["runs-matches_schedule.json", 450]);
});

test("an export stops at 10,000 rows and says so", "viewer", async ({ page, open }) => {
  await query(
    `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end)
    select 'tournaments', 'CANCELLED', 'MANUAL', t, t from generate_series(1, 10001) n cross join lateral (select now() - n * interval '1 minute' as t) due`,
  );
  await open("/entities/tournaments?status=CANCELLED");
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: "CSV" }).click();
  await page.getByText("Exported the first 10,000 rows. Narrow the filters for the others.").waitFor();
});
