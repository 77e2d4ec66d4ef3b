import { assertEquals } from "@std/assert";
import { browserStack } from "../../testing/browser-stack.ts";
import { violations } from "../../testing/browser.ts";
import { fieldsOf, requestOf } from "../../dashboard/src/channel-fields.ts";
import { ChannelRequest } from "../../types/channel-request.ts";
import type { NotificationChannel } from "../../types/alerts.ts";

const { test, query, service } = await browserStack();

const MAIL = {
  name: "mail",
  kind: "email",
  is_active: true,
  config: { to: ["ops@example.com"], by_severity: { CRITICAL: ["chief@example.com", "cto@example.com"] } },
  group_window: "30 seconds",
  hourly_limit: 60,
  weekly_report: true,
  canary_every: "7 days",
} as unknown as NotificationChannel;
const put = async (name: string, channel: object) =>
  await (await service(`/functions/v1/sync-admin/channels/${name}`, "PUT", channel)).body?.cancel();
const SECRET = `whsec_${btoa("a secret of twenty-four by")}`;

Deno.test("the form of a channel sends what it shows, and the server accepts it", () => {
  const { name: _, ...shown } = MAIL;
  assertEquals<unknown>(requestOf(fieldsOf(MAIL)), shown);
  ChannelRequest.parse(requestOf(fieldsOf(MAIL)));
  const values = { "config.url": " https://example.com/hook ", secret: SECRET };
  const webhook = { ...fieldsOf(null), kind: "webhook" as const, values };
  assertEquals(ChannelRequest.parse(requestOf(webhook)).kind, "webhook");
  assertEquals(requestOf(webhook).config, { url: "https://example.com/hook" });
});

Deno.test("recipients of one severity are removed by an empty field, and an empty address or secret keeps the stored one", () => {
  const fields = fieldsOf(MAIL);
  assertEquals(requestOf({ ...fields, by_severity: { ...fields.by_severity, CRITICAL: " " } }).config, { to: ["ops@example.com"] });
  const kept = requestOf({ ...fieldsOf(null), kind: "webhook" });
  assertEquals(["config" in kept, "secret" in kept], [false, false]);
});

Deno.test("a limit that is no number is sent as it is, and the server names the field", () => {
  for (const hourly_limit of ["many", " "]) {
    const { error } = ChannelRequest.safeParse(requestOf({ ...fieldsOf(null), hourly_limit }));
    assertEquals(error?.issues.map(({ path }) => path.join(".")), ["hourly_limit"]);
  }
});

test("without another channel the list warns that only this page is notified, and adds one", "admin", async ({ page, open }) => {
  await query("delete from notification_channels where kind <> 'dashboard'");
  await open("/alerts/channels", "Channels");
  const state = page.locator(".headline.warn");
  await state.getByRole("heading", { name: "Only this page is notified" }).waitFor();
  await state.getByRole("button", { name: "Add a channel" }).click();
  await page.getByRole("dialog", { name: "New channel" }).getByText("is never shown again").waitFor();
});

test("the list shows whether each channel delivers, and the result of a test stands in its card", "admin", async ({ page, open }) => {
  const receiver = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }) => new Response(null, { status: url.endsWith("/gone") ? 404 : 200 }),
  );
  await put("hook", { kind: "webhook", config: { url: `http://127.0.0.1:${receiver.addr.port}/` }, secret: SECRET });
  await put("broken", { kind: "webhook", config: { url: `http://127.0.0.1:${receiver.addr.port}/gone` }, secret: SECRET });
  await open("/alerts/channels", "Channels");
  const card = (name: string) => page.getByRole("listitem", { name, exact: true });
  await card("hook").getByText("Not proven").waitFor();
  await card("hook").getByRole("button", { name: "Test hook" }).click();
  await card("hook").getByText(/hook accepted the test message/).waitFor();
  await card("hook").getByText("Delivers").waitFor();
  await card("broken").getByRole("button", { name: "Test broken" }).click();
  await card("broken").getByText(/broken did not accept the test message: the receiver answered 404/).waitFor();
  await card("broken").getByText("Fails").waitFor();
  assertEquals(await violations(page), []);
  await query("update notification_channels set is_active = false where name = 'hook'");
  await open("/alerts/rules", "Alert rules");
  await open("/alerts/channels", "Channels");
  await card("hook").getByText("Off", { exact: true }).waitFor();
  await receiver.shutdown();
});

test(
  "recipients by severity are a table in the list and fields in the form, where a refusal names the entry",
  "admin",
  async ({ page, open }) => {
    await put("mail", { kind: "email", config: MAIL.config });
    await open("/alerts/channels", "Channels");
    await page.getByRole("table", { name: "Recipients of mail by severity" }).getByText("chief@example.com, cto@example.com").waitFor();
    await page.getByRole("button", { name: "Change mail" }).click();
    await page.getByLabel("Critical recipients").fill("chief@example.com, cto");
    await page.getByRole("button", { name: "Save" }).click();
    const refusal = "Entry 2 of critical recipients must be an email address.";
    await page.locator(".wrong", { hasText: refusal }).waitFor();
    await page.getByRole("alert").getByRole("link", { name: refusal }).waitFor();
    assertEquals(await page.evaluate("document.activeElement.value"), "chief@example.com, cto");
    assertEquals(await violations(page), []);
    await page.getByLabel("Critical recipients").fill("cto@example.com");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const [saved] = await query<{ config: unknown }>("select config from notification_channels where name = 'mail'");
    assertEquals(saved?.config, { to: ["ops@example.com"], by_severity: { CRITICAL: ["cto@example.com"] } });
  },
);

test("a channel is deleted only after a question, which a cancel leaves without an effect", "admin", async ({ page, open }) => {
  const exists = async () => (await query("select 1 from notification_channels where name = 'old'")).length === 1;
  await put("old", { kind: "email", config: { to: ["old@example.com"] } });
  await open("/alerts/channels", "Channels");
  const button = page.getByRole("button", { name: "Delete old" });
  await button.click();
  const dialog = page.getByRole("dialog", { name: "Delete the channel old?" });
  await dialog.waitFor();
  assertEquals(await page.evaluate("document.activeElement.textContent"), "Cancel");
  assertEquals(await violations(page), []);
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  assertEquals([await exists(), await button.evaluate((element) => element === element.ownerDocument.activeElement)], [true, true]);
  await button.click();
  await dialog.getByRole("button", { name: "Delete the channel" }).click();
  await button.waitFor({ state: "detached" });
  assertEquals(await exists(), false);
});

test("the form shows the fields of the chosen kind, and names the one that is refused", "admin", async ({ page, open }) => {
  await open("/alerts/channels", "Channels");
  await page.getByRole("button", { name: "New channel" }).click();
  await page.getByLabel("Name").fill("duty");
  await page.getByLabel("Kind").selectOption("pagerduty");
  assertEquals(await page.getByLabel("Weekly report").count(), 0);
  await page.getByLabel("Integration key").fill("short");
  await page.getByLabel("Service region").selectOption("events.eu.pagerduty.com");
  await page.getByRole("button", { name: "Create the channel" }).click();
  await page.getByRole("alert").getByRole("link", { name: "Integration key must have 32 letters and digits." }).waitFor();
  assertEquals(await page.evaluate("document.activeElement.value"), "short");
  assertEquals(await violations(page), []);
  await page.getByLabel("Integration key").fill("a".repeat(32));
  await page.getByRole("button", { name: "Create the channel" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("listitem", { name: "duty", exact: true }).getByText("PagerDuty · events.eu.pagerduty.com").waitFor();
  assertEquals((await query<{ config: unknown }>("select config from notification_channels where name = 'duty'"))[0]?.config, {
    host: "events.eu.pagerduty.com",
  });
});

test("a Telegram channel shows its chat and never its token, which an empty field keeps", "admin", async ({ page, open }) => {
  await open("/alerts/channels", "Channels");
  await page.getByRole("button", { name: "New channel" }).click();
  await page.getByLabel("Name").fill("talk");
  await page.getByLabel("Kind").selectOption("telegram");
  await page.getByLabel("Bot token").fill(`123456789:${"A".repeat(35)}`);
  await page.getByLabel("Chat", { exact: true }).fill("the team");
  await page.getByRole("button", { name: "Create the channel" }).click();
  const refusal = "Chat must be the number of a chat, or @ and the name of a public channel.";
  await page.getByRole("alert").getByRole("link", { name: refusal }).waitFor();
  await page.getByLabel("Chat", { exact: true }).fill("-1001234");
  await page.getByRole("button", { name: "Create the channel" }).click();
  await page.getByRole("listitem", { name: "talk", exact: true }).getByText("Telegram · -1001234").waitFor();
  await page.getByRole("button", { name: "Change talk" }).click();
  assertEquals([await page.getByLabel("Bot token").inputValue(), await page.getByLabel("Chat", { exact: true }).inputValue()], [
    "",
    "-1001234",
  ]);
  await page.getByLabel("Chat", { exact: true }).fill("@the_team");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("listitem", { name: "talk", exact: true }).getByText("Telegram · @the_team").waitFor();
  assertEquals(
    (await query<{ kept: boolean }>("select vault_id is not null as kept from notification_channels where name = 'talk'"))[0]?.kept,
    true,
  );
});

test("a webhook without a secret is shown as not signed, and keeps a header whose line has no value", "admin", async ({ page, open }) => {
  const config = { url: "https://receiver.example/", headers: { "X-One": "1", "X-Two": "2" } };
  await put("unsigned", { kind: "webhook", config, secret: SECRET });
  await open("/alerts/channels", "Channels");
  await page.getByRole("button", { name: "Change unsigned" }).click();
  assertEquals(await page.getByLabel("Extra headers").inputValue(), "X-One:\nX-Two:");
  await page.getByLabel("Extra headers").fill("X-One:\nHost: inside");
  await page.getByLabel("Remove the signing secret").check();
  await page.getByRole("button", { name: "Save" }).click();
  const refusal = "Extra headers must not have Host, which the sender or the connection sets.";
  await page.getByRole("alert").getByRole("link", { name: refusal }).waitFor();
  await page.getByLabel("Extra headers").fill("X-One:");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("listitem", { name: "unsigned" }).getByText("Webhook · receiver.example · not signed · 1 extra header").waitFor();
  assertEquals(await violations(page), []);
});

test("the card of a channel has the rules that notify it by severity, and leads to the list of them", "admin", async ({ page, open }) => {
  await put("pager", { kind: "email", config: { to: ["pager@example.com"] } });
  const rule = (name: string, severity: string, channels: string[], escalation_channels: string[][]) =>
    service("/functions/v1/sync-admin/alert-rules", "POST", {
      ...{ name, severity, entity_type: "tournaments", metric: "memory_usage", threshold: 9_000, evaluation_window: "1 hour" },
      ...{ notification_channels: channels, escalation_channels, escalation_delay: "30 minutes" },
    }).then((response) => response.body?.cancel());
  await rule("Pages at once", "CRITICAL", ["pager"], []);
  await rule("Pages at once too", "HIGH", ["pager", "dashboard"], []);
  await rule("Pages later", "LOW", ["dashboard"], [["pager"]]);
  await open("/alerts/channels", "Channels");
  const card = page.getByRole("listitem", { name: "pager", exact: true });
  await card.getByText("also 1 rule on escalation").waitFor();
  assertEquals(await card.getByRole("list", { name: "Rules by severity" }).getByRole("listitem").allInnerTexts(), ["Critical 1", "High 1"]);
  await card.getByText("No message was delivered yet. Send a test message.").waitFor();
  assertEquals(await violations(page), []);
  await card.getByRole("link", { name: "2 rules" }).click();
  await page.getByRole("heading", { level: 1, name: "Alert rules" }).waitFor();
  assertEquals((await page.getByRole("rowheader").getByRole("link").allInnerTexts()).toSorted(), [
    "Pages at once",
    "Pages at once too",
    "Pages later",
  ]);
});
