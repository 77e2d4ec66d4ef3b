/** A part of a line: plain text, code, or a link. */
export type Inline = { text: string } | { code: string } | { text: string; href: string };
/** A paragraph or an ordered list of the runbook. */
export type Block = { paragraph: Inline[] } | { items: Inline[][] };

interface RunbookSection {
  /** The end of its address: the title in lower case, with hyphens. */
  anchor: string;
  title: string;
  blocks: Block[];
}

const MARKS = /`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)/g;

function inlines(lines: string): Inline[] {
  const line = lines.replace(/\s*\n\s*/g, " ").trim();
  const parts: Inline[] = [];
  let end = 0;
  for (const { 0: whole, 1: code, 2: text, 3: href, index } of line.matchAll(MARKS)) {
    if (index > end) parts.push({ text: line.slice(end, index) });
    parts.push(code !== undefined ? { code } : { text: text ?? "", href: href ?? "" });
    end = index + whole.length;
  }
  if (end < line.length) parts.push({ text: line.slice(end) });
  return parts;
}

const ITEM = /^\d+\. +/m;

function blockOf(text: string): Block {
  return /^\d+\. /.test(text) ? { items: text.split(ITEM).slice(1).map(inlines) } : { paragraph: inlines(text) };
}

/** The sections of docs/runbook.md, which has headings, paragraphs, ordered lists, code and links, and no other Markdown. */
export const sectionsOf = (markdown: string): RunbookSection[] =>
  markdown.split(/^## /m).slice(1).map((section) => {
    const [title = "", ...lines] = section.split("\n");
    const blocks = lines.join("\n").trim().split(/\n{2,}/).filter((block) => block.trim() !== "").map(blockOf);
    return { anchor: title.trim().toLowerCase().replaceAll(" ", "-"), title: title.trim(), blocks };
  });

/** The code that a step begins with: `VIS_*` covers every code of VIS; null for a step about any error. */
function codesOf(step: Inline[]): string[] {
  const text = step.slice(0, 4).map((part) => "code" in part ? `\0${part.code}` : part.text).join("");
  const codes = /^(?:An? )?(\0[A-Z_]+\*?(?: or \0[A-Z_]+\*?)*)/.exec(text)?.[1] ?? "";
  return codes.split(" or ").filter(Boolean).map((code) => code.slice(1));
}

/** The steps for an error code: those about other codes are left out; all of them without a code. */
export const stepsFor = (steps: Inline[][], code: string | null): Inline[][] =>
  steps.filter((step) => {
    const codes = codesOf(step);
    return code === null || codes.length === 0 ||
      codes.some((about) => about.endsWith("*") ? code.startsWith(about.slice(0, -1)) : about === code);
  });
