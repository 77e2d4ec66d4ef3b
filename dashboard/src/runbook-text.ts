/** A part of a line: plain text, code, or a link. */
export type Inline = { text: string } | { code: string } | { text: string; href: string };
/** A paragraph or an ordered list of the runbook. */
export type Block = { paragraph: Inline[] } | { items: Inline[][] };

export interface RunbookSection {
  /** The anchor of the section: its title in lower case, with hyphens. */
  anchor: string;
  title: string;
  blocks: Block[];
}

/** The values of an incident for the placeholders of the runbook: `<tournament>` is its tournament number. */
export type RunbookValues = Partial<Record<"tournament" | "entity" | "run" | "rule" | "objective_id", string | null>>;

/** The view of the page for each API call in the runbook, by the beginning of the call; without an address, the call is shown. */
const VIEWS: readonly (readonly [call: string, text: string, address: (values: RunbookValues) => string | null | undefined])[] = [
  ["GET sync-monitoring/health-overview", "health of the syncs", () => "/"],
  ["GET sync-monitoring/system-status", "System", () => "/system"],
  ["GET sync-monitoring/error-analytics", "Errors", () => "/errors"],
  ["GET sync-monitoring/executions/<run>", "its run", ({ run }) => run && `/runs/${run}`],
  ["GET sync-monitoring/executions?entity=<entity>", "its runs", ({ entity }) => entity && `/entities/${entity}`],
  ["POST sync-admin/manual-trigger", "Sync now", ({ entity, tournament }) => {
    const preset = Object.entries({ entity, tournament }).filter(([, value]) => value).map(([name, value]) => `${name}=${value}`);
    return `/sync${preset.length ? `?${preset.join("&")}` : ""}`;
  }],
  ["POST sync-admin/test-connectivity", "System", () => "/system"],
  ["POST sync-admin/upstream/end-backoff", "End the backoff", () => "/"],
  ["POST sync-admin/silences", "Silences", ({ tournament }) => `/alerts/silences${tournament ? `?tournament=${tournament}` : ""}`],
  ["GET sync-admin/queue-status", "Queue", () => "/sync"],
  ["GET sync-admin/jobs/", "Jobs", () => "/sync"],
  ["POST sync-admin/jobs/", "Jobs", () => "/sync"],
  ["PUT sync-admin/channels/", "Channels", () => "/alerts/channels"],
  ["POST sync-admin/channels/", "Channels", () => "/alerts/channels"],
  ["GET sync-admin/notifications/", "Incidents", () => "/alerts"],
  ["POST sync-admin/notifications/", "Incidents", () => "/alerts"],
  [
    "GET sync-monitoring/objectives/<objective_id>",
    "its budget and causes",
    ({ objective_id }) => objective_id && `/objectives/${objective_id}`,
  ],
  ["GET sync-admin/alert-rules", "Alert rules", () => "/alerts/rules"],
  ["POST sync-admin/alert-rules/<rule>", "the rule", ({ rule }) => rule && `/alerts/rules/${rule}`],
  ["PATCH sync-admin/alert-rules/<rule>", "the rule", ({ rule }) => rule && `/alerts/rules/${rule}`],
];

/** A code with the values of an incident, as a link if a view of the page does the same; other parts are not changed. */
export function resolved(part: Inline, values: RunbookValues): Inline {
  if (!("code" in part)) return part;
  const [, text = "", address] = VIEWS.find(([call]) => part.code.startsWith(call)) ?? [];
  const href = address?.(values);
  if (href) return { text, href };
  return { code: part.code.replace(/<(\w+)>/g, (placeholder, name: keyof RunbookValues) => values[name] ?? placeholder) };
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

/** The error codes at the beginning of a step; `VIS_*` stands for every code of VIS, and null for any error. */
function codesOf(step: Inline[]): string[] {
  const text = step.slice(0, 4).map((part) => "code" in part ? `\0${part.code}` : part.text).join("");
  const codes = /^(?:An? )?(\0[A-Z_]+\*?(?: or \0[A-Z_]+\*?)*)/.exec(text)?.[1] ?? "";
  return codes.split(" or ").filter(Boolean).map((code) => code.slice(1));
}

/** The steps for an error code, without those for other codes; all steps without a code. */
export const stepsFor = (steps: Inline[][], code: string | null): Inline[][] =>
  steps.filter((step) => {
    const codes = codesOf(step);
    return code === null || codes.length === 0 ||
      codes.some((about) => about.endsWith("*") ? code.startsWith(about.slice(0, -1)) : about === code);
  });

/** The lists of steps of a section; a section without steps links to the section whose steps apply. */
export function stepsOf(section: RunbookSection, all: readonly RunbookSection[]): Inline[][][] {
  const own = section.blocks.flatMap((block) => "items" in block ? [block.items] : []);
  if (own.length > 0) return own;
  const links = section.blocks.flatMap((block) => "paragraph" in block ? block.paragraph : []);
  const other = all.find(({ anchor }) => links.some((part) => "href" in part && part.href === `#${anchor}`));
  return other && other !== section ? stepsOf(other, all) : [];
}
