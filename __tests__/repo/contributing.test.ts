import { assertEquals } from "@std/assert";
import { run } from "../../testing/supabase-cli.ts";

const PAGES = ["CONTRIBUTING.md", "SECURITY.md"];
const files = (await run("git", ["ls-files", "--cached", "--others", "--exclude-standard"])).text.split("\n");
const schema = files.filter((path) => /^supabase\/(migrations|schemas)\//.test(path)).map((path) => path.replace(/^.*\/\d+_|\.sql$/g, ""));

for (const page of PAGES) {
  const text = await Deno.readTextFile(page);
  Deno.test(`each file that ${page} names exists`, () => {
    const named = [...text.matchAll(/`([\w./-]+\.(?:tsx?|md|json|toml))`|\]\(([\w./-]+\.md)/g)].map(([, code, link]) => code ?? link ?? "");
    assertEquals(named.filter((path) => !files.some((file) => file === path || file.endsWith(`/${path}`))), []);
    const subjects = [...text.matchAll(/`([a-z]+(?:_[a-z]+)*)`/g)].map(([, name = ""]) => name).filter((name) =>
      /schema$|measurement$|retention$|acts$/.test(name)
    );
    assertEquals(subjects.filter((name) => !schema.includes(name)), []);
  });
}

Deno.test("each anchor of a link in these pages is a heading", async () => {
  for (const page of PAGES) {
    for (const [, path = "", anchor = ""] of (await Deno.readTextFile(page)).matchAll(/\]\(([\w./-]+\.md)#([\w-]+)\)/g)) {
      const headings = [...(await Deno.readTextFile(path)).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
        title.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-")
      );
      assertEquals(headings.includes(anchor), true, `${path}#${anchor}`);
    }
  }
});
