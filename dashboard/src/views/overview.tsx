import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { EntityListResponse, type EntityWithPauses } from "../../../types/admin.ts";
import type { SyncHealthResponse } from "../../../types/monitoring.ts";
import { ActiveIncidents } from "../components/active-incidents.tsx";
import { Backoff } from "../components/backoff.tsx";
import { EntityTable } from "../components/entity-table.tsx";
import { TextField } from "../components/fields.tsx";
import { Facts, Page } from "../components/page.tsx";
import { Setup } from "../components/setup.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { useNow } from "../components/time.tsx";
import { counted, duration, number, percent, span } from "../format.ts";
import { useOverview } from "../overview.ts";
import { useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { countedOf } from "../tab.ts";

/** From this number of syncs on the rows are compact, and a filter is shown. */
const MANY = 8;
const RANK = { CRITICAL: 0, WARNING: 1, HEALTHY: 2 } as const;

export function Overview() {
  const overview = useOverview();
  const { can } = useUser();
  return (
    <Page
      title="Overview"
      lead={overview.data && <Lead of={overview.data} readAt={overview.dataUpdatedAt} />}
      acts={can("operator") && <Link href="/sync" role="button" class="primary">Sync now</Link>}
    >
      <Reading of={overview}>{(data) => <Body data={data} />}</Reading>
    </Page>
  );
}

/** How many syncs are in a bad state, and the age of the data. */
function Lead({ of: { sync_entities, active_alerts }, readAt }: { of: SyncHealthResponse; readAt: number }) {
  const now = useNow();
  const entities = Object.values(sync_entities);
  const count = (status: keyof typeof RANK) => entities.filter((entity) => entity.status === status).length;
  const of = `of ${counted(entities.length, "sync")}`;
  const critical = count("CRITICAL"), warning = count("WARNING");
  const firing = countedOf(active_alerts).length;
  const parts = [
    firing && `${counted(firing, "incident")}`,
    critical && `${critical} ${of} ${critical === 1 ? "is" : "are"} critical`,
    warning && `${warning} ${critical ? "" : `${of} `}${warning === 1 ? "has" : "have"} a warning`,
  ].filter(Boolean);
  return <span>{parts.join(" · ") || "All syncs are healthy"} · updated {span(Math.max(now - readAt, 0))} ago</span>;
}

function Body({ data: { sync_entities, active_alerts, performance_summary: totals } }: { data: SyncHealthResponse }) {
  const settings = useRead("sync-admin/entities", EntityListResponse, { every: 60_000 }).data?.entities;
  const { can } = useUser();
  const [filter, setFilter] = useState("");
  const all = Object.entries(sync_entities);
  const wanted = filter.trim().toLowerCase();
  const shown = all.filter(([type, { title, because }]) =>
    [type, title, ...because.map(({ message }) => message)].some((text) => text.toLowerCase().includes(wanted))
  ).sort(([, a], [, b]) => RANK[a.status] - RANK[b.status] || a.title.localeCompare(b.title));
  return (
    <>
      {active_alerts.length > 0 ? <ActiveIncidents alerts={active_alerts} /> : (
        <p class="calm card pad">
          <Status of="OK" label="No active incident" />
        </p>
      )}
      <Backoff entities={Object.values(sync_entities)} />
      {all.length >= MANY && (
        <div class="filters" role="search">
          <TextField label="Filter" type="search" placeholder="Name or reason" value={filter} onChange={setFilter} />
        </div>
      )}
      {shown.length > 0
        ? <EntityTable rows={shown} settings={settings} isCompact={all.length >= MANY} />
        : <Empty>{all.length ? "No sync matches the filter." : "No sync is active."}</Empty>}
      {can("admin") && <Setup />}
      <Inactive entities={settings?.filter(({ is_active }) => !is_active) ?? []} />
      <section aria-label="The last 24 hours">
        <Facts
          class="figures"
          of={[
            [
              "Runs that succeeded, 24 h",
              <>
                {percent(totals.success_rate)} <small>of {counted(totals.runs, "run")}</small>
              </>,
            ],
            ["Errors, 24 h", number(totals.errors)],
            ["Records today", number(totals.records_processed_today)],
            [
              "Requests to VIS, 24 h",
              <>
                {number(totals.api_calls)} <small>answered in {duration(totals.average_response_time_ms)} on average</small>
              </>,
            ],
          ]}
        />
      </section>
    </>
  );
}

/** Links to the syncs that have no row of their own. */
function Inactive({ entities }: { entities: EntityWithPauses[] }) {
  if (!entities.length) return null;
  return (
    <p class="muted">
      Inactive: {entities.map(({ entity_type, title }, index) => (
        <span key={entity_type}>
          {index > 0 && ", "}
          <Link href={`/entities/${entity_type}`}>{title}</Link>
        </span>
      ))}
    </p>
  );
}
