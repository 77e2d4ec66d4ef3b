import type { EntityWithPauses } from "../../../types/admin.ts";
import type { EntityHealthStatus } from "../../../types/monitoring.ts";
import { moveBetweenLinks } from "../arrow-keys.ts";
import { marksOf } from "../due.ts";
import { counted, duration, inZoneShort, words } from "../format.ts";
import { toneOf } from "./status.tsx";

type Run = EntityHealthStatus["recent_runs"][number];
const SHOWN = 48;
const HEIGHT = 28, SHORTEST = 8;

/** The height of a run by its duration: the median has the middle height. A failed run is as high as the strip. */
function heightOf({ status, duration_ms }: Run, median: number): number {
  if (status === "FAILED" || status === "TIMED_OUT") return HEIGHT;
  if (duration_ms === null || !median) return HEIGHT / 2;
  return Math.round(Math.min(Math.max((duration_ms / median) * (HEIGHT / 2), SHORTEST), HEIGHT - 4));
}

const medianOf = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/**
 * The last full runs of an entity, oldest first; the height of a run is its duration, and a dashed frame is a due time at which no run
 * started.
 */
export function Strip({ runs, entity, now }: { runs: Run[]; entity: EntityWithPauses | undefined; now: number }) {
  const marks = marksOf(runs, entity, now).slice(-SHOWN);
  const median = medianOf(runs.flatMap(({ status, duration_ms }) => status === "SUCCEEDED" && duration_ms !== null ? [duration_ms] : []));
  const newest = marks.findLast(({ run }) => run)?.run;
  return (
    <ol class="strip" aria-label="Last runs, the newest last; arrow keys move between them" onKeyDown={moveBetweenLinks}>
      {marks.map(({ at, run }) => {
        const when = inZoneShort(new Date(at).toISOString());
        if (!run) {
          const label = `${when}: due, no run started`;
          return (
            <li key={at} title={label}>
              <span class="gap" role="img" aria-label={label} />
            </li>
          );
        }
        const tone = toneOf(run.status);
        const failed = run.tournaments_failed ? `, ${counted(run.tournaments_failed, "tournament")} failed` : "";
        const label = `${when}: ${words(run.status)}${run.duration_ms === null ? "" : `, ${duration(run.duration_ms)}`}${failed}`;
        return (
          <li key={run.id} title={label}>
            <a
              href={`#/runs/${run.id}`}
              tabIndex={run === newest ? 0 : -1}
              aria-label={label}
              class={`${tone}${run.status === "RUNNING" ? " moving" : ""}`}
              style={{ height: `${heightOf(run, median)}px` }}
            />
          </li>
        );
      })}
    </ol>
  );
}
