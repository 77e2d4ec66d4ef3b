import { assert, assertEquals } from "@std/assert";
import { browserStack } from "../../testing/browser-stack.ts";
import { changeReply, violations } from "../../testing/browser.ts";
import { overflows } from "../../testing/page-checks.ts";

const { test, query } = await browserStack();
const NEW_RULE = "/alerts/rules/new";
/** The settings of tests whose sentences have a time. */
const VIENNA = { timezoneId: "Europe/Vienna" };

test("refused fields are named in a summary whose links lead to them, and the first one has the focus", "admin", async ({ page, open }) => {
  await open(NEW_RULE, "New alert rule");
  await page.getByLabel(/^Threshold/).fill("many");
  await page.getByLabel("Met for").fill("soon");
  await page.getByLabel("Runbook").fill("ftp://example.com");
  await page.getByLabel("dashboard").uncheck();
  await page.getByRole("button", { name: "Create the rule" }).click();
  const summary = page.getByRole("alert");
  await summary.getByText("5 fields need a change").waitFor();
  const texts = await summary.getByRole("link").allInnerTexts();
  assertEquals(texts.toSorted(), [
    "Channels must name at least one channel; to mute the rule, switch it off or create a silence.",
    "Met for must be a duration, such as 15 minutes, 1 hour or 2 days.",
    "Name must have 3 to 200 characters.",
    "Runbook must be an address that begins with http:// or https://.",
    "Threshold must be a number.",
  ]);
  const focused = () => page.evaluate("document.activeElement.labels?.[0]?.textContent");
  assertEquals(await focused(), "Name");
  await summary.getByRole("link", { name: /^Met for/ }).click();
  assertEquals([await focused(), new URL(page.url()).hash], ["Met for", `#${NEW_RULE}`]);
  await page.getByText("Recovery and missing data").click();
  await page.getByLabel("Recovery threshold").fill("many");
  await page.getByText("Recovery and missing data").click();
  await page.getByRole("button", { name: "Create the rule" }).click();
  await summary.getByText("6 fields need a change").waitFor();
  await summary.getByRole("link", { name: /^Recovery threshold/ }).click();
  assertEquals(await focused(), "Recovery threshold (optional)");
  assertEquals(await violations(page), []);
});

test("the rule is a sentence and a preview beside the form while it is typed", "admin", async ({ page, open }) => {
  await open(NEW_RULE, "New alert rule");
  const aside = page.locator("aside");
  await aside.getByText("When 3 full runs in a row fail, show it on this page.").waitFor();
  await page.getByLabel("Name").fill("Preview of a browser test");
  await aside.getByText("The condition is not met.").waitFor();
  await page.getByLabel("Metric").selectOption("success_rate");
  await page.getByLabel(/^Threshold/).fill("100");
  await page.getByLabel("Met for").fill("5 minutes");
  await page.getByLabel("Escalate after").fill("30 minutes");
  await page.getByRole("button", { name: "Add a step" }).click();
  await page.getByRole("group", { name: "Step 1" }).getByLabel("dashboard").check();
  await aside.getByText(
    "When fewer than 100 % of the full runs in 1 hour succeed for 5 minutes, show it on this page; after 30 minutes without " +
      "acknowledgement raise to High and add dashboard.",
  ).waitFor();
  const [box, form] = [await aside.boundingBox(), await page.locator("form.stack").boundingBox()];
  assert(box && form && box.x >= form.x + form.width, "the preview is not beside the form");
}, { viewport: { width: 1024, height: 800 } });

test("a form on a phone has one column, and its controls are large enough for a finger", "admin", async ({ page, open }) => {
  await open(NEW_RULE, "New alert rule");
  assertEquals(await overflows(page), []);
  const found = await page.locator("form :is(input[type=text], input:not([type]), select, button, .choice)").evaluateAll((controls) =>
    controls.map((control) => control.getBoundingClientRect()).filter(({ height }) => height > 0).map(({ x, height }) => ({ x, height }))
  );
  assertEquals(found.filter(({ height }) => height < 44), []);
}, { viewport: { width: 390, height: 844 } });

test(
  "on a phone the preview of a rule is below its condition, and its buttons are in view while a change is not saved",
  "admin",
  async (visitor) => {
    const { page, open } = visitor;
    await open(NEW_RULE, "New alert rule");
    const topOf = async (selector: string) => (await page.locator(selector).boundingBox())?.y ?? NaN;
    const section = (title: string) => `.form-section:has(h2:text-is("${title}"))`;
    const tops = [
      await topOf(section("Condition")),
      await topOf("aside"),
      await topOf(section("Notification")),
      await topOf("form > .acts"),
    ];
    assertEquals(tops, tops.toSorted((a, b) => a - b));
    assert(await topOf("form > .acts") > 844, "the buttons cover the form without a change");
    assertEquals(await page.getByText("Unsaved changes").count(), 0);
    await page.getByLabel("Name").fill("Not saved");
    await page.getByText("Unsaved changes").waitFor();
    assert(await topOf("form > .acts") < 844, "the buttons are out of view");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog", { name: "Leave without saving?" }).getByRole("button", { name: "Discard the changes" }).click();
    await page.getByRole("heading", { name: "Alert rules" }).waitFor();
  },
  { viewport: { width: 390, height: 844 } },
);

test("a stored rule is saved without a change, and its deletion asks first", "admin", async ({ page, open }) => {
  const [rule] = await query<{ id: string; name: string }>("select id, name from alert_rules order by name limit 1");
  await open(`/alerts/rules/${rule?.id}`, rule?.name);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Alert rules" }).waitFor();
  await open(`/alerts/rules/${rule?.id}`, rule?.name);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assertEquals((await query("select 1 from alert_rules where id = $1", [rule?.id])).length, 1);
});

test(
  "an emergency run of everything is started only after a question; one of a tournament starts at once",
  "operator",
  async ({ page, open }) => {
    const jobs = async () => (await query("select 1 from sync_jobs where reason = 'an emergency of a test'")).length;
    await open("/sync", "Sync now");
    await page.getByLabel("Sync", { exact: true }).selectOption("tournaments");
    await page.getByLabel("Priority", { exact: true }).first().selectOption("EMERGENCY");
    await page.getByLabel("Reason").fill("an emergency of a test");
    await page.getByRole("button", { name: "Start the sync" }).click();
    const dialog = page.getByRole("dialog", { name: "Start an emergency run of everything in Tournament Sync?" });
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "detached" });
    assertEquals(await jobs(), 0);
    await page.getByRole("button", { name: "Start the sync" }).click();
    await dialog.getByRole("button", { name: "Start the emergency run" }).click();
    await page.waitForURL(/\/jobs\//);
    assertEquals(await jobs(), 1);
  },
);

test("a silence is ended only after a question", "operator", async ({ page, open }) => {
  await query(`insert into alert_silences (entity_type, starts_at, ends_at, reason, created_by)
    values ('tournaments', now(), now() + interval '1 day', 'of a test', 'admin@example.com')`);
  await open("/alerts/silences", "Silences");
  await page.getByRole("button", { name: "End the silence of Tournament Sync" }).click();
  const active = async () => (await query("select 1 from alert_silences where reason = 'of a test' and ends_at > now()")).length;
  assertEquals(await active(), 1);
  await page.getByRole("dialog").getByRole("button", { name: "End the silence" }).click();
  await page.getByText("No silence is active or planned.").waitFor();
  assertEquals(await active(), 0);
});

test(
  "a silence that mutes nothing yet is deleted, and the form of a new one opens with what a link names",
  "operator",
  async ({ page, open }) => {
    await query(`insert into alert_silences (entity_type, starts_at, ends_at, reason, created_by)
    values ('tournaments', now() + interval '1 day', now() + interval '2 days', 'of a test', 'admin@example.com')`);
    await open("/alerts/silences", "Silences");
    await page.getByRole("button", { name: "Delete the silence of Tournament Sync" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete the silence" }).click();
    await page.getByText("No silence is active or planned.").waitFor();
    assertEquals(await page.getByLabel("Tournament").count(), 0, "the form is closed");
    await open("/alerts/silences?tournament=8104", "Silences");
    const dialog = page.getByRole("dialog", { name: "New silence" });
    assertEquals(await dialog.getByLabel("Tournament").inputValue(), "8104");
    assertEquals(await dialog.getByLabel("Recurs every").isVisible(), false);
    await dialog.getByText("Advanced: severity, incident and recurrence").click();
    await dialog.getByLabel("Recurs every").waitFor();
  },
);

test("unsaved changes are asked about by a link, by the browser's buttons and with the tab", "admin", async ({ page, open }) => {
  await open("/alerts/rules", "Alert rules");
  await page.getByRole("button", { name: "New rule" }).click();
  await page.getByRole("heading", { name: "New alert rule" }).waitFor();
  await page.getByLabel("Name").fill("Not saved");
  const dialog = page.getByRole("dialog", { name: "Leave without saving?" });
  const stay = async () => {
    await dialog.getByRole("button", { name: "Keep editing" }).click();
    await dialog.waitFor({ state: "detached" });
    assertEquals([await page.getByLabel("Name").inputValue(), new URL(page.url()).hash], ["Not saved", `#${NEW_RULE}`]);
  };
  await page.getByRole("link", { name: "Errors" }).click();
  await stay();
  await page.evaluate("history.back()");
  await stay();
  const asked = page.waitForEvent("dialog");
  const closed = page.reload().catch(() => null);
  const question = await asked;
  assertEquals(question.type(), "beforeunload");
  await question.dismiss();
  await closed;
  await page.getByRole("link", { name: "Errors" }).click();
  await dialog.getByRole("button", { name: "Discard the changes" }).click();
  await page.getByRole("heading", { name: "Errors" }).waitFor();
  await page.getByRole("link", { name: "System" }).click();
  await page.getByRole("heading", { name: "System" }).waitFor();
});

test("the system is not OK while every run fails, and its sentences have no times of the API", "viewer", async ({ page, open }) => {
  await changeReply(page, "sync-monitoring/system-status", (body: object) => {
    const component = {
      name: "vis",
      kind: "upstream",
      status: "DEGRADED",
      message: "backoff until 2026-06-10T12:00:00+00:00: 403",
      evidence: {},
    };
    return { ...body, summary: "The scheduler works. Every run of the last hour failed.", components: [component] };
  });
  await open("/system", "System");
  await page.getByText("The scheduler works. Every run of the last hour failed.").waitFor();
  await page.getByText(/^Backoff until 10 Jun, 14:00: 403\.$/).waitFor();
  assertEquals(await page.locator("main time[datetime='2026-06-10T12:00:00+00:00']").count(), 1);
}, VIENNA);

test("runs that failed have no mark of success, also when too few for another state", "viewer", async ({ page, open }) => {
  let message = "1 of 6 runs of the last hour failed";
  await changeReply(page, "sync-monitoring/system-status", (body: object) => {
    return { ...body, components: [{ name: "runs", kind: "runs", status: "OK", message, evidence: {} }] };
  });
  await open("/system", "System");
  // The row has the mark of a warning, because the headline counts it as one; a ring is the mark of an unknown state.
  await page.locator(".checks .status.warn", { hasText: "Warning" }).waitFor();
  await page.getByRole("heading", { name: "1 of 1 component needs attention" }).waitFor();
  assertEquals(await page.locator(".checks .status").count(), 1);
  message = "no run of the last hour failed";
  await page.reload();
  await page.locator(".checks .status.good", { hasText: "Healthy" }).waitFor();
});

test("what several components report is said once, with its SQL as code", "viewer", async ({ page, open }) => {
  const message = "pg_cron has never started a job: check show cron.log_run; (on), then restart the database";
  await changeReply(page, "sync-monitoring/system-status", (body: object) => {
    const of = (kind: string, name: string) => ({ name, kind, status: "FAILED", message, evidence: {} });
    const components = [of("scheduler", "scheduler"), of("schedule", "tournaments"), of("schedule", "matches_schedule")];
    return { ...body, components };
  });
  await open("/system", "System");
  const notice = page.locator(".notice", { hasText: "pg_cron has never started a job: check show cron.log_run; (on)" });
  await notice.waitFor();
  assertEquals(await notice.locator("code").allInnerTexts(), ["show cron.log_run;"]);
  assertEquals(await page.getByText("then restart the database").count(), 1, "what to do is said once");
  assertEquals(await page.locator(".checks .why").allInnerTexts(), Array(3).fill("pg_cron has never started a job."));
});

test(
  "errors are filtered by class, code, severity and state in the address, and each group has a trend",
  "viewer",
  async ({ page, open }) => {
    await query(
      `insert into sync_error_log (entity_type, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at, resolved_at)
    select 'tournaments', 'NETWORK', 'VIS_UNREACHABLE', 'HIGH', true, 'no answer', 'filter test 1', now() - i * interval '2 hours', now() from generate_series(1, 3) i
    union all select 'tournaments', 'API', 'VIS_LATER', 'LOW', true, 'come back later', 'filter test 2', now(), null`,
    );
    await open("/errors?severity=HIGH&type=NETWORK", "Errors");
    await page.getByRole("rowheader", { name: /^No answer/ }).waitFor();
    assertEquals(await page.getByRole("rowheader", { name: /^Come back later/ }).count(), 0);
    await page.getByRole("img", { name: "3 errors, in 3 of 24 intervals" }).waitFor();
    await page.getByRole("button", { name: "Clear the filters" }).click();
    await page.getByLabel("Code").selectOption("VIS_LATER");
    await page.waitForURL(/code=VIS_LATER/);
    await page.getByRole("rowheader", { name: /^No answer/ }).waitFor({ state: "detached" });
    await page.getByRole("rowheader", { name: /^Come back later/ }).waitFor();
    await page.getByLabel("State").selectOption("resolved");
    await page.getByText("No error of this period matches the filters.").waitFor();
    await page.reload();
    assertEquals([await page.getByLabel("Code").inputValue(), await page.getByLabel("State").inputValue()], ["VIS_LATER", "true"]);
    await query("delete from sync_error_log where fingerprint like 'filter test%'");
  },
);

test("a run that failed is a link in the state of its sync, without the address of the API", "viewer", async ({ page, open }) => {
  const id = crypto.randomUUID();
  await changeReply(page, "sync-monitoring/system-status", (body: object) => {
    const message = `the last run, of 2026-06-10T12:00:01Z, failed (VIS_UNAVAILABLE): read GET sync-monitoring/executions/${id}`;
    const component = { name: "tournaments", kind: "schedule", status: "FAILED", message, evidence: { of: "a browser test" } };
    return { ...body, components: [component] };
  });
  await open("/system", "System");
  const reason = page.locator(".checks .why");
  await reason.waitFor();
  assertEquals(await reason.innerText(), "The last run, of 10 Jun, 14:00, failed (VIS_UNAVAILABLE). Open the run");
  assertEquals(await reason.getByRole("link", { name: "Open the run" }).getAttribute("href"), `#/runs/${id}`);
  await page.locator(".checks summary strong").click();
  await page.getByText('"of": "a browser test"').waitFor();
}, VIENNA);

test("on a narrow screen the filters of the errors open on demand and say how many are set", "viewer", async ({ page, open }) => {
  await open("/errors?severity=HIGH&type=NETWORK", "Errors");
  const filters = page.getByText("Filters: 2 set");
  await filters.waitFor();
  assertEquals([await page.getByLabel("Period").isVisible(), await page.getByLabel("Severity").isVisible()], [true, false]);
  await filters.click();
  assertEquals(await page.getByLabel("Severity").inputValue(), "HIGH");
  await page.getByLabel("Class").selectOption("");
  await page.getByText("Filters: 1 set").waitFor();
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await page.waitForURL((url) => !url.hash.includes("severity"));
  await page.getByText("Filters", { exact: true }).waitFor();
}, { viewport: { width: 390, height: 844 } });
