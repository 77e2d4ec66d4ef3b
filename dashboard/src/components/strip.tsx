import type { ComponentChildren } from "preact";
import type { EntityWithPauses } from "../../../types/admin.ts";
import type { EntityHealthStatus } from "../../../types/monitoring.ts";
import { moveBetweenLinks } from "../arrow-keys.ts";
import { marksOf } from "../due.ts";
import { counted, duration, inZoneShort, words } from "../format.ts";
import { toneOf } from "./status.tsx";
import { Moment } from "./time.tsx";

type Run = EntityHealthStatus["recent_runs"][number];
/** The number of marks in a strip. */
export const SHOWN = 48;

/** The frame of a strip: empty places before the marks, and their period below them. */
export function Marks({ label, count, since, children }: {
  label: string;
  count: number;
  /** The time of the oldest mark, in ms. */
  since: number | undefined;
  children: ComponentChildren;
}) {
  return (
    <>
      <ol class="strip" aria-label={`${label}, the newest last; arrow keys move between them`} onKeyDown={moveBetweenLinks}>
        {Array.from({ length: SHOWN - count }, (_, index) => (
          <li key={index} aria-hidden="true">
            <span class="mark none" />
          </li>
        ))}
        {children}
      </ol>
      <p class="scale">
        {since === undefined ? <span>no run yet</span> : (
          <span>
            since <Moment at={new Date(since).toISOString()} />
          </span>
        )} <span>now</span>
      </p>
    </>
  );
}

/** The last 48 full runs and missed due times of an entity in their order, the oldest first. */
export function Strip({ runs, entity, now }: { runs: Run[]; entity: EntityWithPauses | undefined; now: number }) {
  const marks = marksOf(runs, entity, now).slice(-SHOWN);
  const newest = marks.findLast(({ run }) => run)?.run;
  return (
    <Marks label="Last runs" count={marks.length} since={marks[0]?.at}>
      {marks.map(({ at, run }) => <Mark key={run?.id ?? at} at={at} run={run} isReachable={run === newest} />)}
    </Marks>
  );
}

/** A run or a missed due time; the Tab key reaches one mark of a strip. */
function Mark({ at, run, isReachable }: { at: number; run: Run | null; isReachable: boolean }) {
  const when = inZoneShort(new Date(at).toISOString());
  if (!run) {
    const label = `${when}: missed, no run started when it was due`;
    return (
      <li title={label}>
        <span class="mark missed" role="img" aria-label={label} />
      </li>
    );
  }
  const failed = run.tournaments_failed ? `, ${counted(run.tournaments_failed, "tournament")} failed` : "";
  const label = `${when}: ${words(run.status)}${run.duration_ms === null ? "" : `, ${duration(run.duration_ms)}`}${failed}`;
  return (
    <li title={label}>
      <a
        href={`#/runs/${run.id}`}
        tabIndex={isReachable ? 0 : -1}
        aria-label={label}
        class={`mark ${toneOf(run.status)}${run.status === "RUNNING" ? " moving" : ""}`}
      />
    </li>
  );
}

const KEY = [["good", "succeeded"], ["warn", "partial"], ["bad", "failed"], ["idle", "skipped"], ["missed", "missed"], [
  "none",
  "no run yet",
]];

/** The legend of a strip; `only` limits it to the marks that the strip can have. */
export const StripKey = ({ only }: { only?: string[] }) => (
  <ul class="strip-key" aria-label="Marks of the runs">
    {KEY.filter(([form = ""]) => only?.includes(form) ?? true).map(([form, name]) => (
      <li key={form}>
        <span class={`mark ${form}`} /> {name}
      </li>
    ))}
  </ul>
);
