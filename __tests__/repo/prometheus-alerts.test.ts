import { assert, assertEquals } from "@std/assert";
import { NO_PROMTOOL, promtool } from "../../testing/promtool.ts";

const alerts = await Deno.readTextFile("docs/prometheus/alerts.yml");
const tests = await Deno.readTextFile("docs/prometheus/alerts.test.yml");

for (
  const args of [
    ["check", "config", "--syntax-only", "docs/prometheus/prometheus.yml"],
    ["check", "rules", "docs/prometheus/alerts.yml"],
    ["test", "rules", "docs/prometheus/alerts.test.yml"],
  ]
) {
  Deno.test({
    name: `promtool ${args.join(" ")} succeeds`,
    ignore: NO_PROMTOOL,
    async fn() {
      const { code, text } = await promtool(args);
      assertEquals([code, text], [0, text], text);
    },
  });
}

Deno.test("each alert for Prometheus has a test in which it fires and one in which it does not", () => {
  const cases = tests.split(/\balertname: /).slice(1).map((text) => ({
    alert: text.split("\n")[0],
    fires: text.includes("exp_alerts:"),
  }));
  for (const [, name] of alerts.matchAll(/- alert: (\w+)/g)) {
    const outcomes = cases.filter(({ alert }) => alert === name).map(({ fires }) => fires);
    assertEquals([outcomes.includes(true), outcomes.includes(false)], [true, true], name);
  }
});

Deno.test("the alerts for Prometheus lead to sections of the runbook", async () => {
  const sections = [...(await Deno.readTextFile("docs/runbook.md")).matchAll(/^## (.+)$/gm)].map(([, title = ""]) =>
    `docs/runbook.md#${title.toLowerCase().replaceAll(" ", "-")}`
  );
  const linked = [...alerts.matchAll(/runbook: (\S+)/g)].map(([, link]) => String(link));
  assert(linked.length > 5);
  assertEquals(linked.filter((link) => !sections.includes(link)), []);
});
