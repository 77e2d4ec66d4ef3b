import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page, Request } from "playwright-core";
import { violations } from "../../testing/browser.ts";
import { browserStack } from "../../testing/browser-stack.ts";
import { CAUSE, seedObjectives } from "../../testing/objective-seed.ts";
import { overflows } from "../../testing/page-checks.ts";

const { test, query } = await browserStack();
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** Adds an objective of each status. */
const seed = () => seedObjectives(query);

const ORDER = ["Missed here", "At risk here", "Met here", "Unknown here"];
/** The names without those of the shipped objectives. */
const ours = (names: string[]) => names.filter((name) => ORDER.includes(name));
const tile = (page: Page, name: string) => page.locator(".tiles li").filter({ hasText: name });
const textOf = async (page: Page, name: string) => (await tile(page, name).innerText()).replace(/\s+/g, " ").trim();
const lead = async (page: Page) => (await page.locator(".lead").innerText()).replace(/\s+/g, " ").trim();

test(
  "the overview has a tile of each objective, the worst first, and only a bad one has an icon and a cause",
  "viewer",
  async ({ page, open }) => {
    await seed();
    await page.reload();
    await tile(page, "Missed here").waitFor();
    assertEquals(ours(await page.locator(".tiles .name a").allInnerTexts()), ORDER);
    assertEquals(
      await textOf(page, "Missed here"),
      `Missed: Missed here 97.8 % target 99 %, 28 days Overspent by 12 results Top cause: ${CAUSE.message}`,
    );
    assertMatch(
      await textOf(page, "At risk here"),
      /99\.6 % .* 60 % of the budget left, runs out in 1 d 12 h at the rate .* Channel hook$/,
    );
    assertEquals(await textOf(page, "Met here"), "Met here 99.5 % target 99 %, 28 days 50 % of the budget left");
    assertEquals(await textOf(page, "Unknown here"), "Unknown here – target 99 %, 28 days No due times in 28 days");
    assertEquals(await tile(page, "Met here").locator(".name svg").count(), 0);
    const barOf = (name: string) => tile(page, name).locator(".budget-bar");
    assertEquals(await barOf("Met here").locator("rect").getAttribute("width"), "50%");
    assertEquals(await barOf("Missed here").locator("rect").count(), 0, "nothing of an overspent budget is left");
    const ground = await page.evaluate<string>("getComputedStyle(document.querySelector('svg[data-status=MISSED]')).backgroundImage");
    assertMatch(ground, /^repeating-linear-gradient/, "an overspent budget does not look like one that nobody knows");
    // Only an admin can see the channels.
    assertEquals(await tile(page, "At risk here").getByRole("link", { name: "Channel hook" }).count(), 0);
    await open("/objectives", "Objectives");
    assertEquals(ours(await page.getByRole("rowheader").getByRole("link").allInnerTexts()), ORDER);
  },
);

test(
  "from an objective out of budget on the overview two clicks lead to its cause, and one from its tile",
  "viewer",
  async ({ page, open }) => {
    await seed();
    await page.reload();
    await tile(page, "Missed here").getByRole("link", { name: "Missed here" }).click();
    await page.getByRole("heading", { level: 1, name: "Missed here" }).waitFor();
    await page.getByRole("link", { name: CAUSE.message }).click();
    await page.getByRole("heading", { level: 1, name: CAUSE.message }).waitFor();
    await open("/", "Overview");
    await tile(page, "Missed here").getByRole("link", { name: CAUSE.message }).click();
    await page.getByRole("heading", { level: 1, name: CAUSE.message }).waitFor();
  },
);

test("the overview that a person watches sends at most 20 requests a minute, one of them for the objectives", "admin", async ({ page }) => {
  await page.locator(".tiles").waitFor();
  await page.clock.install();
  const sent: string[] = [];
  // By request: one that began before the listeners also ends.
  const pending = new Set<Request>();
  page.on("request", (request) => {
    if (!request.url().includes("/functions/")) return;
    sent.push(request.url());
    pending.add(request);
  });
  page.on("requestfinished", (request) => void pending.delete(request));
  page.on("requestfailed", (request) => void pending.delete(request));
  await page.reload();
  await page.locator(".tiles").waitFor();
  sent.length = 0;
  for (let second = 0; second < 60; second++) {
    await page.clock.runFor(1_000);
    do await page.evaluate("null"); while (pending.size > 0);
  }
  assert(sent.filter((url) => url.endsWith("/health-overview")).length >= 10, "the page did not poll");
  assert(sent.length <= 20, `${sent.length}: ${sent.join(" ")}`);
  assertEquals(sent.filter((url) => url.endsWith("/objectives")).length, 1);
});

test(
  "the view of an objective says its status, its budget and its end, and has an empty state",
  "viewer",
  async ({ page, open, errors }) => {
    const ids = await seed();
    const facts = async () => (await page.locator(".now .facts").innerText()).replace(/\s+/g, " ");
    await open(`/objectives/${ids["Missed here"]}`, "Missed here");
    assertEquals(await lead(page), "Missed The error budget is overspent by 12 results.");
    assertMatch(
      await facts(),
      /97\.8 % target 99 % Bad events 22 of 1,000 results Budget left -120 % overspent by 12 results .* spent in the last 28 days/,
    );
    const causes = page.getByRole("region", { name: "Causes, the largest first" });
    assertEquals((await causes.getByRole("row").allInnerTexts()).slice(1).map((row) => row.replace(/\s+/g, " ").trim()), [
      `${CAUSE.message} VIS_TIMEOUT 20 results 90.9 %`,
      "No known cause 2 results 9.1 %",
    ]);
    await open(`/objectives/${ids["At risk here"]}`, "At risk here");
    assertEquals(await lead(page), "At risk 60 % of the budget left, runs out in 1 d 12 h at the rate of the last day.");
    assertMatch(await facts(), /Budget left 60 % 3 of 5 notifications Burn rate 1 × in the last day Runs out in 1 d 12 h/);
    await open(`/objectives/${ids["Met here"]}`, "Met here");
    assertEquals(await lead(page), "Met 50 % of the budget left.");
    await open(`/objectives/${ids["Unknown here"]}`, "Unknown here");
    assertEquals(await lead(page), "No data No due times in 28 days.");
    await page.getByText("No event was counted in the last 28 days, so there is no budget to spend.").waitFor();
    assertEquals(await page.locator(".chart").count(), 0);
    await page.getByText("No rule watches this budget.").waitFor();
    assertEquals(errors, []);
  },
);

test("the chart goes below zero, and an incident of the sync is a band and a row with a link to it", "viewer", async ({ page, open }) => {
  const ids = await seed();
  const [incident] = await query<{ id: string }>(
    `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, resolved_at, updated_at)
    select 'Of an objective', 'memory_usage', 'matches_live', 'RESOLVED', 'LOW', 1, 'm', at, at, at, at + interval '4 days', now()
    from (select now() - interval '15 days' as at) began returning id`,
  );
  await open(`/objectives/${ids["Missed here"]}`, "Missed here");
  const band = page.locator(`.band[href="#/alerts/${incident?.id}"]`);
  await band.getByText("Of an objective").waitFor();
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "Of an objective" }) });
  await row.getByRole("cell", { name: "Live Matches" }).waitFor();
  await row.getByText("Resolved").waitFor();
  await page.getByRole("button", { name: "Figures of Budget left by UTC day" }).click();
  const figures = page.getByRole("region", { name: "Budget left by UTC day, figures" });
  const cells = await figures.getByRole("row").last().getByRole("cell").allInnerTexts();
  assertEquals(cells, ["-120 %", "0 %"]);
  assertEquals(await violations(page), []);
});

for (const role of ["viewer", "operator", "admin"] as const) {
  const isAdmin = role === "admin";
  test(
    `${isAdmin ? "an admin" : `a person with the role ${role}`} sees ${isAdmin ? "the" : "no"} acts on objectives`,
    role,
    async ({ page, open }) => {
      const ids = await seed();
      const acts = async () => {
        const names = await page.locator("header.page").getByRole("button").allInnerTexts();
        return names.map((name) => name.trim()).filter((name) => !["Export", "Copy"].includes(name));
      };
      await open("/objectives", "Objectives");
      assertEquals(await acts(), isAdmin ? ["New objective"] : []);
      await open(`/objectives/${ids["Met here"]}`, "Met here");
      assertEquals(await acts(), isAdmin ? ["Change", "Delete"] : []);
      await page.keyboard.press("Control+k");
      await page.getByRole("option", { name: "Missed here" }).waitFor();
      assertEquals(await page.getByRole("option", { name: "New objective" }).count(), isAdmin ? 1 : 0);
    },
  );
}

test(
  "an admin creates an objective from the palette, sees each refusal at its field, changes the objective and deletes it",
  "admin",
  async ({ page }) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Search" }).waitFor();
    await page.keyboard.type("new objective");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "New objective" });
    await dialog.getByLabel("Target").fill("120");
    await dialog.getByLabel("Indicator").selectOption("timeliness");
    await dialog.getByText("it is good when a run starts within 15 minutes").waitFor();
    await dialog.getByRole("button", { name: "Create the objective" }).click();
    await dialog.getByText("2 fields need a change").waitFor();
    assertEquals(await dialog.getByRole("alert").getByRole("link").allInnerTexts(), [
      "Name must have 3 to 100 characters.",
      "Target must be 50 to 99.99 %.",
    ]);
    assertEquals(await page.evaluate("document.activeElement.labels?.[0]?.textContent"), "Name");
    assertEquals(await violations(page), []);
    await dialog.getByLabel("Name").fill("Starts on time");
    await dialog.getByLabel("Target").fill("99.5");
    await dialog.getByLabel("Sync").selectOption("matches_schedule");
    await dialog.getByRole("button", { name: "Create the objective" }).click();
    await page.getByRole("heading", { level: 1, name: "Starts on time" }).waitFor();
    const stored = "select target::float, entity_type, indicator, owner from sync_objectives where name like 'Starts%'";
    assertEquals<unknown>(await query(stored), [{ target: 0.995, entity_type: "matches_schedule", indicator: "timeliness", owner: "" }]);
    await page.getByRole("button", { name: "Change" }).click();
    const change = page.getByRole("dialog", { name: "Change Starts on time" });
    await change.getByLabel("Target").fill("98");
    await change.getByLabel("Owner").fill("the data team");
    await change.getByRole("button", { name: "Save" }).click();
    await change.waitFor({ state: "detached" });
    await page.locator("aside").getByText("the data team").waitFor();
    assertEquals<unknown>((await query<{ target: number; owner: string }>(stored))[0]?.target, 0.98);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete the objective" }).click();
    await page.getByRole("heading", { level: 1, name: "Objectives" }).waitFor();
    assertEquals(await query(stored), []);
  },
);

test("a burn-rate rule is about an objective that its form, its sentence and its view name", "admin", async ({ page, open }) => {
  const ids = await seed();
  await open("/alerts/rules/new", "New alert rule");
  await page.getByLabel("Name").fill("Burn of a browser test");
  await page.getByLabel("Metric").selectOption("burn_rate");
  await page.getByLabel("Objective").selectOption("Missed here");
  await page.getByText("The rule has its sync: Live Matches.").waitFor();
  await page.locator("aside").getByText(/over 1 hour the error budget of Missed here is spent 3 times faster than evenly/).waitFor();
  await page.getByRole("button", { name: "Create the rule" }).click();
  await page.getByRole("heading", { level: 1, name: "Alert rules" }).waitFor();
  const [rule] = await query<{ id: string; objective_id: string; entity_type: string }>(
    "select id, objective_id, entity_type from alert_rules where name = 'Burn of a browser test'",
  );
  assertEquals([rule?.objective_id, rule?.entity_type], [ids["Missed here"], "matches_live"]);
  await open(`/objectives/${ids["Missed here"]}`, "Missed here");
  await page.getByRole("link", { name: "Burn of a browser test" }).click();
  await page.getByRole("link", { name: "Open the objective" }).click();
  await page.getByRole("heading", { level: 1, name: "Missed here" }).waitFor();
});

test("an incident of a burn-rate rule leads to its objective and has its rates with readable names", "viewer", async ({ page, open }) => {
  const ids = await seed();
  const evidence = {
    ...{ objective_id: ids["Missed here"], objective: "Missed here", target: 0.99, events: 400, bad_events: 60 },
    ...{ long_window: "1 hour", short_window: "5 minutes", long_rate: 15, short_rate: 20.5 },
  };
  const [incident] = await query<{ id: string }>(
    `insert into alert_incidents (rule_name, metric, entity_type, state, severity, threshold, value, message, began_at, opened_at, fired_at, updated_at, evidence)
    values ('Burn', 'burn_rate', 'matches_live', 'FIRING', 'HIGH', 14.4, 15, 'm', now(), now(), now(), now(), $1) returning id`,
    [evidence],
  );
  await open(`/alerts/${incident?.id}`);
  const details = page.locator("section").filter({ has: page.getByRole("heading", { name: "Details", exact: true }) });
  await details.getByText("Evidence").click();
  const text = (await details.innerText()).replace(/\s+/g, " ");
  assertMatch(text, /Objective Missed here Rate in 1 hour 15 × Rate in 5 minutes 20\.5 × Bad events 60 of 400 in 1 hour/);
  for (const part of ["Target 99 %", "Events in the long window 400", "Burn rate in the short window 20.5 ×", "Long window 1 hour"]) {
    assert(text.includes(part), text);
  }
  assert(!/long_|short_|bad_events|objective_id/.test(text), text);
  await page.getByRole("link", { name: "its budget and causes" }).waitFor();
  await details.getByRole("link", { name: "Missed here" }).click();
  await page.getByRole("heading", { level: 1, name: "Missed here" }).waitFor();
});

test("the list is saved as a file, and the request of an objective is copied", "viewer", async ({ page, open }) => {
  const ids = await seed();
  await open("/objectives", "Objectives");
  await page.getByRole("button", { name: "Export" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "JSON" }).click()]);
  const rows: { name: string; status: string }[] = JSON.parse(await Deno.readTextFile(await download.path()));
  assertEquals(rows.find(({ name }) => name === "Missed here")?.status, "MISSED");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(`/objectives/${ids["Missed here"]}`, "Missed here");
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  await page.getByRole("menuitem", { name: "Copy as curl" }).click();
  await page.getByRole("status").filter({ hasText: "Copied" }).waitFor();
  assertMatch(
    await page.evaluate<string>("navigator.clipboard.readText()"),
    new RegExp(`/sync-monitoring/objectives/${ids["Missed here"]}'$`),
  );
});

test("on a phone the tiles are rows that fit, and the menu stays one row", "viewer", async ({ page, open }) => {
  const ids = await seed();
  for (const address of ["/", "/objectives", `/objectives/${ids["Missed here"]}`]) {
    await open(address);
    assertEquals(await overflows(page), [], address);
    const tops = await page.locator("nav[aria-label=Views] a").evaluateAll((links) =>
      links.map((link) => link.getBoundingClientRect().top)
    );
    assertEquals(new Set(tops).size, 1, "the menu has more than one row");
  }
  await open("/");
  const boxes = await page.locator(".tiles li").evaluateAll((tiles) => tiles.map((tile) => tile.getBoundingClientRect().width));
  assertEquals(new Set(boxes).size, 1);
  const [name, figure] = await Promise.all([".name", ".attained"].map((part) => tile(page, "Missed here").locator(part).boundingBox()));
  assert(name && figure && figure.x >= name.x + name.width, "the attainment is not beside the name");
  await tile(page, "Missed here").getByRole("link", { name: "Missed here" }).tap();
  await page.getByRole("heading", { level: 1, name: "Missed here" }).waitFor();
}, PHONE);
