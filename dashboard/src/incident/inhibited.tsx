import { Link } from "wouter-preact";
import { title } from "../format.ts";
import type { Incident } from "./incident.ts";

/** The number of inhibited incidents that are shown at first. */
const SHOWN = 5;

type Child = Incident["children"][number];

/** The incidents that this one inhibits, with one line each; the first five are shown, and the others are folded. */
export function Inhibited({ incident: { children } }: { incident: Incident }) {
  if (!children.length) return null;
  const others = children.slice(SHOWN);
  return (
    <section class="card pad">
      <header class="section">
        <h2>Inhibited: the same cause</h2>
        <span class="muted">{children.length}</span>
      </header>
      <Lines of={children.slice(0, SHOWN)} />
      {others.length > 0 && (
        <details>
          <summary>{others.length} more</summary>
          <Lines of={others} />
        </details>
      )}
    </section>
  );
}

const Lines = ({ of }: { of: Child[] }) => (
  <ul class="lines inhibited">
    {of.map(({ id, rule_name, tournament_no, scope, state }) => (
      <li key={id}>
        <Link href={`/alerts/${id}`}>{rule_name}</Link> <span class="muted">{tournament_no ? `Tournament ${tournament_no}` : scope}</span>
        {" "}
        <span class="muted">{title(state)}</span>
      </li>
    ))}
  </ul>
);
