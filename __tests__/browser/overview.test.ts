import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { browserStack } from "../../testing/browser-stack.ts";
import { nextFrame } from "../../testing/browser.ts";

// The tests are about the overview and an incident: figures, main act, form on a phone, and use by keyboard alone.
const { test, query, service } = await browserStack();
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const CAUSE = "A run used too much memory";

/** Runs `act` with a firing incident. */
async function withIncident(act: (id: string) => Promise<void>): Promise<void> {
  const [incident] = await query<{ id: string }>(
    `insert into alert_incidents
      (rule_id, rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, updated_at)
    select id, 'Of the overview', metric, 'tournaments', 'FIRING', 'HIGH', 1, 'm', now(), now(), now(), now()
    from alert_rules where name = 'Memory Usage Exceeded' returning id`,
  );
  try {
    await act(incident?.id ?? "");
  } finally {
    await query("delete from alert_incidents where rule_name = 'Of the overview'");
  }
}

const focused = (page: Page): Promise<string> =>
  page.evaluate<string>(
    "document.activeElement.getAttribute('aria-label') ?? document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent",
  );

/** Opens the dialog of the focused button, and returns the name of the control that then has the focus. */
async function openDialog(page: Page): Promise<string> {
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor();
  return await focused(page);
}

/** Presses Tab until a control with the name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const seen: string[] = [];
  while (seen.length < 60) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    if (now === name) return;
    seen.push(now);
  }
  throw new Error(`the Tab key does not reach ${name}: ${seen.join(", ")}`);
}

test(
  "the runs of a sync have a key and a scale, a rate has its number of runs, and a figure has its course",
  "viewer",
  async ({ page }) => {
    const row = page.locator("[data-entity=tournaments]");
    await row.waitFor();
    assertEquals(await row.locator(".strip li").count(), 48);
    assertMatch(await row.locator(".scale").innerText(), /^since .+\n*now$/);
    const key = await page.getByRole("list", { name: "Marks of the runs" }).getByRole("listitem").allInnerTexts();
    assertEquals(key.map((name) => name.trim()), ["succeeded", "partial", "failed", "skipped", "missed", "no run yet"]);
    assertMatch(await row.locator("[data-label='Success, 24 h']").innerText(), /%\s+of \d+ runs?$/);
    const day = page.getByRole("region", { name: "Last 24 hours, by the hour" });
    await day.locator(".trend path[d*=v]").first().waitFor({ state: "attached" });
    assertEquals(await day.locator(".trend").count(), await day.locator("dd").count());
  },
);

test("the table and the inactive syncs appear together, also when the settings arrive late", "viewer", async ({ page }) => {
  // The requests of the first visit end first, so that the routes serve the requests of the second visit.
  await page.locator(".inactive").waitFor();
  const { promise: overviewWasRead, resolve } = Promise.withResolvers<void>();
  await page.route("**/health-overview", async (route) => {
    await route.continue();
    resolve();
  }, { times: 1 });
  const answered = page.waitForResponse("**/health-overview");
  await page.route("**/sync-admin/entities", async (route) => {
    await overviewWasRead;
    await (await answered).finished();
    // Two frames are enough for a wrong page to draw the table without the settings.
    await nextFrame(page);
    await route.continue();
  }, { times: 1 });
  await page.addInitScript(`addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
    if (document.querySelector("[data-entity]") && !document.querySelector(".inactive")) globalThis.cameLate = true;
  }).observe(document.body, { childList: true, subtree: true }))`);
  await page.reload();
  await page.locator(".inactive").waitFor();
  assertEquals(await page.evaluate("globalThis.cameLate"), undefined);
});

test(
  "a reason has the full width, its times in the time zone of the reader with UTC on hover, and its codes as code",
  "viewer",
  async ({ page }) => {
    const overview = await (await service("/functions/v1/sync-monitoring/health-overview")).json();
    const at = `${new Date().toISOString().slice(0, 10)}T10:05:06Z`;
    const because = {
      code: "PAUSED",
      status: "WARNING",
      message: `paused since ${at}: VIS_TIMEOUT`,
      value: null,
      limit: null,
      execution_id: null,
    };
    Object.assign(overview.sync_entities.tournaments, { because: [because] });
    await page.route("**/health-overview", (route) => route.fulfill({ json: overview }));
    await page.reload();
    const time = page.locator("[data-entity=tournaments] .because time");
    assertMatch(await time.innerText(), /^\d\d:05$/);
    assertMatch(await time.getAttribute("title") ?? "", /10:05:06 UTC$/);
    assert(!(await page.locator("[data-entity=tournaments]").innerText()).includes("T10:05"));
    assertEquals(await page.locator("[data-entity=tournaments] .because code").allInnerTexts(), ["VIS_TIMEOUT"]);
    const widthOf = async (selector: string) => (await page.locator(selector).boundingBox())?.width;
    assertEquals(await widthOf("[data-entity=tournaments] .reason"), await widthOf("table.entities"));
  },
);

test("a silenced incident says until when, and the end of the silence is its main act", "operator", async ({ page, open }) => {
  await withIncident(async (id) => {
    await open(`/alerts/${id}`, CAUSE);
    assertEquals(await page.locator("main .primary").allInnerTexts(), ["Acknowledge"]);
    const ends_at = new Date(Date.now() + 3_600_000).toISOString();
    const silence = await service("/functions/v1/sync-admin/silences", "POST", { incident_id: id, ends_at, reason: "a known fault" });
    assertEquals(silence.status, 201, await silence.text());
    await page.reload();
    const pill = page.locator(".lead .pill").filter({ hasText: /^Silenced until/ });
    await pill.waitFor();
    assertEquals(await pill.getAttribute("class"), "pill");
    await page.locator(".lead").getByText("a known fault").waitFor();
    assertEquals(await page.locator("main .primary").allInnerTexts(), ["End silence"]);
    await page.getByRole("button", { name: "End silence" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "End silence" }).click();
    await pill.waitFor({ state: "detached" });
    assertEquals(await query("select 1 from alert_silences where incident_id = $1 and ends_at > now()", [id]), []);
  });
});

test("an escalation whose time has passed is due, and does not lie in the past", "viewer", async ({ page, open }) => {
  await withIncident(async (id) => {
    await query("update alert_rules set escalation_delay = '30 minutes' where name = 'Memory Usage Exceeded'");
    const since = (time: string) =>
      query(`update alert_incidents set unacknowledged_since = now() - interval '${time}', notified_at = now() where id = $1`, [id]);
    const pill = page.locator(".lead .pill.warn");
    await since("10 minutes");
    await open(`/alerts/${id}`, CAUSE);
    assertMatch(await pill.innerText(), /^Escalates to Critical in \d+ min/);
    await since("40 minutes");
    await page.reload();
    await pill.waitFor();
    assertEquals(await pill.innerText(), "Escalation to Critical is due");
  });
});

test("with the keyboard alone an incident is opened, acknowledged, silenced and resolved", "operator", async ({ page, errors }) => {
  await withIncident(async (id) => {
    await page.reload();
    await page.getByRole("link", { name: CAUSE }).waitFor();
    await tabTo(page, CAUSE);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: CAUSE }).waitFor();
    await page.getByRole("button", { name: "Acknowledge" }).waitFor();
    assertEquals(await focused(page), CAUSE);

    await tabTo(page, "Acknowledge");
    assertEquals(await openDialog(page), "Note");
    const first = await page.locator("dialog[open]").elementHandle();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assertEquals(await focused(page), "Acknowledge");
    assertEquals(await openDialog(page), "Note");
    // The browser can report the end of a dialog when the next dialog is open.
    await first?.evaluate((dialog) => dialog.dispatchEvent(new Event("close")));
    await page.keyboard.press("Shift+Tab");
    assertEquals(await focused(page), "Close");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assertEquals(await focused(page), "Acknowledge");
    assertEquals(await openDialog(page), "Note");
    await page.keyboard.type("looking into it");
    await tabTo(page, "Acknowledge");
    await page.keyboard.press("Enter");
    await page.locator(".lead").getByText("Acknowledged by operator@example.com at").waitFor();
    await page.getByRole("button", { name: "Unacknowledge" }).waitFor();
    assertEquals(await focused(page), CAUSE);

    await tabTo(page, "Silence");
    assertEquals(await openDialog(page), "How long");
    await tabTo(page, "Reason");
    await page.keyboard.type("a known fault");
    await tabTo(page, "Silence");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "End silence" }).waitFor();
    assertEquals(await focused(page), CAUSE);

    await tabTo(page, "Resolve");
    assertEquals(await openDialog(page), "Note");
    await tabTo(page, "Resolve");
    await page.keyboard.press("Enter");
    await page.locator(".lead .pill").filter({ hasText: "Resolved" }).waitFor();
    assertEquals(await focused(page), CAUSE);
    const reasons = await query<{ reason: string }>("select reason from alert_events where incident_id = $1 order by at", [id]);
    assertEquals(reasons.map(({ reason }) => reason), [
      "acknowledged by operator@example.com: looking into it",
      "resolved by operator@example.com",
    ]);
    assertEquals(errors, []);
  });
});

test("after an acknowledgement on the overview the focus is on the incident", "operator", async ({ page }) => {
  await withIncident(async () => {
    await page.reload();
    await page.getByRole("link", { name: CAUSE }).waitFor();
    await tabTo(page, `Acknowledge: ${CAUSE}`);
    await page.keyboard.press("Enter");
    await page.locator(".incidents").getByText("acknowledged by operator@example.com").waitFor();
    assertEquals(await focused(page), CAUSE);
  });
});

test(
  "on a phone the acts stay in reach, the facts come before the steps, and a finger hits each control",
  "operator",
  async ({ page, open }) => {
    await withIncident(async (id) => {
      await open(`/alerts/${id}`, CAUSE);
      const acknowledge = page.getByRole("button", { name: "Acknowledge" });
      await acknowledge.waitFor();
      for (const to of ["0", "document.documentElement.scrollHeight"]) {
        await page.evaluate(`scrollTo(0, ${to})`);
        const box = await acknowledge.boundingBox();
        assert(box && box.y > 700 && box.y + box.height <= 844, `Acknowledge is at ${JSON.stringify(box)}`);
      }
      const topOf = (selector: string) => page.locator(selector).first().evaluate((element) => element.getBoundingClientRect().top);
      assert(await topOf("dt:has-text('Last good run')") < await topOf("h2:has-text('What to do')"));
      for (const address of [`/alerts/${id}`, "/"]) {
        await open(address);
        const small = await page.locator("button, [role=button], nav a, summary, select, input").evaluateAll((controls) =>
          controls.filter((control) => control.checkVisibility()).map((control) => ({
            name: control.textContent,
            height: control.getBoundingClientRect().height,
          }))
            .filter(({ height }) => height < 43.5)
        );
        assertEquals(small, [], address);
        if (address === "/") assert(await topOf(".incidents .cause") < await topOf(".incidents .badges"), "the title is not first");
        const tops = await page.locator("nav[aria-label=Views] a").evaluateAll((links) =>
          links.map((link) => link.getBoundingClientRect().top)
        );
        assertEquals(new Set(tops).size, 1, "the menu has more than one row");
      }
    });
  },
  PHONE,
);

test(
  "with a finger alone an incident is opened, acknowledged, silenced and resolved on a phone",
  "operator",
  async ({ page, errors }) => {
    await withIncident(async (id) => {
      await page.reload();
      await page.getByRole("link", { name: CAUSE }).tap();
      await page.getByRole("heading", { level: 1, name: CAUSE }).waitFor();
      const dialog = page.getByRole("dialog");
      /** Opens the dialog of an act from the bar at the lower edge, fills its text and confirms. */
      const act = async (name: string, field: string, text: string) => {
        await page.getByRole("button", { name, exact: true }).tap();
        await dialog.getByLabel(field).fill(text);
        const box = await dialog.boundingBox();
        assert(box && box.x >= 0 && box.x + box.width <= PHONE.viewport.width, `the dialog is at ${JSON.stringify(box)}`);
        await dialog.getByRole("button", { name, exact: true }).tap();
        await dialog.waitFor({ state: "detached" });
      };
      await act("Acknowledge", "Note", "looking into it");
      await page.locator(".lead").getByText("Acknowledged by operator@example.com at").waitFor();
      await act("Silence", "Reason", "a known fault");
      await page.getByRole("button", { name: "End silence" }).waitFor();
      await act("Resolve", "Note", "the memory is free again");
      await page.locator(".lead .pill").filter({ hasText: "Resolved" }).waitFor();
      const reasons = await query<{ reason: string }>("select reason from alert_events where incident_id = $1 order by at", [id]);
      assertEquals(reasons.map(({ reason }) => reason), [
        "acknowledged by operator@example.com: looking into it",
        "resolved by operator@example.com: the memory is free again",
      ]);
      assertEquals(errors, []);
    });
  },
  PHONE,
);

test("the focus is on the title when the button of a closed dialog was removed behind it", "operator", async ({ page, open }) => {
  await withIncident(async (id) => {
    await open(`/alerts/${id}`, CAUSE);
    await tabTo(page, "Acknowledge");
    assertEquals(await openDialog(page), "Note");
    const answer = await service(`/functions/v1/sync-admin/alerts/${id}/acknowledge`, "POST", {});
    assertEquals(answer.status, 200, await answer.text());
    await page.locator("main .incident-acts > button").filter({ hasText: "Unacknowledge" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assertEquals(await focused(page), CAUSE);
  });
});

test("after an act the focus is on its button, and on the title when the act removed the button", "operator", async ({ page, open }) => {
  await withIncident(async (id) => {
    await open(`/alerts/${id}`, CAUSE);
    await tabTo(page, "Test VIS");
    await page.keyboard.press("Enter");
    await page.locator(".prose .acts .status").waitFor();
    assertEquals(await focused(page), "Test VIS");
  });
  await query("update upstream_state set backoff_until = now() + interval '1 hour', backoff_reason = '429'");
  await page.reload();
  await open("/", "Overview");
  await tabTo(page, "End the backoff");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "End the backoff" }).waitFor({ state: "detached" });
  assertEquals(await focused(page), "Overview");
});

test("a click beside the controls takes the focus away, and a later change of the page does not return it", "viewer", async ({ page }) => {
  await page.getByRole("link", { name: "Objectives" }).first().focus();
  await page.locator("main").click({ position: { x: 1, y: 1 } });
  const focusedTag = () => page.evaluate<string>("document.activeElement.tagName");
  assertEquals(await focusedTag(), "BODY");
  await page.evaluate("new Promise((done) => { document.querySelector('main').append(document.createElement('i')); setTimeout(done) })");
  assertEquals(await focusedTag(), "BODY");
});
