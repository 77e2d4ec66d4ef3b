import { Link } from "wouter-preact";
import { NextRun } from "../components/next-run.tsx";
import { Facts } from "../components/page.tsx";
import { Pill } from "../components/status.tsx";
import { Since, useNow } from "../components/time.tsx";
import { isDataLate } from "../due.ts";
import { duration } from "../format.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";

/** The state of the chosen sync, and the time of its next scheduled run. */
export function Target({ type }: { type: string }) {
  const nameOf = useNames();
  const now = useNow();
  const health = useOverview().data?.sync_entities[type];
  if (!health) return null;
  const { status, last_successful_sync: success, average_duration_ms } = health;
  return (
    <section class="card pad">
      <header class="section">
        <h2>
          <Link href={`/entities/${type}`}>{nameOf(type)}</Link>
        </h2>
        <Pill of={status} />
      </header>
      <p class="state-figure">
        {success
          ? (
            <>
              <span class={isDataLate(health, now) ? "late" : undefined}>
                <Since at={success} />
              </span>{" "}
              <small>since the data was read</small>
            </>
          )
          : (
            <>
              never <small>was the data read</small>
            </>
          )}
      </p>
      <Facts
        class="pairs"
        of={[
          ["Next run", <NextRun health={health} />],
          ["Usually takes", duration(average_duration_ms)],
        ]}
      />
    </section>
  );
}
