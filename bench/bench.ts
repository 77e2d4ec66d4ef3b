import { type Report, say } from "./report.ts";

const names = [...Deno.readDirSync(new URL(".", import.meta.url))].map((file) => file.name.replace(/\.ts$/, "")).filter((name) =>
  !["bench", "report", "scripted-days", "scripted-month", "seed-year", "server"].includes(name)
);
const [name = ""] = Deno.args;
if (!names.includes(name)) {
  say(`usage: deno task bench ${names.join("|")}`);
  Deno.exit(2);
}
const { measure } = await import(new URL(`${name}.ts`, import.meta.url).href) as { measure: () => Promise<Report> };
const { figures, bars } = await measure();
say(JSON.stringify({ bench: name, figures, bars }));
Deno.exit(bars.every((bar) => bar.holds) ? 0 : 1);
