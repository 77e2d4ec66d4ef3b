import { AlertListResponse, INCIDENT_STATES } from "../../../types/alerts.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { useFilters } from "../address.ts";
import { Export } from "../components/export.tsx";
import { SelectField } from "../components/fields.tsx";
import { Filters } from "../components/filters.tsx";
import { Facts, Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { duration, number, title } from "../format.ts";
import { IncidentList } from "../incident/list.tsx";
import { usePages } from "../queries.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";

export default function Alerts() {
  const [filters, change] = useFilters(["state", "severity", "entity"]);
  const nameOf = useNames();
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  const alerts = usePages(
    "sync-monitoring/alerts",
    { ...filters, limit: 50 },
    AlertListResponse,
  );
  const times = alerts.data?.pages[0]?.mean_times;
  return (
    <Page
      title="Incidents"
      acts={
        <Export
          name="incidents"
          path="sync-monitoring/alerts"
          query={filters}
          schema={AlertListResponse}
          rowsOf={({ alerts }) => alerts}
        />
      }
    >
      <AlertTabs at="/alerts" />
      <section class="incident-times" aria-label="The incidents of 30 days">
        <Facts
          class="facts"
          of={[
            ["Incidents in 30 days", number(times?.incidents)],
            ["Mean time to detect", duration(times?.detect_ms)],
            ["to acknowledge", duration(times?.acknowledge_ms)],
            ["to resolve", duration(times?.resolve_ms)],
          ]}
        />
      </section>
      <Filters
        first={
          <SelectField
            label="State"
            value={filters.state}
            options={[
              ["", "any"],
              ...INCIDENT_STATES.map((state) => [state, title(state)] as const),
            ]}
            onChange={(state) => change({ state })}
          />
        }
        set={[filters.severity, filters.entity].filter(Boolean).length}
        onClear={() => change({ severity: "", entity: "" })}
      >
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
      </Filters>
      <Reading of={alerts}>
        {({ pages }) => {
          const incidents = pages.flatMap((page) => page.alerts);
          return (
            <>
              {incidents.length ? <IncidentList incidents={incidents} /> : <Empty>No incident matches the filters.</Empty>}
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
