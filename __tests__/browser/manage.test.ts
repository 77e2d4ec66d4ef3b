import { assertEquals, assertMatch } from "@std/assert";
import { browserStack } from "../../testing/browser-stack.ts";
import { changeReply, violations } from "../../testing/browser.ts";

// The tests open the views with which people manage the alerts, the syncs and the installation.
const { test, query } = await browserStack();
const PHONE = { viewport: { width: 390, height: 844 } };

test("the audit log is limited to a period that is chosen, kept in the address and cleared", "viewer", async ({ page, open }) => {
  await query(
    `insert into audit_log (at, actor, actor_role, action, object_type, object_id, reason, after)
    select now() - days * interval '1 day', 'period@example.com', 'operator', 'trigger-sync', 'job', days::text, days || ' days ago', '{"of": "a period"}' from unnest(array[0, 3]) days`,
  );
  await open("/audit?actor=period@example.com", "Audit");
  const rows = page.getByRole("row").filter({ hasText: "days ago" });
  await rows.nth(1).waitFor();
  await page.getByRole("button", { name: "any time" }).click();
  const local = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 16);
  await page.getByLabel("From").fill(local(4));
  await page.getByLabel("To", { exact: true }).fill(local(2));
  await page.getByRole("button", { name: "Show" }).click();
  await rows.nth(1).waitFor({ state: "detached" });
  await page.getByText("3 days ago").waitFor();
  assertEquals(await rows.locator(".at-wide").allInnerTexts(), ["3 days ago"]);
  assertMatch(page.url(), /from=.*&to=/);
  await page.reload();
  await page.getByText("3 days ago").waitFor();
  assertEquals(await rows.count(), 1);
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await rows.nth(1).waitFor();
});

test("the audit log says in plain words whether the server signed a row", "viewer", async ({ page, open }) => {
  const entry = (id: number, verdict: string | null) => ({
    ...{
      id,
      verdict,
      at: "2026-06-10T12:00:00Z",
      recorded_at: "2026-06-10T12:00:00Z",
      actor: "a",
      actor_role: "admin",
      action: "trigger-sync",
    },
    ...{ object_type: "job", object_id: "1", before: null, after: null, reason: null, request_id: null, correlation_id: null },
    ...{ address: null, address_is_claimed: false },
  });
  await page.route(
    "**/sync-admin/audit?**",
    (route) =>
      route.fulfill({
        json: { entries: ["VOUCHED", "DATABASE", "UNVOUCHED", null].map((verdict, id) => entry(id, verdict)), next_cursor: null },
      }),
  );
  await open("/audit", "Audit");
  const proofs = page.locator("tbody .at-start");
  await proofs.first().waitFor();
  assertEquals((await proofs.allInnerTexts()).map((text) => text.replace(/\s+/g, " ").trim()), [
    "Signed",
    "Database",
    "Not signed not written by the server",
    "not sealed yet",
  ]);
  assertEquals(await violations(page), []);
});

test("the tournament of a sync is found by its name, with the keyboard alone", "operator", async ({ page, open }) => {
  const [tournament] = await query<{ no: string }>("select tournament_no as no from tournament_sync_state order by 1 limit 1");
  await query("update tournaments set name = 'Lookup of a Test' where no = $1", [tournament?.no]);
  await open("/sync", "Sync now");
  const field = page.getByRole("combobox", { name: "Tournament" });
  await field.fill("no such name");
  await page.getByText("No tournament has a name with this text.").waitFor();
  await field.fill("lookup of");
  const option = page.getByRole("option", { name: /^Lookup of a Test/ });
  await option.waitFor();
  assertEquals(await violations(page), []);
  await field.press("ArrowDown");
  assertEquals(await option.getAttribute("aria-selected"), "true");
  await field.press("Enter");
  assertEquals(await field.inputValue(), tournament?.no);
  assertEquals(await option.count(), 0);
  await page.locator(".chosen", { hasText: "Lookup of a Test" }).waitFor();
  await page.getByLabel("Reason").fill("found by its name");
  await page.getByRole("button", { name: "Start the sync" }).click();
  await page.waitForURL(/\/jobs\//);
  const [job] = await query<{ tournament_no: string }>("select tournament_no from sync_jobs where reason = 'found by its name'");
  assertEquals(job?.tournament_no, tournament?.no);
});

test("a tournament is chosen from the list with the pointer, also in the form of a silence", "operator", async ({ page, open }) => {
  const [tournament] = await query<{ no: string }>("select tournament_no as no from tournament_sync_state order by 1 desc limit 1");
  await query("update tournaments set name = 'Pointer of a Test' where no = $1", [tournament?.no]);
  await open("/alerts/silences?new=true", "Silences");
  const field = page.getByRole("dialog").getByRole("combobox", { name: "Tournament" });
  await field.fill("pointer of");
  await page.getByRole("option", { name: /^Pointer of a Test/ }).click();
  assertEquals(await field.inputValue(), tournament?.no);
});

test("the buttons of a changed rule and what is beside its form stay in view down to its end", "admin", async ({ page, open }) => {
  const [rule] = await query<{ id: string; name: string }>(
    "select id, name from alert_rules where name = 'Match Schedule Consecutive Failures'",
  );
  await open(`/alerts/rules/${rule?.id}`, rule?.name);
  const bar = page.locator("form.stack > .acts");
  const isInView = async (part: typeof bar) => {
    const box = await part.boundingBox();
    return box !== null && box.y >= 0 && box.y + box.height <= 900;
  };
  assertEquals(await isInView(bar), false, "without a change the buttons are at the end of the form");
  await page.getByLabel("Name").fill("Another name");
  await bar.getByText("Unsaved changes").waitFor();
  assertEquals(await isInView(bar), true);
  await page.evaluate("scrollTo(0, document.body.scrollHeight)");
  assertEquals([await isInView(bar), await isInView(page.locator("aside"))], [true, true]);
});

test("on a phone each name of the navigation is whole, and a menu opens the views that have no room", "admin", async ({ page, open }) => {
  await open("/", "Overview");
  const parts = page.locator("nav[aria-label=Views] > *");
  const boxes = await parts.evaluateAll((parts) =>
    parts.map((part) => ({
      left: part.getBoundingClientRect().left,
      right: part.getBoundingClientRect().right,
      cut: part.scrollWidth > part.clientWidth,
    }))
  );
  assertEquals(boxes.map(({ left, right, cut }) => left >= 0 && right <= 390 && !cut), Array(5).fill(true));
  assertEquals(await violations(page), []);
  await page.getByRole("button", { name: "More views" }).click();
  assertEquals(await page.getByRole("menuitem").allInnerTexts(), ["Sync now", "Objectives", "Audit", "System", "People"]);
  await page.getByRole("menuitem", { name: "System" }).click();
  await page.getByRole("heading", { level: 1, name: "System" }).waitFor();
  await page.getByRole("button", { name: "More views, now System" }).waitFor();
}, PHONE);

const component = (kind: string, name: string, status: string, message = `${name} is as it is`) => ({
  kind,
  name,
  status,
  message,
  evidence: {},
});
interface Health {
  sync_entities: Record<string, { status: string; because: unknown[] }>;
}
const because = (message: string, status = "WARNING") => [{ code: "OK", status, message, value: null, limit: null, execution_id: null }];

test(
  "the headline of the system counts the rows below it, and the state of a sync is that of the overview",
  "viewer",
  async ({ page, open }) => {
    let components = ["tournaments", "matches_schedule"].map((name) => component("schedule", name, "OK"));
    await changeReply(page, "sync-monitoring/system-status", (body: object) => ({ ...body, status: "OK", components }));
    let health = "WARNING";
    await changeReply(page, "sync-monitoring/health-overview", (overview: Health) => {
      for (const sync of Object.values(overview.sync_entities)) sync.status = "HEALTHY";
      Object.assign(overview.sync_entities.matches_schedule ?? {}, { status: health, because: because("it is slow", health) });
      return overview;
    });
    const counts = async () => {
      const figures = await page.locator(".headline dl > div").allInnerTexts();
      return Object.fromEntries(figures.filter((text) => !text.startsWith("Incidents")).map((text) => text.trim().split(/\s+/)));
    };
    const rows = async () => {
      const words = (await page.locator(".checks .status").allInnerTexts()).map((word) => word.trim());
      return Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, `${all.length}`]));
    };
    await open("/system", "System");
    await page.locator(".headline.warn").getByRole("heading", { name: "1 of 2 components needs attention" }).waitFor();
    assertEquals([await counts(), await rows()], Array(2).fill({ Warning: "1", Healthy: "1" }));
    await page.locator(".checks li", { hasText: "Match Schedule" }).getByText("It is slow.").waitFor();
    health = "HEALTHY";
    await page.reload();
    await page.locator(".headline.good").getByRole("heading", { name: "All 2 components work" }).waitFor();
    components = [
      ...components,
      component("runs", "runs", "OK", "1 of 6 runs of the last hour failed"),
      ...[["upstream", "FAILED"], ["queue", "DEGRADED"], ["audit", "UNKNOWN"]].map(([kind = "", status = ""]) =>
        component(kind, kind, status)
      ),
    ];
    await page.reload();
    await page.locator(".headline.bad").getByRole("heading", { name: "3 of 6 components need attention" }).waitFor();
    assertEquals([await counts(), await rows()], Array(2).fill({ Critical: "1", Warning: "2", Unknown: "1", Healthy: "2" }));
  },
);

test("the system names its worst components first, and links to where a person repairs one", "admin", async ({ page, open }) => {
  await changeReply(page, "sync-monitoring/system-status", (system: object) => {
    const of = (kind: string, name: string, status: string) => ({ kind, name, status, message: "it does not work", evidence: {} });
    return { ...system, components: [of("upstream", "vis", "DEGRADED"), of("channel", "hook", "FAILED"), of("queue", "queue", "OK")] };
  });
  await open("/system", "System");
  assertMatch(await page.locator(".headline p").innerText(), /^Critical: Channel hook\. /);
  const links = page.locator(".checks .why a");
  assertEquals(await links.evaluateAll((links) => links.map((link) => [link.textContent, link.getAttribute("href")])), [
    ["Open the channels", "#/alerts/channels"],
    ["End the backoff", "#/sync"],
  ]);
});

test("a job whose run was partial is no completed one in the list, and neither is the schedule of that run", "viewer", async (visitor) => {
  const { page, open } = visitor;
  await query(
    `insert into sync_jobs (entity_type, priority, status, final_status, triggered_by, reason, max_attempts, enqueued_at, rank, not_before, finished_at)
    values ('tournaments', 'NORMAL', 'COMPLETED', 'PARTIAL', 'operator@example.com', 'a partial run', 3, now(), now(), now(), now())`,
  );
  await open("/sync", "Sync now");
  await page.getByRole("row").filter({ hasText: "a partial run" }).locator(".status.warn", { hasText: "Partial" }).waitFor();
  await changeReply(page, "sync-monitoring/system-status", (system: object) => {
    const message = "the last run, of 2026-06-10 12:00 UTC, was partial";
    return { ...system, components: [component("schedule", "tournaments", "OK", message)] };
  });
  await changeReply(page, "sync-monitoring/health-overview", (overview: Health) => {
    Object.assign(overview.sync_entities.tournaments ?? {}, { status: "WARNING", because: because("the last run was partial: 1 failed") });
    return overview;
  });
  await open("/system", "System");
  await page.locator(".checks li", { hasText: "The last run was partial: 1 failed." }).locator(".status.warn", { hasText: "Warning" })
    .waitFor();
});

test(
  "a visitor may leave while a route waits for a reply",
  "viewer",
  async ({ page, open, leave }) => {
    await open("/system", "System");
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const { promise: left, resolve: answerAfterwards } = Promise.withResolvers<void>();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    await page.route("**/sync-monitoring/system-status", async (route) => {
      const answer = await route.fetch();
      resolve();
      await left;
      // The answer of a closed context throws.
      await answer.json().finally(end);
    });
    page.reload().catch(() => {});
    await begun;
    await leave();
    answerAfterwards();
    await ended;
  },
);
