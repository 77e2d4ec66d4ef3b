import { Link } from "wouter-preact";
import type { EntityWithPauses } from "../../../types/admin.ts";
import type { EntityHealthStatus } from "../../../types/monitoring.ts";
import { isDataLate } from "../due.ts";
import { counted, duration, percent, sentence } from "../format.ts";
import { healthOfSync } from "../health.ts";
import { NextRun } from "./next-run.tsx";
import { Icon } from "./status.tsx";
import { Strip, StripKey } from "./strip.tsx";
import { Message, Since, useNow } from "./time.tsx";

/** One line for each sync: state, reason, last runs, success, last and next run, and the age of its data. */
export function EntityTable({ rows, settings, isCompact }: {
  rows: [type: string, health: EntityHealthStatus][];
  settings: EntityWithPauses[];
  isCompact: boolean;
}) {
  return (
    <div class="card">
      <table class={`entities${isCompact ? " compact" : ""}`}>
        <caption class="unseen">Syncs, the worst first</caption>
        <thead>
          <tr>
            <th scope="col">Sync</th>
            <th scope="col">Last 48 runs</th>
            <th scope="col" class="number">Success, 24 h</th>
            <th scope="col" class="number">Last run took</th>
            <th scope="col" class="number">Next run</th>
            <th scope="col" class="number">Data is</th>
          </tr>
        </thead>
        {rows.map(([type, health]) => (
          <Sync
            key={type}
            type={type}
            health={health}
            entity={settings.find(({ entity_type }) => entity_type === type)}
          />
        ))}
      </table>
      <footer class="entities-foot">
        <StripKey />
        <Inactive entities={settings.filter(({ is_active }) => !is_active)} />
      </footer>
    </div>
  );
}

/** The figures of a sync, and below them the reason of its state in the full width. */
function Sync({ type, health, entity }: { type: string; health: EntityHealthStatus; entity: EntityWithPauses | undefined }) {
  const now = useNow(), status = healthOfSync(health);
  const { last_successful_sync, expected_within_ms, average_duration_ms } = health;
  return (
    <tbody data-entity={type} data-status={status}>
      <tr>
        <th scope="row">
          <Icon of={status} />
          <span class="unseen">{status.toLowerCase()}:</span> <Link href={`/entities/${type}`}>{health.title}</Link>
        </th>
        <td class="runs">
          <Strip runs={health.recent_runs} entity={entity} now={now} />
          <Running of={health.running} />
        </td>
        <td class="number" data-label="Success, 24 h">
          {percent(health.success_rate_24h)} <small>of {counted(health.runs_24h, "run")}</small>
        </td>
        <td class="number" data-label="Last run took">
          {duration(health.last_duration_ms)} {average_duration_ms !== null && <small>usually {duration(average_duration_ms)}</small>}
        </td>
        <td class="number" data-label="Next run">
          <NextRun health={health} />
        </td>
        <td class="number" data-label="Data is">
          {last_successful_sync === null ? "never read" : (
            <span class={isDataLate(health, now) ? "late" : undefined}>
              <Since at={last_successful_sync} /> old
            </span>
          )} <small>expected within {duration(expected_within_ms)}</small>
        </td>
      </tr>
      {health.because.length > 0 && (
        <tr>
          <td colSpan={6} class="reason">
            <ul class="because">
              {health.because.map(({ code, message }) => (
                <li key={code}>
                  {/* The notice above the table has the end and the reason of the backoff. */}
                  <Message of={code === "UPSTREAM_BACKOFF" ? "Waits for the end of the upstream backoff." : sentence(message)} />
                </li>
              ))}
            </ul>
          </td>
        </tr>
      )}
    </tbody>
  );
}

/** The progress of the live run. */
function Running({ of: running }: { of: EntityHealthStatus["running"] }) {
  if (!running) return null;
  return (
    <p class="under">
      <Link href={`/runs/${running.execution_id}`}>Running</Link> for <Since at={running.started_at} />:{" "}
      {running.current_stage ?? "starting"}
      {running.tournaments_total !== null && (
        <>
          {" "}({running.tournaments_processed} of {running.tournaments_total}){" "}
          <progress value={running.tournaments_processed} max={running.tournaments_total || 1} aria-label="Tournaments done" />
        </>
      )}
    </p>
  );
}

/** Links to the inactive syncs, which have no row in the table. */
function Inactive({ entities }: { entities: EntityWithPauses[] }) {
  if (!entities.length) return null;
  return (
    <p class="inactive">
      Inactive: {entities.map(({ entity_type, title }, index) => (
        <span key={entity_type}>
          {index > 0 && ", "}
          <Link href={`/entities/${entity_type}`}>{title}</Link>
        </span>
      ))}
    </p>
  );
}
