import { Link } from "wouter-preact";
import { type Block, type Inline, sectionsOf } from "../runbook-text.ts";

/** The text of docs/runbook.md, which the build puts here. */
declare const RUNBOOK: string;
export const SECTIONS = sectionsOf(RUNBOOK);

function Part({ of: part }: { of: Inline }) {
  if ("code" in part) return <code>{part.code}</code>;
  if (!("href" in part)) return <>{part.text}</>;
  if (part.href.startsWith("#")) return <Link href={`/runbook/${part.href.slice(1)}`}>{part.text}</Link>;
  // The other files of the documentation are not part of the page.
  return /^https?:/.test(part.href) ? <a href={part.href}>{part.text}</a> : <>{part.text}</>;
}
const Parts = ({ of: parts }: { of: Inline[] }) => <>{parts.map((part, index) => <Part key={index} of={part} />)}</>;

/** A paragraph or a list of steps of the runbook. */
export const BlockView = ({ of: block }: { of: Block }) =>
  "items" in block
    ? (
      <ol class="steps">
        {block.items.map((item, index) => (
          <li key={index}>
            <Parts of={item} />
          </li>
        ))}
      </ol>
    )
    : (
      <p>
        <Parts of={block.paragraph} />
      </p>
    );
