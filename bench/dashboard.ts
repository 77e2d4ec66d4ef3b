import type { CDPSession, Page, Response } from "playwright-core";
import { findChromium, launch, visit } from "../testing/browser.ts";
import { startStack } from "../platform/stack.ts";
import { until } from "../testing/wait.ts";
import { atMost, median, type Report, say, table } from "./report.ts";

const RUNS = 10_000, POLLS = 720, LOADS = 9, UNWATCHED_S = 125;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Measures the compressed bytes of script and style that the overview loads, and the time of its first figure. */
async function firstView(page: Page): Promise<{ script: number; style: number; painted: number[] }> {
  let script = 0, style = 0;
  const painted: number[] = [];
  // The observer stores the time of the first figure of the first row, by the clock of the page since its navigation.
  await page.addInitScript(`new MutationObserver((_, self) => {
    if (!document.querySelector("[data-entity] td.number")) return;
    self.disconnect();
    requestAnimationFrame(() => globalThis.paintedAt = performance.now());
  }).observe(document, { childList: true, subtree: true })`);
  for (let load = 0; load < LOADS; load++) {
    script = style = 0;
    const client = await page.context().newCDPSession(page);
    await client.send("Network.enable");
    await client.send("Network.setCacheDisabled", { cacheDisabled: true });
    const kinds = new Map<string, string>();
    client.on("Network.responseReceived", ({ requestId, type }) => kinds.set(requestId, type));
    client.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      if (kinds.get(requestId) === "Script") script += encodedDataLength;
      if (kinds.get(requestId) === "Stylesheet") style += encodedDataLength;
    });
    await page.reload();
    painted.push(await until("the first figure", async () => await page.evaluate<number>("globalThis.paintedAt ?? 0")));
    await client.detach();
  }
  return { script, style, painted };
}

const heap = async (client: CDPSession): Promise<number> => {
  await client.send("HeapProfiler.collectGarbage");
  const { metrics } = await client.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? NaN;
};

/** The growth of the heap in bytes from the tenth poll to the last; each return to the tab starts a poll. */
async function heapGrowth(page: Page): Promise<{ growth: number; notModified: number }> {
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable");
  let after10 = 0, notModified = 0;
  page.on("response", (response) => notModified += Number(response.status() === 304));
  for (let poll = 0; poll < POLLS; poll++) {
    const answered = page.waitForResponse((response) => response.url().endsWith("/health-overview"));
    await page.evaluate(`document.dispatchEvent(new Event("visibilitychange", { bubbles: true }))`);
    await answered;
    if (poll === 9) after10 = await heap(client);
  }
  await sleep(500);
  return { growth: await heap(client) - after10, notModified };
}

interface Requests {
  requests: number;
  notModified: number;
}

/** The number of requests in one minute, and of those with a 304; with `input`, the mouse moves from time to time. */
async function requestsPerMinute(page: Page, { input }: { input: boolean }): Promise<Requests> {
  const counted = { requests: 0, notModified: 0 };
  const count = (response: Response) => {
    counted.requests++;
    counted.notModified += Number(response.status() === 304);
  };
  page.on("response", count);
  for (let part = 0; part < 6; part++) {
    if (input) await page.mouse.move(300 + part, 300);
    await sleep(10_000);
  }
  page.off("response", count);
  return counted;
}

/** The parts of the browser API in use, for which Deno has no types. */
type Scrolled = { scrollTop: number; scrollHeight: number };
type Frames = { performance: { now(): number }; requestAnimationFrame(draw: (now: number) => void): void };

/** The milliseconds between frames while a table of all runs is scrolled from its end to its start. */
async function scrollFrames(page: Page, base: string): Promise<number[]> {
  await page.goto(`${base}/#/entities/matches_schedule`);
  const box = page.locator(".long");
  await box.waitFor();
  const rows = () => page.locator(".long table").getAttribute("aria-rowcount");
  await until("all rows", async () => {
    await box.evaluate((box: Scrolled) => box.scrollTop = box.scrollHeight);
    return Number(await rows()) > RUNS;
  });
  return await box.evaluate((box: Scrolled) =>
    new Promise<number[]>((resolve) => {
      const { performance, requestAnimationFrame } = globalThis as unknown as Frames;
      const frames: number[] = [], step = box.scrollHeight / 300;
      let last = performance.now();
      requestAnimationFrame(function frame(now) {
        frames.push(now - last);
        last = now;
        box.scrollTop -= step;
        if (box.scrollTop <= 0) resolve(frames.slice(1));
        else requestAnimationFrame(frame);
      });
    })
  );
}

/** Measures the size, first paint, heap growth, scrolling and idle requests of the page on the local platform. */
export async function measure(): Promise<Report> {
  const executable = await findChromium();
  if (!executable) throw new Error("this benchmark needs Chromium");
  const folder = await Deno.makeTempDir({ prefix: "sync-bench-" });
  const stack = await startStack({ port: 0, folder, write: () => {} });
  const browser = await launch(executable);
  try {
    await until(
      "the first runs",
      async () => (await stack.database.query("select 1 from sync_status where last_sync is not null")).length === 2,
    );
    await stack.database.query(
      `insert into sync_execution_history (entity_type, status, trigger, execution_start, execution_end, records_read)
      select 'matches_schedule', 'SUCCEEDED', 'CRON', t, t + interval '40 seconds', 400
      from generate_series(1, $1::int) n cross join lateral (select date_trunc('hour', now()) - n * interval '15 minutes' as t) due`,
      [RUNS],
    );
    const { page, leave } = await visit(browser, stack, "admin");
    const first = await firstView(page);
    const polls = await heapGrowth(page);
    const frames = await scrollFrames(page, stack.base);
    await page.goto(`${stack.base}/#/`);
    const watched = await requestsPerMinute(page, { input: true });
    await sleep(UNWATCHED_S * 1000);
    const idle = await requestsPerMinute(page, { input: false });
    await leave();
    const slowest = Math.max(...frames);
    table([
      "script kB",
      "style kB",
      "painted ms, median",
      "worst",
      "heap grew kB",
      "304s of polls",
      "slowest frame ms",
      "requests/min",
      "unwatched",
      "of them 304",
    ], [
      [
        first.script / 1000,
        first.style / 1000,
        median(first.painted),
        Math.max(...first.painted),
        polls.growth / 1000,
        polls.notModified,
        slowest,
        watched.requests,
        idle.requests,
        idle.notModified,
      ],
    ]);
    say(`${LOADS} loads with an empty cache, ${POLLS} polls, ${frames.length} frames over ${RUNS} rows`);
    return {
      figures: { first, polls, frames: { count: frames.length, median: median(frames), slowest }, watched, idle },
      bars: [
        atMost("script of the first view, kB compressed", first.script / 1000, 150),
        atMost("first meaningful paint, ms", median(first.painted), 1000),
        atMost("heap growth over 720 polls, kB", polls.growth / 1000, 5000),
        atMost("slowest frame, ms", slowest, 50),
        atMost("requests per minute of a watched overview", watched.requests, 20),
      ],
    };
  } finally {
    await browser.close();
    await stack.stop();
    await Deno.remove(folder, { recursive: true });
  }
}
