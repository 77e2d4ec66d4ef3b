import { Link } from "wouter-preact";
import { duration, number } from "../format.ts";
import type { Run } from "./run.ts";

interface Line {
  name: string;
  now: number | null;
  before: number | null | undefined;
  usual: number | null | undefined;
  format: (value: number | null | undefined) => string;
}

function linesOf(run: Run): Line[] {
  const { previous_run: before, usual } = run;
  return [
    { name: "Duration", now: run.duration_ms, before: before?.duration_ms, usual: usual?.p50_duration_ms, format: duration },
    { name: "Tournaments", now: run.tournaments_processed, before: before?.tournaments_processed, usual: undefined, format: number },
    { name: "Failed", now: run.tournaments_failed, before: before?.tournaments_failed, usual: undefined, format: number },
    { name: "Records", now: run.records_processed, before: before?.records_processed, usual: usual?.records_processed, format: number },
    { name: "Requests", now: run.api_calls, before: before?.api_calls, usual: usual?.api_calls, format: number },
    { name: "Retries", now: run.api_retries, before: before?.api_retries, usual: usual?.api_retries, format: number },
    { name: "Database calls", now: run.database_calls, before: before?.database_calls, usual: usual?.database_calls, format: number },
    { name: "CPU", now: run.cpu_ms, before: before?.cpu_ms, usual: usual?.cpu_ms, format: duration },
  ];
}

/** The figures of the run beside those of the run before and the usual ones. */
export function Comparison({ run }: { run: Run }) {
  const { previous_run: before, usual } = run;
  return (
    <div class="scroll" role="region" aria-label="The run beside others" tabIndex={0}>
      <table class="comparison">
        <caption class="unseen">The run beside the run before and the usual one</caption>
        <thead>
          <tr>
            <th scope="col">Compared</th>
            <th scope="col" class="number">This run</th>
            <th scope="col" class="number">{before ? <Link href={`/runs/${before.id}`}>Before</Link> : "Before"}</th>
            <th scope="col" class="number">
              <span title={usual ? `The median of ${number(usual.runs)} full runs in the 7 days before` : undefined}>Usual</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {linesOf(run).map(({ name, now, before, usual, format }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">
                <strong>{format(now)}</strong>
              </td>
              <td class="number">{format(before)}</td>
              <td class="number">{format(usual)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
