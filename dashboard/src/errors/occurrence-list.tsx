import { Link } from "wouter-preact";
import { ExecutionListResponse } from "../../../types/history.ts";
import { EntityName } from "../components/entity-name.tsx";
import { Status } from "../components/status.tsx";
import { Moment } from "../components/time.tsx";
import { TournamentLinks } from "../components/tournament-links.tsx";
import { counted, number } from "../format.ts";
import { pathOf, useRead } from "../queries.ts";
import type { ErrorOfGroup, Occurrence } from "./occurrences.ts";

/** The tournaments that a line names; its run has all of them. */
const NAMED = 12;

const differ = (of: Occurrence[], valueOf: (one: Occurrence) => unknown): boolean => new Set(of.map(valueOf)).size > 1;

const numbersOf = (tournaments: Occurrence["tournaments"]): string => tournaments.map(({ no }) => no).join();

/** A run begins less than this before its errors. */
const LONGEST_RUN_MS = 3_600_000;

/** The outcomes of the newest runs in which the errors occurred, by id. */
function useOutcomes(of: Occurrence[]): Map<string, string> {
  const ofRuns = of.filter(({ runId }) => runId !== null);
  const from = new Date(Date.parse(ofRuns.at(-1)?.at ?? "1970-01-01") - LONGEST_RUN_MS).toISOString();
  const path = pathOf("sync-monitoring/executions", { from, to: ofRuns[0]?.at, limit: 200 });
  const runs = useRead(path, ExecutionListResponse, { every: 60_000, isEnabled: ofRuns.length > 0 }).data?.executions;
  return new Map(runs?.map(({ id, status }) => [id, status]));
}

/** The runs in which the errors occurred, newest first; what all of them share is in the head of the view. */
export function OccurrenceList({ of }: { of: Occurrence[] }) {
  const hasState = differ(of, ({ open }) => open > 0) || of.some(({ open, errors }) => open > 0 && open < errors.length);
  const hasSync = differ(of, ({ entity }) => entity);
  const outcomes = useOutcomes(of);
  return (
    <ul class="groups occurrences" aria-label="Errors with the same fingerprint, by run">
      {of.map(({ key, runId, entity, at, errors, tournaments, open }, index) => (
        <li key={key}>
          <span>
            {runId
              ? (
                <Link href={`/runs/${runId}`}>
                  Run of <Moment at={at} />
                </Link>
              )
              : <Moment at={at} hasSeconds />}
          </span>{" "}
          <Outcome of={runId === null ? undefined : outcomes.get(runId)} />{" "}
          <div>
            {hasSync && (
              <p>
                <EntityName of={entity} />
              </p>
            )}
            {tournaments.length > 1 && numbersOf(tournaments) === numbersOf(of[index - 1]?.tournaments ?? [])
              ? <p class="muted">the same {counted(tournaments.length, "tournament")}</p>
              : <TournamentLinks of={tournaments.slice(0, NAMED)} others={Math.max(tournaments.length - NAMED, 0)} />}
          </div>{" "}
          <span>
            {hasState
              ? <Status of={open ? "PENDING" : "RESOLVED"} label={open ? `${number(open)} open` : undefined} />
              : <span class="muted">{errors.length > 1 && counted(errors.length, "error")}</span>}
          </span>
          <Contexts of={errors} />
        </li>
      ))}
    </ul>
  );
}

const Outcome = ({ of }: { of: string | undefined }) => <span>{of && <Status of={of} />}</span>;

/** The contexts of the errors, each with its tournament. */
function Contexts({ of: errors }: { of: ErrorOfGroup[] }) {
  const known = errors.filter(({ error_context }) => error_context !== null);
  if (!known.length) return null;
  return (
    <details>
      <summary>Context</summary>
      <div class="stack">
        {known.map(({ id, tournament_no, error_message, error_context }) => (
          <div key={id} class="context">
            {known.length > 1 && <p class="muted">{tournament_no ? `Tournament ${tournament_no}: ${error_message}` : error_message}</p>}
            <pre tabIndex={0}>{JSON.stringify(error_context, null, 2)}</pre>
          </div>
        ))}
      </div>
    </details>
  );
}
