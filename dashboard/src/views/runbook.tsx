import { Link, useParams } from "wouter-preact";
import { Page } from "../components/page.tsx";
import { type Block, type Inline, sectionsOf } from "../runbook-text.ts";

/** The text of docs/runbook.md, which the build puts here. */
declare const RUNBOOK: string;
const SECTIONS = sectionsOf(RUNBOOK);

function Part({ of: part }: { of: Inline }) {
  if ("code" in part) return <code>{part.code}</code>;
  if (!("href" in part)) return <>{part.text}</>;
  if (part.href.startsWith("#")) return <Link href={`/runbook/${part.href.slice(1)}`}>{part.text}</Link>;
  // The other files of the documentation are not part of the page.
  return /^https?:/.test(part.href) ? <a href={part.href}>{part.text}</a> : <>{part.text}</>;
}
const Parts = ({ of: parts }: { of: Inline[] }) => <>{parts.map((part, index) => <Part key={index} of={part} />)}</>;

const BlockView = ({ of: block }: { of: Block }) =>
  "items" in block
    ? (
      <ol>
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

/** What to do about an alert rule, or the list of the rules. */
export default function Runbook() {
  const { anchor } = useParams();
  const section = SECTIONS.find((candidate) => candidate.anchor === anchor);
  if (!section) {
    return (
      <Page key="all" title="Runbook" lead={anchor && `The runbook has no section ${anchor}.`}>
        <ul>
          {SECTIONS.map(({ anchor, title }) => (
            <li key={anchor}>
              <Link href={`/runbook/${anchor}`}>{title}</Link>
            </li>
          ))}
        </ul>
      </Page>
    );
  }
  return (
    <Page
      key={section.anchor}
      title={section.title}
      lead={
        <>
          What to do · <Link href="/runbook">all rules</Link>
        </>
      }
    >
      {section.blocks.map((block, index) => <BlockView key={index} of={block} />)}
    </Page>
  );
}
