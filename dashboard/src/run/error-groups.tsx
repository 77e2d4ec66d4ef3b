import { Link } from "wouter-preact";
import { Severity } from "../components/status.tsx";
import { TournamentLinks } from "../components/tournament-links.tsx";
import { counted } from "../format.ts";
import type { Run } from "./run.ts";

/** The errors of the run by code, with the advice and the tournaments of each. */
export const ErrorGroups = ({ groups }: { groups: Run["error_groups"] }) => (
  <ul class="card groups">
    {groups.map((group) => (
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
  </ul>
);
