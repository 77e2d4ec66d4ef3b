import { assertEquals } from "@std/assert";
import { browserStack } from "../../testing/browser-stack.ts";

// What a person takes out of the page: texts to copy and lists as files.
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
