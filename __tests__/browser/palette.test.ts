import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { violations } from "../../testing/browser.ts";
import { browserStack } from "../../testing/browser-stack.ts";
import { missingSpaces, overflows } from "../../testing/page-checks.ts";

const { test, query } = await browserStack();
const RUN = "feedc0de-1111-4111-8111-111111111111";

const field = (page: Page) => page.getByRole("combobox", { name: "Search" });
const options = (page: Page) => page.getByRole("option");
const heading = (page: Page, name: string) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
const hash = (page: Page) => new URL(page.url()).hash;
/** The title of the option that Enter chooses, from the attribute for screen readers. */
async function active(page: Page): Promise<string> {
  const id = await field(page).getAttribute("aria-activedescendant");
  const option = page.locator(`[id="${id}"]`);
  assertEquals(await option.getAttribute("aria-selected"), "true");
  assertEquals(await page.locator("[aria-selected=true]").count(), 1);
  return await option.locator(".palette-title").innerText();
}
async function openPalette(page: Page, text = ""): Promise<void> {
  await page.keyboard.press("Control+k");
  await field(page).waitFor();
  if (text) await page.keyboard.type(text);
}
/** Waits until the search has ended. */
const settled = (page: Page) => page.locator("[role=listbox][aria-busy=false]").waitFor();

test("an object is found and opened with the keyboard alone", "viewer", async ({ page, errors }) => {
  const [tournament] = await query<{ no: string; name: string }>("select no, name from tournaments order by no limit 1");
  await query(
    `insert into sync_execution_history (id, entity_type, trigger, status, execution_start, execution_end)
    values ($1, 'tournaments', 'CRON', 'FAILED', now() - interval '2 days', now() - interval '2 days')`,
    [RUN],
  );
  await openPalette(page, tournament?.no);
  await options(page).filter({ hasText: tournament?.no }).first().waitFor();
  assertEquals(await active(page), tournament?.name);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: new RegExp(`^${tournament?.name}\\b`) }).waitFor();
  assert(page.url().endsWith(`#/tournaments/${tournament?.no}`));
  await openPalette(page, "feedc0de");
  await options(page).filter({ hasText: "Run of Tournament Sync" }).filter({ hasText: "Failed" }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(`**#/runs/${RUN}`);
  // Enter before the answer opens the first result when it arrives.
  await openPalette(page, "match schedule consecutive");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Match Schedule Consecutive Failures" }).waitFor();
  await openPalette(page, "no such thing");
  await page.getByText("Nothing matches “no such thing”.").waitFor();
  assertEquals(errors, []);
});

test("arrows move the choice around the list, and Escape returns the focus to where it was", "operator", async ({ page }) => {
  const button = page.getByRole("button", { name: "Search" });
  await button.focus();
  await page.keyboard.press("Enter");
  await field(page).waitFor();
  const first = await active(page);
  await page.keyboard.press("ArrowDown");
  const second = await active(page);
  assert(first !== second);
  await page.keyboard.press("ArrowUp");
  assertEquals(await active(page), first);
  await page.keyboard.press("ArrowUp");
  assertEquals(await active(page), await options(page).last().locator(".palette-title").innerText());
  await page.keyboard.press("Home");
  assertEquals(await active(page), first);
  await page.keyboard.press("Escape");
  await field(page).waitFor({ state: "detached" });
  assert(await button.evaluate((element) => element === element.ownerDocument.activeElement));
  await openPalette(page);
  await page.keyboard.press("Control+k");
  await field(page).waitFor({ state: "detached" });
  assert(await button.evaluate((element) => element === element.ownerDocument.activeElement), "after a second Control-K");
});

for (
  const [role, offered, withheld] of [
    ["viewer", ["Keyboard shortcuts", "Sign out"], ["Sync now: Match Schedule", "New silence", "New rule", "People"]],
    ["operator", ["Sync now: Match Schedule", "New silence"], ["New rule", "People"]],
    ["admin", ["Sync now: Match Schedule", "New silence", "New rule", "People"], []],
  ] as const
) {
  test(`the palette offers the ${role} the commands of the role`, role, async ({ page }) => {
    await openPalette(page);
    await options(page).first().waitFor();
    const titles = await page.locator(".palette-title").allInnerTexts();
    for (const title of offered) assert(titles.includes(title), title);
    for (const title of withheld) assert(!titles.includes(title), title);
  });
}

test("a command runs: a view opens, the theme changes, the user signs out", "operator", async ({ page }) => {
  await openPalette(page, "sync now: tourn");
  await page.keyboard.press("Enter");
  await heading(page, "Sync now");
  assertEquals(hash(page), "#/sync?entity=tournaments");
  await openPalette(page, "dark theme");
  await settled(page);
  await page.keyboard.press("Enter");
  await page.locator("html[data-theme=dark]").waitFor();
  await openPalette(page, "sign out");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
});

test("on an incident the palette acknowledges it, and the page announces that", "operator", async ({ page, open }) => {
  const [incident] = await query<{ id: string }>(
    `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at)
    values ('Of a palette', 'memory_usage', 'tournaments', 'FIRING', 'LOW', 1, 'm', now(), now(), now(), now()) returning id`,
  );
  await open(`/alerts/${incident?.id}`, "A run used too much memory");
  await openPalette(page, "ackn");
  await page.keyboard.press("Enter");
  await page.getByRole("status").filter({ hasText: "Acknowledged: A run used too much memory" }).waitFor();
  const [{ state } = { state: "" }] = await query<{ state: string }>("select state from alert_incidents where id = $1", [incident?.id]);
  assertEquals(state, "ACKNOWLEDGED");
  await page.locator("header.page .lead").filter({ hasText: "Acknowledged" }).waitFor();
  await openPalette(page, "this incident");
  await settled(page);
  assertEquals(await page.locator(".palette-title").allInnerTexts(), ["Silence this incident"]);
  await query("delete from alert_incidents where id = $1", [incident?.id]);
});

test("g and a letter go to a view, ? lists the shortcuts, and / goes to the filter or to the search", "viewer", async ({ page }) => {
  for (const [key, name] of [["a", "Incidents"], ["t", "Tournaments"], ["s", "Sync now"], ["o", "Overview"]] as const) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await heading(page, name);
  }
  await page.keyboard.press("/");
  await field(page).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await page.getByRole("searchbox", { name: "Search" }).waitFor();
  await page.keyboard.press("/");
  assertEquals(await page.locator(":focus").getAttribute("id"), await page.getByRole("searchbox", { name: "Search" }).getAttribute("id"));
  await page.locator("h1").focus();
  await page.keyboard.press("?");
  const list = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await list.locator("dt", { hasText: "Overview" }).waitFor();
  assertEquals(await list.locator("dt", { hasText: "People" }).count(), 0, "a view of admins");
});

test("a letter is text in a field, and without effect once a person switched the single keys off", "viewer", async ({ page, open }) => {
  await open("/tournaments", "Tournaments");
  const search = page.getByRole("searchbox", { name: "Search" });
  await search.focus();
  await page.keyboard.type("g o?/");
  assertEquals(await search.inputValue(), "g o?/");
  await heading(page, "Tournaments");
  await page.keyboard.press("Control+k");
  await field(page).waitFor();
  await page.keyboard.type("keyboard");
  await page.keyboard.press("Enter");
  await page.getByRole("switch", { name: "Shortcuts without Ctrl or Command" }).uncheck();
  await page.keyboard.press("Escape");
  await page.locator("h1").focus();
  for (const key of ["?", "/", "g", "o"]) await page.keyboard.press(key);
  await page.keyboard.press("Control+k");
  await field(page).waitFor();
  assertEquals(await page.getByRole("dialog").count(), 1);
  await heading(page, "Tournaments");
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [390, 1440]) {
    test(
      `the palette is accessible and fits at ${width} px in the ${colorScheme} theme`,
      "admin",
      async ({ page }) => {
        await page.getByRole("button", { name: "Search" }).click();
        for (const text of ["", "s", "chedule"]) {
          await page.keyboard.type(text);
          await settled(page);
          assertEquals(await violations(page), []);
          assertEquals(await missingSpaces(page), []);
          assertEquals(await overflows(page), []);
        }
        await page.keyboard.press("Escape");
        await page.keyboard.press("?");
        await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
        assertEquals(await violations(page), []);
      },
      { colorScheme, viewport: { width, height: 844 } },
    );
  }
}
