import { lazy, Suspense } from "preact/compat";
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { EntityListResponse } from "../../../types/admin.ts";
import type { SyncHealthResponse } from "../../../types/monitoring.ts";
import { ActiveIncidents } from "../components/active-incidents.tsx";
import { Backoff } from "../components/backoff.tsx";
import { EntityTable } from "../components/entity-table.tsx";
import { TextField } from "../components/fields.tsx";
import { LastDay } from "../components/last-day.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading, Skeleton } from "../components/states.tsx";
import { useNow } from "../components/time.tsx";
import { counted, span } from "../format.ts";
import { byHealth, type Health, healthOfSync } from "../health.ts";
import { ObjectiveTiles } from "../objective/tiles.tsx";
import { useOverview } from "../overview.ts";
import { useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { countedOf, worstOf } from "../tab.ts";

/** The steps of the setup; only an admin has them, until all are done. */
const Setup = lazy(() => import("../components/setup.tsx"));
/** The number of syncs from which the rows are compact and a filter is shown. */
const MANY = 8;

export function Overview() {
  const overview = useOverview();
  const { can } = useUser();
  const isFiring = overview.data !== undefined && worstOf(overview.data.active_alerts) !== null;
  return (
    <Page
      title="Overview"
      lead={overview.data && <Lead of={overview.data} readAt={overview.dataUpdatedAt} />}
      acts={can("operator") && (
        // While an incident fires, its acknowledgement is the main act of the view.
        <Link href="/sync" role="button" class={isFiring ? undefined : "primary"}>Sync now</Link>
      )}
    >
      <Reading of={overview}>{(data) => <Body data={data} />}</Reading>
    </Page>
  );
}

/** The number of syncs in a bad state, and the age of the data. */
function Lead({ of: { sync_entities, active_alerts }, readAt }: { of: SyncHealthResponse; readAt: number }) {
  const now = useNow();
  const healths = Object.values(sync_entities).map((sync) => healthOfSync(sync));
  const count = (wanted: Health) => healths.filter((health) => health === wanted).length;
  const of = `of ${counted(healths.length, "sync")}`;
  const critical = count("CRITICAL"), warning = count("WARNING");
  const active = countedOf(active_alerts).length;
  const parts = [
    active ? counted(active, "active incident") : "No active incident",
    critical && `${critical} ${of} ${critical === 1 ? "is" : "are"} critical`,
    warning && `${warning} ${critical ? "" : `${of} `}${warning === 1 ? "has" : "have"} a warning`,
    !critical && !warning && "all syncs are healthy",
  ].filter(Boolean);
  return (
    <p class="dotted">
      {parts.map((part) => [<span key={part}>{part}</span>, " "])}
      <span>updated {span(Math.max(now - readAt, 0))} ago</span>
    </p>
  );
}

function Body({ data: { sync_entities, active_alerts, performance_summary } }: { data: SyncHealthResponse }) {
  const settings = useRead("sync-admin/entities", EntityListResponse, { every: 60_000 });
  const { can } = useUser();
  const [filter, setFilter] = useState("");
  const all = Object.entries(sync_entities);
  const wanted = filter.trim().toLowerCase();
  const shown = all.filter(([type, { title, because }]) =>
    [type, title, ...because.map(({ message }) => message)].some((text) => text.toLowerCase().includes(wanted))
  ).sort(([, a], [, b]) => byHealth(healthOfSync(a), healthOfSync(b)) || a.title.localeCompare(b.title));
  // The settings add the missed due times and the inactive syncs, so the table waits for them and does not change under the pointer.
  if (settings.isPending) return <Skeleton />;
  return (
    <>
      {active_alerts.length > 0 && <ActiveIncidents alerts={active_alerts} />}
      <Backoff entities={Object.values(sync_entities)} />
      {all.length >= MANY && (
        <div class="filters" role="search">
          <TextField label="Filter" type="search" placeholder="Name or reason" value={filter} onChange={setFilter} />
        </div>
      )}
      {shown.length > 0
        ? <EntityTable rows={shown} settings={settings.data?.entities ?? []} isCompact={all.length >= MANY} />
        : <Empty>{all.length ? "No sync matches the filter." : "No sync is active."}</Empty>}
      <ObjectiveTiles />
      <LastDay totals={performance_summary} />
      {can("admin") && (
        <Suspense fallback={null}>
          <Setup />
        </Suspense>
      )}
    </>
  );
}
