import { Link } from "wouter-preact";
import { duration, number } from "../format.ts";
import type { Run } from "./run.ts";

type Figure = number | null | undefined;
interface Line {
  name: string;
  now: Figure;
  before: Figure;
  usual: Figure;
  format?: (value: Figure) => string;
  /** Whether a difference from the previous run, or from the usual figures, is neither better nor worse. */
  isNeutral?: { before: boolean; usual: boolean };
}

const NEUTRAL = { before: true, usual: true };

/** The share of the other value below which a difference is the usual variation. */
const NOTABLE = 0.1;
/** The share of the other value below which a difference is not shown. */
const SAME = 0.02;

function linesOf(run: Run): Line[] {
  const { previous_run: before, usual } = run;
  // A PARTIAL run did less work, so a shorter time is not better.
  const isWhole = run.status === "SUCCEEDED";
  const time = { isNeutral: { before: !isWhole || before?.status !== "SUCCEEDED", usual: !isWhole }, format: duration };
  return [
    { name: "Duration", now: run.duration_ms, before: before?.duration_ms, usual: usual?.p50_duration_ms, ...time },
    { name: "Tournaments", now: run.tournaments_processed, before: before?.tournaments_processed, usual: null, isNeutral: NEUTRAL },
    { name: "Failed", now: run.tournaments_failed, before: before?.tournaments_failed, usual: null },
    { name: "Records", now: run.records_processed, before: before?.records_processed, usual: usual?.records_processed, isNeutral: NEUTRAL },
    { name: "Requests", now: run.api_calls, before: before?.api_calls, usual: usual?.api_calls, isNeutral: NEUTRAL },
    { name: "Retries", now: run.api_retries, before: before?.api_retries, usual: usual?.api_retries },
    { name: "Database calls", now: run.database_calls, before: before?.database_calls, usual: usual?.database_calls, isNeutral: NEUTRAL },
    { name: "CPU", now: run.cpu_ms, before: before?.cpu_ms, usual: usual?.cpu_ms, ...time },
  ].filter(({ now, before, usual }) => typeof now === "number" && (typeof before === "number" || typeof usual === "number"));
}

/** Another value and its difference from the run: `59 s ↓ 39 s`. */
function Other({ now, other, format = number, isNeutral }: { now: Figure; other: Figure; format?: Line["format"]; isNeutral?: boolean }) {
  if (typeof other !== "number" || typeof now !== "number") {
    return (
      <>
        <td class="number muted">–</td>
        <td />
      </>
    );
  }
  const difference = Math.abs(now - other) <= other * SAME ? 0 : now - other;
  const sense = isNeutral || Math.abs(difference) <= other * NOTABLE ? null : difference > 0 ? "worse" : "better";
  const direction = difference > 0 ? "higher" : "lower";
  const label = sense ? `${direction}, ${sense}` : direction;
  return (
    <>
      <td class="number">{format(other)}</td>
      <td class="difference">
        {difference === 0 ? <small>same</small> : (
          <small class={sense === "worse" ? "bad" : sense === "better" ? "good" : undefined}>
            <span role="img" aria-label={label} title={label}>{difference > 0 ? "↑" : "↓"}</span> {format(Math.abs(difference))}
          </small>
        )}
      </td>
    </>
  );
}

/** Whether the run can be compared with another run. */
export const hasComparison = (run: Run): boolean => linesOf(run).length > 0;

const DifferenceHead = () => (
  <th scope="col">
    <span class="unseen">Difference</span>
  </th>
);

/** The figures of the run beside those of the previous run and the usual ones. */
export function Comparison({ run }: { run: Run }) {
  const { previous_run: before } = run;
  return (
    <div class="scroll" role="region" aria-label="Comparison with other runs" tabIndex={0}>
      <table class="comparison">
        <caption class="unseen">The run, the previous run and the usual run, with the difference to each</caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="unseen">Figure</span>
            </th>
            <th scope="col" class="number">This run</th>
            <th scope="col" class="number">{before ? <Link href={`/runs/${before.id}`}>Previous</Link> : "Previous"}</th>
            <DifferenceHead />
            <th scope="col" class="number">Usual</th>
            <DifferenceHead />
          </tr>
        </thead>
        <tbody>
          {linesOf(run).map(({ name, now, before, usual, format = number, isNeutral }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">
                <strong>{format(now)}</strong>
              </td>
              <Other now={now} other={before} format={format} isNeutral={isNeutral?.before} />
              <Other now={now} other={usual} format={format} isNeutral={isNeutral?.usual} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
