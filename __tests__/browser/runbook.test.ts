import { assertEquals } from "@std/assert";
import { sectionsOf } from "../../dashboard/src/runbook-text.ts";

const RUNBOOK = await Deno.readTextFile(new URL("../../docs/runbook.md", import.meta.url));

Deno.test("the page shows each section of the runbook under the address that the rules link to", () => {
  const titles = [...RUNBOOK.matchAll(/^## (.+)$/gm)].map(([, title = ""]) => title);
  assertEquals(
    sectionsOf(RUNBOOK).map(({ title, anchor }) => [title, anchor]),
    titles.map((title) => [title, title.toLowerCase().replaceAll(" ", "-")]),
  );
});

Deno.test("a section of the runbook has paragraphs, ordered lists, code and links", () => {
  const markdown =
    "# Runbook\n\nIntroduction.\n\n## One Rule\n\nTwo\nlines.\n\n1. Run\n   `select\n   1`.\n2. Read [this](#other-rule) now.\n\n## Other\n\nText.\n";
  assertEquals(sectionsOf(markdown), [
    {
      anchor: "one-rule",
      title: "One Rule",
      blocks: [
        { paragraph: [{ text: "Two lines." }] },
        {
          items: [
            [{ text: "Run " }, { code: "select 1" }, { text: "." }],
            [{ text: "Read " }, { text: "this", href: "#other-rule" }, { text: " now." }],
          ],
        },
      ],
    },
    { anchor: "other", title: "Other", blocks: [{ paragraph: [{ text: "Text." }] }] },
  ]);
});

Deno.test("no Markdown of the runbook is shown as it is written", () => {
  const shown = JSON.stringify(sectionsOf(RUNBOOK).flatMap(({ blocks }) => blocks), (key, value) => key === "code" ? "" : value);
  assertEquals(shown.match(/`|\]\(|\*\*|\\n|"(- |#+ |\| )/g), null);
});
