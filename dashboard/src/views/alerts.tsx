import { Link } from "wouter-preact";
import { type AlertIncident, AlertListResponse, INCIDENT_STATES } from "../../../types/alerts.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { useFilters } from "../address.ts";
import { useBulk } from "../bulk.ts";
import { Refused } from "../components/bulk-dialog.tsx";
import { IncidentActs } from "../components/bulk-incidents.tsx";
import { Export } from "../components/export.tsx";
import { SelectField } from "../components/fields.tsx";
import { Facts, Page } from "../components/page.tsx";
import { selectionColumn, useSelection } from "../components/selection.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Pill, Severity } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Distance } from "../components/time.tsx";
import { duration, number, span, title } from "../format.ts";
import { usePages } from "../queries.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";
import { useUser } from "../session.ts";

/** Whether an incident needs nobody: it is over, or another one covers it. */
const isQuiet = ({ state, muted_by }: AlertIncident): boolean => state === "RESOLVED" || muted_by !== null;

/** The order of the states in the list. */
const rankOf = ({ state }: AlertIncident): number => ["FIRING", "ACKNOWLEDGED", "PENDING", "RESOLVED"].indexOf(state);

const COLUMNS: Column<AlertIncident>[] = [
  {
    name: "Incident",
    isHead: true,
    cell: (incident) => (
      <>
        <Link href={`/alerts/${incident.id}`} class={isQuiet(incident) ? "cause quiet" : "cause"}>{incident.cause}</Link>
        <p class="dotted">
          <span>{incident.scope}</span> <span>{incident.rule_name}</span>
          {incident.muted_by && <span>{incident.muted_by === "SILENCE" ? "silenced" : "inhibited"}</span>}
          {incident.is_flapping && <span>flapping</span>}
        </p>
      </>
    ),
  },
  {
    name: "State",
    card: "head",
    cell: (incident) => (
      <div class="pills">
        <Pill of={incident.state} />{" "}
        {incident.state === "RESOLVED" ? <span class="pill">{title(incident.severity)}</span> : <Severity of={incident.severity} />}
      </div>
    ),
  },
  {
    name: "Since",
    card: "end",
    cell: (incident) => (
      <>
        <Distance at={incident.began_at} />
        {incident.resolved_at && <p class="under">for {span(Date.parse(incident.resolved_at) - Date.parse(incident.began_at))}</p>}
      </>
    ),
  },
];

export default function Alerts() {
  const [filters, change] = useFilters(["state", "severity", "entity"]);
  const nameOf = useNames();
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  const alerts = usePages(
    "sync-monitoring/alerts",
    { ...filters, limit: 50 },
    AlertListResponse,
  );
  return (
    <Page title="Incidents">
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
          label="Sync"
          value={filters.entity}
          options={[
            ["", "any"],
            ...[...entities, "all", "system"].map((name) => [name, nameOf(name)] as const),
          ]}
          onChange={(entity) => change({ entity })}
        />
        <Export name="incidents" path="sync-monitoring/alerts" query={filters} schema={AlertListResponse} rowsOf={({ alerts }) => alerts} />
      </div>
      <Reading of={alerts}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.alerts).sort((a, b) => rankOf(a) - rankOf(b));
          const times = pages[0]?.mean_times;
          return (
            <>
              {times && (
                <Facts
                  class="figures"
                  of={[
                    ["Incidents, 30 days", number(times.incidents)],
                    ["Mean time to detect", duration(times.detect_ms)],
                    ["Mean time to acknowledge", duration(times.acknowledge_ms)],
                    ["Mean time to resolve", duration(times.resolve_ms)],
                  ]}
                />
              )}
              {rows.length ? <Incidents rows={rows} /> : <Empty>No incident matches the filters.</Empty>}
              {alerts.hasNextPage && (
                <button
                  type="button"
                  aria-busy={alerts.isFetchingNextPage}
                  onClick={() => void alerts.fetchNextPage()}
                >
                  Load older incidents
                </button>
              )}
            </>
          );
        }}
      </Reading>
    </Page>
  );
}

/** The incidents; an operator can select those that have not ended. */
function Incidents({ rows }: { rows: AlertIncident[] }) {
  const { can } = useUser();
  const selection = useSelection(rows, ({ id }) => id, ({ state }) => can("operator") && state !== "RESOLVED");
  const bulk = useBulk<AlertIncident>();
  const columns = can("operator") ? [selectionColumn(selection, ({ cause, scope }) => `${cause}, ${scope}`), ...COLUMNS] : COLUMNS;
  return (
    <>
      <Refused of={bulk.refused} nameOf={({ id, cause }) => <Link href={`/alerts/${id}`}>{cause}</Link>} onForget={bulk.forget} />
      <Table caption="Incidents, by state and newest first" columns={columns} rows={rows} keyOf={({ id }) => id} />
      <IncidentActs selection={selection} bulk={bulk} />
    </>
  );
}
