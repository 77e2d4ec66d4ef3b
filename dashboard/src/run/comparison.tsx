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
  /** A higher value is neither better nor worse. */
  isNeutral?: boolean;
}

/** A difference below this share of the other value has no sense: it is the usual variation. */
const NOTABLE = 0.1;
/** A difference below this share is none. */
const SAME = 0.02;

function linesOf(run: Run): Line[] {
  const { previous_run: before, usual } = run;
  return [
    { name: "Duration", now: run.duration_ms, before: before?.duration_ms, usual: usual?.p50_duration_ms, format: duration },
    {
      name: "Tournaments",
      now: run.tournaments_processed,
      before: before?.tournaments_processed,
      usual: null,
      isNeutral: true,
    },
    { name: "Failed", now: run.tournaments_failed, before: before?.tournaments_failed, usual: null },
    { name: "Records", now: run.records_processed, before: before?.records_processed, usual: usual?.records_processed, isNeutral: true },
    { name: "Requests", now: run.api_calls, before: before?.api_calls, usual: usual?.api_calls, isNeutral: true },
    { name: "Retries", now: run.api_retries, before: before?.api_retries, usual: usual?.api_retries },
    { name: "Database calls", now: run.database_calls, before: before?.database_calls, usual: usual?.database_calls, isNeutral: true },
    { name: "CPU", now: run.cpu_ms, before: before?.cpu_ms, usual: usual?.cpu_ms, format: duration },
  ].filter(({ now, before, usual }) => typeof now === "number" && (typeof before === "number" || typeof usual === "number"));
}

/** Another value, and how much the run differs from it: `+12 s, worse`. */
function Other({ now, other, format = number, isNeutral }: { now: Figure; other: Figure; format?: Line["format"]; isNeutral?: boolean }) {
  if (typeof other !== "number" || typeof now !== "number") return <td class="number muted">–</td>;
  const difference = Math.abs(now - other) <= other * SAME ? 0 : now - other;
  const sense = isNeutral || Math.abs(difference) <= other * NOTABLE ? null : difference > 0 ? "worse" : "better";
  return (
    <td class="number">
      <small class={sense === "worse" ? "bad" : sense === "better" ? "good" : undefined}>
        {difference === 0 ? "same" : `${difference > 0 ? "+" : "−"}${format(Math.abs(difference))}${sense ? `, ${sense}` : ""}`}
      </small>{" "}
      {format(other)}
    </td>
  );
}

/** Whether the run has another one to be compared with. */
export const hasComparison = (run: Run): boolean => linesOf(run).length > 0;

/** The figures of the run beside those of the previous run and the usual ones. */
export function Comparison({ run }: { run: Run }) {
  const { previous_run: before, usual } = run;
  return (
    <div class="scroll" role="region" aria-label="The run beside others" tabIndex={0}>
      <table class="comparison">
        <caption class="unseen">The run beside the previous run and the usual one, with its difference to each</caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="unseen">Figure</span>
            </th>
            <th scope="col" class="number">This run</th>
            <th scope="col" class="number">{before ? <Link href={`/runs/${before.id}`}>Previous run</Link> : "Previous run"}</th>
            <th scope="col" class="number">
              Usual {usual && <small>median of {number(usual.runs)}</small>}
            </th>
          </tr>
        </thead>
        <tbody>
          {linesOf(run).map(({ name, now, before, usual, format = number, isNeutral }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">
                <strong>{format(now)}</strong>
              </td>
              <Other now={now} other={before} format={format} isNeutral={isNeutral} />
              <Other now={now} other={usual} format={format} isNeutral={isNeutral} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
