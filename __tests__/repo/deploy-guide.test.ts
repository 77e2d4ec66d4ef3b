import { assertEquals } from "@std/assert";
import { connect } from "../../platform/database.ts";
import { createHostedProject } from "../../testing/hosted-project.ts";
import { startManagementApi } from "../../testing/management-api.ts";
import { run } from "../../testing/supabase-cli.ts";

const server = Deno.env.get("TEST_SERVER_URL");
// In CI no test is skipped, because scripts/test.ts provides the server.
const ignore = Deno.env.get("CI") !== "true" && !server;
/** The blocks that call a function; the functions do not run in this test, and other tests make these calls. */
const CALLS_A_FUNCTION = /deno task people|^curl /m;

interface Block {
  language: string;
  code: string;
}

/** The blocks of the steps in the order of the page, without the later changes. */
async function blocksOfTheGuide(): Promise<Block[]> {
  const [steps = ""] = (await Deno.readTextFile("docs/deploy.md")).split("\n## Changing things later");
  return [...steps.matchAll(/^ *```(sh|sql)\n([^]*?)^ *```$/gm)].map(([, language = "", code = ""]) => ({ language, code }));
}

Deno.test({ name: "each step of docs/deploy.md works on a new project, in the order of the page", ignore }, async () => {
  const api = startManagementApi();
  const folder = await Deno.makeTempDir({ prefix: "sync-guide-" });
  const url = await createHostedProject(String(server), `guide_${crypto.randomUUID().slice(0, 8)}`);
  const owner = await connect(url);
  try {
    const given = { PROJECT_REF: "abcdefghijklmnopqrst", DATABASE_URL: `${url}?sslmode=disable`, ...await api.env(folder) };
    const blocks = await blocksOfTheGuide();
    const done: string[] = [];
    for (const { language, code } of blocks.filter(({ code }) => !CALLS_A_FUNCTION.test(code))) {
      if (language === "sql") await owner.exec(code);
      else {
        // The exports of the reader are placeholders.
        const script = code.replaceAll(/^\s*export .*$/gm, "");
        const { success, text } = await run("bash", ["-euo", "pipefail", "-c", script], {
          env: { ...given, CI: "true", SUPABASE_TELEMETRY_DISABLED: "1" },
        });
        assertEquals([success, text], [true, text], code);
      }
      done.push(code);
    }
    assertEquals(blocks.length - done.length, 2, "the first admin and the check of the health call a function");
    const secrets = await owner.query("select name from vault.secrets order by name");
    assertEquals(secrets.map(({ name }) => name), ["project_url", "secret_key", "watchdog_secret", "watchdog_url"]);
    assertEquals([...api.secrets.keys()].sort(), ["AUDIT_KEY", "DASHBOARD_URL", "SYNC_WALL_CLOCK_MS"]);
    const folders = [...Deno.readDirSync("supabase/functions")].filter(({ name, isDirectory }) => isDirectory && !name.startsWith("_"));
    assertEquals([...api.deployed.keys()].sort(), folders.map(({ name }) => name).sort());
    assertEquals(Object.keys(JSON.parse(await Deno.readTextFile("dashboard/dist/config.json"))), ["url", "publishable_key"]);
  } finally {
    await owner.close();
    await api.stop();
    await Deno.remove("dashboard/dist/config.json").catch(() => {});
    await Deno.remove(folder, { recursive: true });
  }
});
