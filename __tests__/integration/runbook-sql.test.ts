import { assert, assertEquals } from "@std/assert";
import { openTestDatabase } from "../../testing/database.ts";

const db = await openTestDatabase();

/** The statements of the runbook, with a value for each placeholder. */
function statementsOf(page: string): string[] {
  const spans = [...page.matchAll(/`(select [^`]+;)`/g)].map(([, sql]) => sql ?? "");
  const blocks = [...page.matchAll(/deno task sql "([^"]+)"/g)].map(([, sql]) => sql ?? "");
  return [...spans, ...blocks].map((sql) => sql.replaceAll("<tournament>", "8104"));
}

Deno.test("each SQL statement of the runbook runs", async () => {
  const page = await Deno.readTextFile("docs/runbook.md");
  const statements = statementsOf(page);
  assert(statements.length >= 9, `${statements.length} statements`);
  // The runbook creates secrets that an installation lacks.
  await db.database.exec("delete from vault.secrets");
  const failed: string[] = [];
  for (const sql of statements) await db.database.exec(sql).catch((error: Error) => failed.push(`${sql}: ${error.message}`));
  assertEquals(failed, []);
});

Deno.test.afterAll(() => db.close());
