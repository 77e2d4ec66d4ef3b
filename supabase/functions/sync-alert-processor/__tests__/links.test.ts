import { assertEquals } from "@std/assert";
import { linksOf } from "../links.ts";

const RUNBOOK = "docs/runbook.md#sync-queue-waiting";

for (
  const [base, url, address] of [
    [undefined, RUNBOOK, null],
    ["https://git.test/project/blob/main/", RUNBOOK, `https://git.test/project/blob/main/${RUNBOOK}`],
    ["https://git.test/project/blob/main", RUNBOOK, `https://git.test/project/blob/main/${RUNBOOK}`],
    ["https://git.test/main?plain=1#top", RUNBOOK, `https://git.test/main/${RUNBOOK}`],
    ["https://git.test/main/", `/${RUNBOOK}`, `https://git.test/main/${RUNBOOK}`],
    ["https://git.test/main/", "//other.test/page", "https://git.test/main/other.test/page"],
    ["https://git.test/main/", "https://wiki.test/queue", "https://wiki.test/queue"],
    [undefined, "https://wiki.test/queue", "https://wiki.test/queue"],
    ["https://git.test/main/", "javascript:alert(1)", null],
    ["https://git.test/main/", null, null],
    ["https://git.test/main/", "", null],
  ] as const
) {
  Deno.test(`with RUNBOOK_URL ${base} the runbook ${url} is at ${address}`, () => {
    assertEquals(linksOf({ RUNBOOK_URL: base }).runbook(url), address);
  });
}

Deno.test("an incident has an address on the page, and none without DASHBOARD_URL", () => {
  const { page, incident } = linksOf({ DASHBOARD_URL: "https://monitor.test/page/" });
  assertEquals([page, incident("7")], ["https://monitor.test/page/", "https://monitor.test/page/#/alerts/7"]);
  const without = linksOf({});
  assertEquals([without.page, without.incident("7")], [null, null]);
});

Deno.test("without RUNBOOK_URL the runbook of a shipped rule is a view of the page", () => {
  const { runbook } = linksOf({ DASHBOARD_URL: "https://monitor.test/page/" });
  assertEquals(runbook(RUNBOOK), "https://monitor.test/page/#/runbook/sync-queue-waiting");
  assertEquals([runbook("docs/other.md#x"), runbook("docs/runbook.md#<x>"), runbook("docs/runbook.md")], [null, null, null]);
});
