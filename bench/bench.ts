import { runInterruptible } from "../testing/interruptible.ts";
import { type Report, say } from "./report.ts";

const HELPERS = [
  "bench.ts",
  "burn-rates.ts",
  "report.ts",
  "scripted-days.ts",
  "scripted-month.ts",
  "seed-year.ts",
  "server.ts",
  "sync-worker.ts",
  "sync-workers.ts",
];
const names = [...Deno.readDirSync(new URL(".", import.meta.url))]
  .filter(({ name, isFile }) => isFile && !HELPERS.includes(name))
  .map(({ name }) => name.replace(/\.ts$/, ""))
  .sort();
const [name = ""] = Deno.args;
if (!names.includes(name)) {
  say(`usage: deno task bench ${names.join("|")}`);
  Deno.exit(2);
}
await runInterruptible(async () => {
  const { measure } = await import(new URL(`${name}.ts`, import.meta.url).href) as { measure: () => Promise<Report> };
  const { figures, bars } = await measure();
  say(JSON.stringify({ bench: name, figures, bars }));
  return bars.every((bar) => bar.holds) ? 0 : 1;
});
