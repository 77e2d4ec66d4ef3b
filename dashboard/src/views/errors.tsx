import { ErrorAnalyticsResponse, ErrorListResponse, Period, PERIODS } from "../../../types/history.ts";
import { ERROR_TYPES, SEVERITIES } from "../../../types/sync.ts";
import { useFilters } from "../address.ts";
import { ErrorAnalytics } from "../components/error-analytics.tsx";
import { Export } from "../components/export.tsx";
import { SelectField } from "../components/fields.tsx";
import { Filters } from "../components/filters.tsx";
import { Page } from "../components/page.tsx";
import { Analysis } from "../errors/analysis.tsx";
import { msOf, title } from "../format.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";
import { pathOf, useRead } from "../queries.ts";

const ANY = [["", "any"]] as const;

export default function Errors() {
  const [filters, change] = useFilters(["period", "entity", "type", "code", "severity", "resolved"]);
  const { period: chosen, entity, ...others } = filters;
  const period = Period.safeParse(chosen).data ?? "24h";
  const nameOf = useNames();
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  const set = [entity, ...Object.values(others)].filter(Boolean).length;
  return (
    <Page
      title="Errors"
      lead="Failed requests, replies and writes of all runs, grouped by their fingerprint."
      acts={
        <Export
          name="errors"
          path="sync-monitoring/errors"
          query={{ entity, ...others, from: new Date(Date.now() - (msOf(PERIODS[period].span) ?? 0)).toISOString() }}
          schema={ErrorListResponse}
          rowsOf={({ errors }) => errors}
        />
      }
    >
      <Filters
        first={
          <SelectField
            label="Period"
            value={period}
            options={Object.entries(PERIODS).map(([name, { span }]) => [name, span] as const)}
            onChange={(value) => change({ period: value })}
          />
        }
        set={set}
        onClear={() => change({ entity: "", type: "", code: "", severity: "", resolved: "" })}
      >
        <SelectField
          label="Sync"
          value={entity}
          options={[["", "all"], ...entities.map((name) => [name, nameOf(name)] as const)]}
          onChange={(entity) => change({ entity })}
        />
        <SelectField
          label="Class"
          value={others.type}
          options={[...ANY, ...ERROR_TYPES.map((name) => [name, title(name)] as const)]}
          onChange={(type) => change({ type })}
        />
        <CodeField period={period} entity={entity} filters={others} onChange={(code) => change({ code })} />
        <SelectField
          label="Severity"
          value={others.severity}
          options={[...ANY, ...SEVERITIES.map((name) => [name, title(name)] as const)]}
          onChange={(severity) => change({ severity })}
        />
        <SelectField
          label="State"
          value={others.resolved}
          options={[...ANY, ["false", "open"], ["true", "resolved"]]}
          onChange={(resolved) => change({ resolved })}
        />
      </Filters>
      <ErrorAnalytics period={period} entity={entity} filters={others} every={10_000}>
        {(data) => <Analysis data={data} isFiltered={set > 0} onCode={(code) => change({ code })} />}
      </ErrorAnalytics>
    </Page>
  );
}

/** The codes of the errors that the other filters match. */
function CodeField({ period, entity, filters: { code, ...filters }, onChange }: {
  period: string;
  entity: string;
  filters: Record<"type" | "code" | "severity" | "resolved", string>;
  onChange: (code: string) => void;
}) {
  const path = pathOf("sync-monitoring/error-analytics", { period, entity, ...filters });
  const codes = Object.keys(useRead(path, ErrorAnalyticsResponse, { every: 60_000 }).data?.by_code ?? {});
  return (
    <SelectField
      label="Code"
      value={code}
      options={[...ANY, ...[...new Set([...codes, ...code ? [code] : []])].sort().map((name) => [name, name] as const)]}
      onChange={onChange}
    />
  );
}
