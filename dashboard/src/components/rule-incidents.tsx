import { Link } from "wouter-preact";
import type { AlertSummary } from "../../../types/monitoring.ts";
import { Pill } from "./status.tsx";
import { Since } from "./time.tsx";

/** The number of incidents of a rule that have links. */
const SHOWN = 3;

/** The live incidents of a rule. */
export function RuleIncidents({ of: incidents }: { of: AlertSummary[] }) {
  const rest = incidents.length - SHOWN;
  return (
    <>
      {incidents.slice(0, SHOWN).map(({ id, state, muted_by, tournament_no, began_at }) => (
        <Link key={id} href={`/alerts/${id}`} class="rule-incident">
          {muted_by === "PARENT" ? <span class="pill">Inhibited</span> : <Pill of={state} />}{" "}
          {tournament_no ? `tournament ${tournament_no}` : (
            <span>
              for <Since at={began_at} />
            </span>
          )}
        </Link>
      ))}
      {rest > 0 && <Link href="/alerts" class="rule-incident">{rest} more</Link>}
    </>
  );
}
