import type { z } from "zod";
import type { EntityWithPauses } from "../../../types/admin.ts";
import type { Execution } from "../../../types/history.ts";
import { marksOf } from "../due.ts";
import { duration, inZoneShort, words } from "../format.ts";
import { toneOf } from "./status.tsx";

type Run = z.infer<typeof Execution>;
const SHOWN = 48;
/** Each outcome has its own height and shape, so that it is readable without colour. */
const FORMS: Record<string, string> = {
  good: "M1 4h8v20H1Z",
  warn: "M1 12h8v12H1ZM1 4h8v5H1Z",
  bad: "M1 4h2l2 7 2-7h2L6.2 14 9 24H7l-2-7-2 7H1l2.8-10Z",
  busy: "M1 14h8v10H1Z",
  idle: "M1 18h8v6H1Z",
};

/** The last full runs of an entity, oldest first; a dashed frame is a due time at which no run started. */
export function Strip(
  { runs, entity, now }: {
    runs: Run[];
    entity: EntityWithPauses | undefined;
    now: number;
  },
) {
  const marks = marksOf(
    runs.filter((run) => run.tournament_no === null),
    entity,
    now,
  ).slice(-SHOWN);
  return (
    <ol class="strip" aria-label="Last runs, the newest last">
      {marks.map(({ at, run }) => {
        const when = inZoneShort(new Date(at).toISOString());
        if (!run) {
          return (
            <li key={at} title={`due ${when}, no run started`}>
              <svg
                viewBox="0 0 10 28"
                class="gap"
                role="img"
                aria-label={`${when}: due, no run started`}
              >
                <path d="M1.5 4.5h7v19h-7Z" />
              </svg>
            </li>
          );
        }
        const tone = toneOf(run.status);
        const label = `${when}: ${words(run.status)}${run.duration_ms === null ? "" : `, ${duration(run.duration_ms)}`}`;
        return (
          <li key={run.id} title={label}>
            <a href={`#/runs/${run.id}`} tabIndex={-1} aria-label={label}>
              <svg
                viewBox="0 0 10 28"
                class={`${tone}${run.status === "RUNNING" ? " moving" : ""}`}
                aria-hidden="true"
              >
                <path d={FORMS[tone]} />
              </svg>
            </a>
          </li>
        );
      })}
    </ol>
  );
}
