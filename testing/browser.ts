import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Stack } from "../platform/stack.ts";

/** Where Debian and others put it. */
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** A Chromium of this machine; null when there is none. */
export async function findChromium(): Promise<string | null> {
  for (const path of [Deno.env.get("CHROMIUM") ?? "", ...PLACES]) {
    if (path && await Deno.stat(path).catch(() => null)) return path;
  }
  return null;
}

export function launch(executablePath: string): Promise<Browser> {
  const quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"];
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", ...quiet] });
}

/** A person at a browser of their own: signed in, with what went wrong in the page written down. */
export interface Visitor {
  page: Page;
  /** Errors the page threw or logged. */
  troubles: string[];
  /** Opens a view and waits for its heading. */
  open(address: string, heading?: string): Promise<void>;
  leave(): Promise<void>;
}

export async function visit(
  browser: Browser,
  stack: Stack,
  role: "viewer" | "operator" | "admin",
  options: BrowserContextOptions = {},
): Promise<Visitor> {
  await stack.pageReady;
  const context = await browser.newContext({
    locale: "en-GB",
    timezoneId: "Europe/Vienna",
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const troubles: string[] = [];
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  const account = stack.state.accounts.find((one) => one.role === role);
  await page.goto(`${stack.base}/`);
  await page.getByLabel("Email").fill(account?.email ?? "");
  await page.getByLabel("Password").fill(account?.password ?? "");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  return {
    page,
    troubles,
    async open(address, heading) {
      await page.goto(`${stack.base}/#${address}`);
      await (heading ? page.getByRole("heading", { level: 1, name: heading }) : page.locator("h1")).waitFor();
      await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
    },
    leave: () => context.close(),
  };
}

/** What axe finds wrong with the page as it is, a line each: rule, and where. */
export async function violations(page: Page): Promise<string[]> {
  // Colours that still fade in are not those that are read; a fade that is called off, as when its element goes, rejects and is over too.
  await page.evaluate(`Promise.allSettled(document.getAnimations()
    .filter((one) => one.effect?.getTiming().iterations === 1).map((one) => one.finished)).then(() => null)`);
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`)
    );
  });
  return found;
}
