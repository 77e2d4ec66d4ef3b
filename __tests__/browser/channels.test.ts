import { assertEquals } from "@std/assert";
import { browserStack } from "../../testing/browser-stack.ts";
import { violations } from "../../testing/browser.ts";
import { fieldsOf, requestOf } from "../../dashboard/src/channel-fields.ts";
import { ChannelRequest } from "../../types/admin.ts";
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
} as unknown as NotificationChannel;
const put = async (name: string, channel: object) =>
  await (await service(`/functions/v1/sync-admin/channels/${name}`, "PUT", channel)).body?.cancel();
const SECRET = `whsec_${btoa("a secret of twenty-four by")}`;

Deno.test("the form of a channel sends what it shows, and the server accepts it", () => {
  const { name: _, ...shown } = MAIL;
  assertEquals<unknown>(requestOf(fieldsOf(MAIL)), shown);
  ChannelRequest.parse(requestOf(fieldsOf(MAIL)));
  const webhook = { ...fieldsOf(null), kind: "webhook" as const, url: " https://example.com/hook ", secret: SECRET };
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
  await card.getByText("Nothing was delivered yet. Send a test message.").waitFor();
  assertEquals(await violations(page), []);
  await card.getByRole("link", { name: "2 rules" }).click();
  await page.getByRole("heading", { level: 1, name: "Alert rules" }).waitFor();
  assertEquals((await page.getByRole("rowheader").getByRole("link").allInnerTexts()).toSorted(), [
    "Pages at once",
    "Pages at once too",
    "Pages later",
  ]);
});
