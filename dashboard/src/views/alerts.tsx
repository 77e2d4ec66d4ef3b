import { Link } from "wouter-preact";
import { type AlertIncident, AlertListResponse, INCIDENT_STATES } from "../../../types/alerts.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { useFilters } from "../address.ts";
import { SelectField } from "../components/fields.tsx";
import { Facts, Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Distance } from "../components/time.tsx";
import { duration, number, title } from "../format.ts";
import { usePages } from "../queries.ts";
import { useOverview } from "../shell.tsx";

const COLUMNS: Column<AlertIncident>[] = [
  {
    name: "Incident",
    isHead: true,
    cell: (one) => (
      <>
        <Link href={`/alerts/${one.id}`}>{one.rule_name}</Link>
        {one.parent_id && <small>· hangs under another</small>}
        {one.is_flapping && <small>· comes and goes</small>}
        <p class="under">{one.message}</p>
      </>
    ),
  },
  { name: "State", cell: (one) => <Status of={one.state} /> },
  { name: "Severity", cell: (one) => <Status of={one.severity} /> },
  {
    name: "About",
    cell: (one) => one.tournament_no ? `Tournament ${one.tournament_no}` : title(one.entity_type),
  },
  { name: "Since", cell: (one) => <Distance at={one.began_at} /> },
  {
    name: "Lasted",
    isNumber: true,
    cell: (one) => one.resolved_at ? duration(Date.parse(one.resolved_at) - Date.parse(one.began_at)) : "still",
  },
];

export default function Alerts() {
  const [filters, change] = useFilters(["state", "severity", "entity"]);
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  const alerts = usePages(
    "sync-monitoring/alerts",
    { ...filters, limit: 50 },
    AlertListResponse,
  );
  return (
    <Page title="Alerts">
      <AlertTabs at="/alerts" />
      <div class="filters">
        <SelectField
          label="State"
          value={filters.state}
          options={[
            ["", "any"],
            ...INCIDENT_STATES.map((state) => [state, title(state)] as const),
          ]}
          onChange={(state) => change({ state })}
        />
        <SelectField
          label="Severity"
          value={filters.severity}
          options={[
            ["", "any"],
            ...SEVERITIES.map((severity) => [severity, title(severity)] as const),
          ]}
          onChange={(severity) => change({ severity })}
        />
        <SelectField
          label="About"
          value={filters.entity}
          options={[
            ["", "anything"],
            ...[...entities, "all", "system"].map((name) => [name, title(name)] as const),
          ]}
          onChange={(entity) => change({ entity })}
        />
      </div>
      <Reading of={alerts}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.alerts);
          const times = pages[0]?.mean_times;
          return (
            <>
              {times && (
                <Facts
                  of={[
                    ["Incidents, 30 days", number(times.incidents)],
                    ["Mean time to detect", duration(times.detect_ms)],
                    ["to acknowledge", duration(times.acknowledge_ms)],
                    ["to resolve", duration(times.resolve_ms)],
                  ]}
                />
              )}
              {rows.length
                ? (
                  <Table
                    caption="Incidents, newest first"
                    columns={COLUMNS}
                    rows={rows}
                    keyOf={(one) => one.id}
                  />
                )
                : <Empty>No incident is like that.</Empty>}
              {alerts.hasNextPage && (
                <button
                  type="button"
                  class="secondary"
                  aria-busy={alerts.isFetchingNextPage}
                  onClick={() => void alerts.fetchNextPage()}
                >
                  Older ones
                </button>
              )}
            </>
          );
        }}
      </Reading>
    </Page>
  );
}
