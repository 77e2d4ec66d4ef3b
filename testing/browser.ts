import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Stack } from "../platform/stack.ts";

/** The paths at which Debian and other distributions install a Chromium. */
const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The path of an installed Chromium; null without one. */
export async function findChromium(): Promise<string | null> {
  for (const path of [Deno.env.get("CHROMIUM") ?? "", ...PATHS]) {
    if (path && await Deno.stat(path).catch(() => null)) return path;
  }
  return null;
}

export function launch(executablePath: string): Promise<Browser> {
  const quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"];
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", ...quiet] });
}

/** A signed-in user in a separate browser context. */
export interface Visitor {
  page: Page;
  /** The errors that the page threw or logged. */
  errors: string[];
  /** Opens a view and waits for its heading. */
  open(address: string, heading?: string): Promise<void>;
  leave(): Promise<void>;
}

/** A time zone in which the time is about 13:00, because a view shows the day of a time of another day. */
function afternoonZone(): string {
  const offset = 13 - new Date().getUTCHours();
  // The sign of these names is positive to the west.
  return `Etc/GMT${offset < 0 ? "+" : "-"}${Math.abs(offset)}`;
}

/** Signs in as a person of the role, by default in the afternoon, so that no test depends on the time of day. */
export async function visit(
  browser: Browser,
  stack: Stack,
  role: "viewer" | "operator" | "admin",
  options: BrowserContextOptions = {},
): Promise<Visitor> {
  await stack.pageReady;
  const context = await browser.newContext({
    locale: "en-GB",
    timezoneId: afternoonZone(),
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  const account = stack.state.accounts.find((candidate) => candidate.role === role);
  await page.goto(`${stack.base}/`);
  await page.getByLabel("Email").fill(account?.email ?? "");
  await page.getByLabel("Password").fill(account?.password ?? "");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  return {
    page,
    errors,
    async open(address, heading) {
      await page.goto(`${stack.base}/#${address}`);
      await (heading ? page.getByRole("heading", { level: 1, name: heading }) : page.locator("h1")).waitFor();
      await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
    },
    async leave() {
      // The page polls, so a route can wait for a reply that the closed context no longer delivers.
      if (!page.isClosed()) await page.unrouteAll({ behavior: "ignoreErrors" });
      await context.close();
    },
  };
}

/** Waits until the page has drawn what changed before the call. */
export const nextFrame = (page: Page): Promise<void> =>
  page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))");

/** Sets the size of the window and waits for the page: the styles change at once, what the page renders for a narrow window a frame later. */
export async function resize(page: Page, width: number, height: number): Promise<void> {
  await page.setViewportSize({ width, height });
  await nextFrame(page);
}

/** Lets `change` replace the JSON body of each answer from an address, e.g. `sync-monitoring/system-status`. */
export async function changeReply<Body>(page: Page, address: string, change: (body: Body) => unknown): Promise<void> {
  await page.route(`**/${address}`, async (route) => {
    // The request has no tag of an earlier answer, so that the answer has a body.
    const { "if-none-match": _, ...headers } = route.request().headers();
    const answer = await route.fetch({ headers });
    await route.fulfill({ json: change(await answer.json()) });
  });
}

/** The accessibility violations that axe finds in the page: one line for each rule and element. */
export async function violations(page: Page): Promise<string[]> {
  // The check waits for animations, because axe measures the contrast of colours in transition. A cancelled animation rejects and has also
  // ended.
  await page.evaluate(`Promise.allSettled(document.getAnimations()
    .filter((animation) => animation.effect?.getTiming().iterations === 1).map((animation) => animation.finished)).then(() => null)`);
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`)
    );
  });
  return found;
}
