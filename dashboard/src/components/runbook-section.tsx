import { Link } from "wouter-preact";
import { type Block, type Inline, resolved, type RunbookValues, sectionsOf } from "../runbook-text.ts";
import { Copy } from "./copy.tsx";

/** The text of docs/runbook.md, which the build inserts. */
declare const RUNBOOK: string;
export const SECTIONS = sectionsOf(RUNBOOK);

function Part({ of: part }: { of: Inline }) {
  if ("code" in part) {
    return part.code.startsWith("select ") ? <Copy text={part.code} label="the statement" shown={part.code} /> : <code>{part.code}</code>;
  }
  if (!("href" in part)) return <>{part.text}</>;
  if (part.href.startsWith("#")) return <Link href={`/runbook/${part.href.slice(1)}`}>{part.text}</Link>;
  if (part.href.startsWith("/")) return <Link href={part.href}>{part.text}</Link>;
  // The page does not include the other files of the documentation, so a link to them is plain text.
  return /^https?:/.test(part.href) ? <a href={part.href}>{part.text}</a> : <>{part.text}</>;
}

/** A paragraph or a list of steps of the runbook, with the values of an incident and links to the views for the steps. */
export function BlockView({ of: block, values = {} }: { of: Block; values?: RunbookValues }) {
  const show = (parts: Inline[]) => parts.map((part, index) => <Part key={index} of={resolved(part, values)} />);
  return "items" in block
    ? <ol class="steps">{block.items.map((item, index) => <li key={index}>{show(item)}</li>)}</ol>
    : <p>{show(block.paragraph)}</p>;
}
