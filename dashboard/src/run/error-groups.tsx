import { Link } from "wouter-preact";
import { ErrorRecord } from "../components/error-record.tsx";
import { Severity } from "../components/status.tsx";
import { TournamentLinks } from "../components/tournament-links.tsx";
import { capitalised, counted, number } from "../format.ts";
import type { Run } from "./run.ts";

/** The errors of the run by fingerprint, with their codes, advice and tournaments, and below them each error with its context. */
export const ErrorGroups = ({ run }: { run: Run }) => (
  <ul class="card groups">
    {run.error_groups.map((group) => (
      <li key={group.fingerprint}>
        <p class="head">
          <Severity of={group.severity} />{" "}
          <Link href={`/errors/${encodeURIComponent(group.fingerprint)}`}>
            <strong>{capitalised(group.message)}</strong>
          </Link>
        </p>
        <p class="under">
          <code>{group.error_code}</code> {group.count > 1 && counted(group.count, "error")}
        </p>
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
