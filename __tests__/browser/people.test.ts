import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { startStack } from "../../platform/stack.ts";
import { people } from "../../scripts/people.ts";
import { findChromium, launch, violations, visit } from "../../testing/browser.ts";

// The tests run a real browser against the real stack; only answers that the local Auth cannot give are replaced.
const executable = await findChromium();
if (!executable && Deno.env.get("CI") === "true") throw new Error("CI=true needs Chromium: install it first (.ci/run does)");
const folder = await Deno.makeTempDir({ prefix: "sync-people-" });
const lines: string[] = [];
const stack = executable ? await startStack({ port: 0, folder, write: (line) => lines.push(line) }) : null;
const browser = executable ? await launch(executable) : null;
const PASSWORD = "a good password";

function running() {
  if (!stack || !browser) throw new Error("this test needs Chromium");
  return { stack, browser };
}

/** A test in a page without a signed-in user; ignored without Chromium. */
function test(name: string, act: (page: Page) => Promise<void>): void {
  Deno.test({
    name,
    ignore: executable === null,
    fn: async () => {
      const { browser, stack } = running();
      await stack.pageReady;
      const context = await browser.newContext({ locale: "en-GB" });
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      try {
        await page.goto(`${stack.base}/`);
        await act(page);
      } finally {
        await context.close();
      }
    },
  });
}

const command = async (...args: string[]): Promise<string> => {
  const written: string[] = [];
  await people([...args, "--data", folder], { env: {}, write: (line) => written.push(line) });
  return written.join("\n");
};
/** The link of the last mail to an address. */
function linkTo(email: string): string {
  const mail = lines.findLast((line) => line.startsWith(`mail to ${email}:`));
  return /http\S+/.exec(mail ?? "")?.[0] ?? "";
}
async function signIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}
const overview = (page: Page) => page.getByRole("heading", { name: "Overview" }).waitFor();
async function choosePassword(page: Page, password: string): Promise<void> {
  await page.getByRole("heading", { name: "Choose a password" }).waitFor();
  await page.getByLabel("New password").fill(password);
  await page.getByRole("button", { name: "Set the password" }).click();
}

/** Chooses an entry of the menu of the account. */
async function choose(page: Page, entry: string): Promise<void> {
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: entry }).click();
}

test("the command invites the first admin, whose link leads to a password, and who then signs in with it", async (page) => {
  assertMatch(await command("add", "ada@example.com", "--role", "admin"), /ada@example.com +admin +invited/);
  await page.goto(linkTo("ada@example.com"));
  await page.getByRole("heading", { name: "Choose a password" }).waitFor();
  assertEquals(new URL(page.url()).hash, "", "the tokens are not in the address");
  assertEquals(await violations(page), []);
  await choosePassword(page, PASSWORD);
  await overview(page);
  await page.getByRole("link", { name: "People" }).waitFor();
  await choose(page, "Sign out");
  await signIn(page, "ada@example.com", PASSWORD);
  await overview(page);
  await page.goto(linkTo("ada@example.com"));
  await overview(page);
});

test("a person who forgot the password gets a link, and the answer is the same for an unknown email", async (page) => {
  const account = running().stack.state.accounts.find(({ role }) => role === "operator");
  const answers: string[] = [];
  for (const email of ["nobody@example.com", account?.email ?? ""]) {
    await page.getByRole("button", { name: "I forgot my password" }).click();
    await page.getByLabel("Email").fill(email);
    await page.getByRole("button", { name: "Send me a link" }).click();
    answers.push((await page.getByRole("status").innerText()).replace(email, "…"));
    assertEquals(await violations(page), []);
    await page.getByRole("button", { name: "Back to the sign-in" }).click();
  }
  assertEquals(answers[0], answers[1]);
  assertEquals(linkTo("nobody@example.com"), "");
  const link = linkTo(account?.email ?? "");
  await page.goto(link);
  await choosePassword(page, PASSWORD);
  await overview(page);
  await choose(page, "Change password");
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set the password" }).click();
  await page.getByText("The new password must differ from the old one.").waitFor();
  assertEquals(await violations(page), []);
  await page.getByLabel("New password").fill(String(account?.password));
  await page.getByRole("button", { name: "Set the password" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await choose(page, "Sign out");
  await page.goto(link);
  await page.getByText("This link has expired or was used before.").waitFor();
});

test("the limit of mails to one address does not show that it has an account, and other refusals are shown", async (page) => {
  let answer = { status: 429, error_code: "over_email_send_rate_limit" };
  await page.route("**/auth/v1/recover*", (route) => {
    const { status, error_code } = answer;
    return route.fulfill({ status, contentType: "application/json", json: { code: status, error_code, msg: "as Auth says" } });
  });
  await page.getByRole("button", { name: "I forgot my password" }).click();
  for (
    const [next, text] of [[{ status: 500, error_code: "" }, "The server failed (status 500)."], [
      answer,
      "If there is an account",
    ]] as const
  ) {
    answer = next;
    await page.getByLabel("Email").fill("ada@example.com");
    await page.getByRole("button", { name: "Send me a link" }).click();
    await page.getByText(text).waitFor();
  }
});

test("a link with a token in the query, as a mail template of the project can have it, signs in", async (page) => {
  await command("add", "grace@example.com", "--role", "viewer");
  const token = new URL(linkTo("grace@example.com")).searchParams.get("token");
  await page.goto(`${running().stack.base}/?token_hash=${token}&type=invite`);
  await page.getByRole("heading", { name: "Choose a password" }).waitFor();
  assertEquals(new URL(page.url()).search, "");
});

test("a code that another browser requested is refused with the reason", async (page) => {
  await page.goto(`${running().stack.base}/?code=00000000-0000-4000-8000-000000000000`);
  await page.getByText("This link works only in the browser in which it was requested.").waitFor();
  assertEquals(new URL(page.url()).search, "");
});

for (
  const [what, answer, sentence] of [
    ["invalid credentials", { status: 400, error_code: "invalid_credentials" }, "The email or the password is wrong."],
    ["an email that is not confirmed", { status: 400, error_code: "email_not_confirmed" }, "This email is not confirmed yet."],
    ["a disabled account", { status: 400, error_code: "user_banned" }, "This account is disabled."],
    ["too many tries", { status: 429, error_code: "over_request_rate_limit" }, "Too many tries."],
    ["a captcha", { status: 400, error_code: "captcha_failed" }, "This project asks for a captcha"],
    ["a failure of the server", { status: 500, error_code: "unexpected_failure" }, "The server failed (status 500)."],
    ["an unavailable server", { status: 503, error_code: "" }, "The server failed (status 503)."],
    ["an unknown refusal", { status: 422, error_code: "new_rule" }, "Refused by the server: as Auth says"],
    ["no connection", null, "The server cannot be reached."],
  ] as const
) {
  test(`the sign-in names ${what}`, async (page) => {
    await page.route("**/auth/v1/token*", (route) => {
      if (!answer) return route.abort("connectionrefused");
      const { status, error_code } = answer;
      return route.fulfill({ status, contentType: "application/json", json: { code: status, error_code, msg: "as Auth says" } });
    });
    await signIn(page, "viewer@example.com", "wrong password");
    const alert = page.getByRole("alert");
    await alert.waitFor();
    assert((await alert.innerText()).startsWith(sentence), await alert.innerText());
    assertEquals(await violations(page), []);
  });
}

test("the sign-in offers the providers that the project has enabled, and leads to the chosen one", async (page) => {
  assertEquals(await page.getByRole("button", { name: /^Sign in with/ }).count(), 0);
  const external = { email: true, phone: true, anonymous_users: true, github: true, linkedin_oidc: true, google: false };
  await page.route("**/auth/v1/settings", (route) => route.fulfill({ json: { external } }));
  await page.route("**/auth/v1/authorize*", (route) => route.fulfill({ contentType: "text/html", body: "provider" }));
  await page.reload();
  await page.getByRole("button", { name: "Sign in with LinkedIn" }).waitFor();
  assertEquals(await page.getByRole("button", { name: /^Sign in with/ }).allInnerTexts(), ["Sign in with GitHub", "Sign in with LinkedIn"]);
  assertEquals(await violations(page), []);
  await page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await page.getByText("provider").waitFor();
  const { searchParams } = new URL(page.url());
  assertEquals([searchParams.get("provider"), searchParams.get("redirect_to")], ["github", `${running().stack.base}/`]);
});

Deno.test({
  name: "an admin adds, changes and disables people on the page, and refusals are at their field; others do not see it",
  ignore: executable === null,
  fn: async () => {
    const { stack, browser } = running();
    const viewer = await visit(browser, stack, "viewer");
    assertEquals(await viewer.page.getByRole("link", { name: "People" }).count(), 0);
    await viewer.leave();
    const { page, open, errors, leave } = await visit(browser, stack, "admin");
    await open("/people", "People");
    await page.getByRole("rowheader", { name: "admin@example.com You", exact: true }).waitFor();
    await page.getByRole("button", { name: "Add a person" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Email").fill("bob");
    await dialog.getByRole("switch").check();
    await dialog.getByLabel("Password", { exact: true }).fill("short");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.locator(".wrong", { hasText: "Email must be an email address." }).waitFor();
    await dialog.locator(".wrong", { hasText: "Password must have 8 to 72 characters." }).waitFor();
    assertEquals(await dialog.locator("[aria-invalid=true]").count(), 2);
    assertEquals(await violations(page), []);
    await dialog.getByLabel("Email").fill("bob@example.com");
    await dialog.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await dialog.getByRole("button", { name: "Create" }).click();
    await page.getByText("bob@example.com can sign in now.").waitFor();
    assertEquals(await violations(page), []);
    const row = page.getByRole("row").filter({ hasText: "bob@example.com" });
    await row.getByLabel("Role of bob@example.com").selectOption("operator");
    await page.getByText(/bob@example.com has the role operator. An open session keeps its old rights until/).waitFor();
    await row.getByLabel("Role of bob@example.com").selectOption("none");
    const question = page.getByRole("dialog", { name: "Remove the role of bob@example.com?" });
    await question.getByRole("button", { name: "Cancel" }).click();
    await question.waitFor({ state: "detached" });
    assertEquals(await row.getByLabel("Role of bob@example.com").inputValue(), "operator");
    await row.getByLabel("Role of bob@example.com").selectOption("none");
    await question.getByRole("button", { name: "Remove the role" }).click();
    await page.getByText(/bob@example.com has no role/).waitFor();
    await row.getByLabel("Role of bob@example.com").focus();
    await row.getByLabel("Role of bob@example.com").selectOption("operator");
    await page.getByText(/bob@example.com has the role operator/).waitFor();
    await row.locator("select:enabled:focus").waitFor();
    await row.getByRole("button", { name: "Disable bob@example.com" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disable the person" }).click();
    await row.getByText("Disabled").waitFor();
    assertMatch(await command("list"), /bob@example.com +operator +disabled/);
    await row.getByRole("button", { name: "Enable bob@example.com" }).click();
    await row.getByText("Active").waitFor();
    const own = page.getByRole("row").filter({ hasText: "admin@example.com" });
    await own.getByText("Only another admin can change your role.").waitFor();
    assertEquals(await own.getByRole("combobox").count(), 0, "the role of the person who is signed in is a text");
    await page.getByText("What each role may do").click();
    await page.getByText("Also changes rules, channels, syncs and people.").waitFor();
    assertEquals(errors.filter((error) => !/status of 40[09]/.test(error)), []);
    await leave();
  },
});

Deno.test.afterAll(async () => {
  await browser?.close();
  await stack?.stop();
  await Deno.remove(folder, { recursive: true });
});
