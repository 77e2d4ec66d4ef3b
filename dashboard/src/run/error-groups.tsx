import { Link } from "wouter-preact";
import { ErrorRecord } from "../components/error-record.tsx";
import { Severity } from "../components/status.tsx";
import { TournamentLinks } from "../components/tournament-links.tsx";
import { counted, number } from "../format.ts";
import type { Run } from "./run.ts";

/** The errors of the run by code, with the advice and the tournaments of each, and below them each error with its context. */
export const ErrorGroups = ({ run }: { run: Run }) => (
  <ul class="card groups">
    {run.error_groups.map((group) => (
      <li key={group.fingerprint}>
        <p class="head">
          <Severity of={group.severity} />{" "}
          <Link href={`/errors/${encodeURIComponent(group.fingerprint)}`}>
            <strong>{group.error_code}</strong>
          </Link>{" "}
          <span class="muted">{counted(group.count, "error")}</span>
        </p>
        <p class="message">{group.message}</p>
        {group.suggestion && <p>{group.suggestion}</p>}
        <TournamentLinks of={group.tournaments} />
      </li>
    ))}
    <li>
      <details>
        <summary>Each error with its context ({number(run.errors.length)})</summary>
        <div class="stack">{run.errors.map((error) => <ErrorRecord key={error.id} of={error} />)}</div>
      </details>
    </li>
  </ul>
);
