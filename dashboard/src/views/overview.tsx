import { Link } from "wouter-preact";
import type { z } from "zod";
import { EntityListResponse, type EntityWithPauses } from "../../../types/admin.ts";
import { ExecutionListResponse } from "../../../types/history.ts";
import type { AlertSummary, EntityHealthStatus } from "../../../types/monitoring.ts";
import { Backoff } from "../components/backoff.tsx";
import { NextRun } from "../components/next-run.tsx";
import { Facts, Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Strip } from "../components/strip.tsx";
import { Distance, useNow } from "../components/time.tsx";
import { duration, number, percent, title } from "../format.ts";
import { pathOf, useRead } from "../queries.ts";
import { useOverview } from "../shell.tsx";

export function Overview() {
  const overview = useOverview();
  const entities = useRead("sync-admin/entities", EntityListResponse, {
    every: 60_000,
  });
  return (
    <Page title="Overview">
      <Reading of={overview}>
        {({ sync_entities, active_alerts, performance_summary: totals }) => (
          <>
            <Incidents alerts={active_alerts} />
            <Backoff entities={Object.values(sync_entities)} />
            {Object.entries(sync_entities).map(([type, health]) => (
              <EntityRow
                key={type}
                type={type}
                health={health}
                entity={entities.data?.entities.find(({ entity_type }) => entity_type === type)}
              />
            ))}
            {Object.keys(sync_entities).length === 0 && <Empty>No sync is active.</Empty>}
            <Inactive entities={entities.data?.entities.filter(({ is_active }) => !is_active) ?? []} />
            <section aria-label="The last 24 hours">
              <Facts
                of={[
                  ["Runs, 24 h", number(totals.runs)],
                  ["Success", percent(totals.success_rate)],
                  ["Average duration", duration(totals.average_duration_ms)],
                  ["Records today", number(totals.records_processed_today)],
                  ["Upstream calls", number(totals.api_calls)],
                  ["Upstream response time", duration(totals.average_response_time_ms)],
                  ["Cache hits", percent(totals.cache_hit_ratio)],
                  ["Errors", number(totals.errors)],
                ]}
              />
            </section>
          </>
        )}
      </Reading>
    </Page>
  );
}

/** Links to the syncs that have no row of their own. */
function Inactive({ entities }: { entities: EntityWithPauses[] }) {
  if (!entities.length) return null;
  return (
    <p>
      Inactive: {entities.map(({ entity_type }, index) => (
        <span key={entity_type}>
          {index > 0 && ", "}
          <Link href={`/entities/${entity_type}`}>{title(entity_type)}</Link>
        </span>
      ))}
    </p>
  );
}

function Incidents({ alerts }: { alerts: z.infer<typeof AlertSummary>[] }) {
  if (!alerts.length) {
    return (
      <p class="calm">
        <Status of="OK" label="No active incident" />
      </p>
    );
  }
  return (
    <section aria-label="Active incidents">
      <ul class="incidents">
        {alerts.map(({ id, name, severity, state, message, opened_at }) => (
          <li key={id}>
            <Status of={severity} />
            <div>
              <Link href={`/alerts/${id}`}>{name}</Link> <Status of={state} />
              <p>{message}</p>
            </div>
            <small>
              <Distance at={opened_at} />
            </small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function EntityRow(
  { type, health, entity }: {
    type: string;
    health: EntityHealthStatus;
    entity: EntityWithPauses | undefined;
  },
) {
  const runs = useRead(
    pathOf("sync-monitoring/executions", { entity: type, limit: 60 }),
    ExecutionListResponse,
    {
      isLive: () => health.running !== null,
    },
  );
  const now = useNow();
  const last = runs.data?.executions.find((run) => run.duration_ms !== null && run.tournament_no === null && run.status !== "SKIPPED");
  const { running } = health;
  return (
    <article class="entity" data-entity={type}>
      <div class="entity-state">
        <h2>
          <Link href={`/entities/${type}`}>{title(type)}</Link>
        </h2>
        <Status of={health.status} />
        <ul class="because">
          {health.because.map(({ code, message }) => <li key={code}>{message}</li>)}
        </ul>
      </div>
      <div class="entity-runs">
        {runs.data ? <Strip runs={runs.data.executions} entity={entity} now={now} /> : <p aria-busy="true">Loading runs …</p>}
        {running && (
          <p class="running">
            <Link href={`/runs/${running.execution_id}`}>Running</Link>, started <Distance at={running.started_at} />:{" "}
            {running.current_stage ?? "starting"}
            {running.tournaments_total !== null && (
              <>
                , {running.tournaments_processed} of {running.tournaments_total}
                <progress
                  value={running.tournaments_processed}
                  max={running.tournaments_total || 1}
                  aria-label="Tournaments done"
                />
              </>
            )}
          </p>
        )}
      </div>
      <Facts
        of={[
          ["Success, 24 h", percent(health.success_rate_24h)],
          [
            "Last run",
            <>
              {duration(last?.duration_ms)}{" "}
              <small>
                average {duration(health.average_duration_ms)}, p95 {duration(health.p95_duration_ms)}
              </small>
            </>,
          ],
          ["Records today", number(health.records_processed_today)],
          ["Fresh as of", <Distance at={health.last_successful_sync} />],
          [
            "Next run",
            <NextRun health={health} />,
          ],
        ]}
      />
    </article>
  );
}
