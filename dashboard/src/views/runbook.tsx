import { Link, useParams } from "wouter-preact";
import { Page } from "../components/page.tsx";
import { BlockView, SECTIONS } from "../components/runbook-section.tsx";

/** The section of the runbook about an alert rule, or the list of the sections. */
export default function Runbook() {
  const { anchor } = useParams();
  const section = SECTIONS.find((candidate) => candidate.anchor === anchor);
  if (!section) {
    return (
      <Page key="all" title="Runbook" lead={anchor && `The runbook has no section ${anchor}.`}>
        <ul class="links card pad">
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
    <Page key={section.anchor} title={section.title} crumb={<Link href="/runbook">Runbook</Link>}>
      <section class="card pad prose">
        {section.blocks.map((block, index) => <BlockView key={index} of={block} />)}
      </section>
    </Page>
  );
}
