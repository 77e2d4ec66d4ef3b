import { useMemo } from "preact/hooks";
import { Link } from "wouter-preact";
import { ErrorAnalyticsResponse, ErrorListResponse, Period, PERIODS } from "../../../types/history.ts";
import { ERROR_TYPES, SEVERITIES } from "../../../types/sync.ts";
import { useFilters } from "../address.ts";
import { Chart } from "../components/chart.tsx";
import { type Analytics, ErrorAnalytics } from "../components/error-analytics.tsx";
import { Export } from "../components/export.tsx";
import { SelectField } from "../components/fields.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty } from "../components/states.tsx";
import { Spark } from "../components/spark.tsx";
import { Severity, Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Distance } from "../components/time.tsx";
import { TournamentName } from "../components/tournament-links.tsx";
import { capitalised, counted, duration, msOf, number, title } from "../format.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";
import { pathOf, useRead } from "../queries.ts";

type Group = Analytics["groups"][number];

/** A trend in words. */
const describeTrend = ({ count, trend }: Group): string =>
  `${counted(count, "error")}, in ${number(trend.filter((part) => part > 0).length)} of ${number(trend.length)} intervals`;

const COLUMNS: Column<Group>[] = [
  {
    name: "Error",
    isHead: true,
    cell: (group) => (
      <>
        <Link href={`/errors/${encodeURIComponent(group.fingerprint)}`}>{capitalised(group.message)}</Link>
        <p class="under">
          {title(group.error_type)} · <code>{group.error_code}</code>
        </p>
      </>
    ),
  },
  { name: "Severity", card: "head", cell: (group) => <Severity of={group.severity} /> },
  {
    name: "State",
    card: "state",
    cell: (group) =>
      group.is_regression
        ? <Status of="FAILED" label="Regression" />
        : group.open
        ? <Status of="PENDING" label={`${number(group.open)} open`} />
        : <Status of="RESOLVED" />,
  },
  { name: "Trend", cell: (group) => <Spark counts={group.trend} label={describeTrend(group)} /> },
  { name: "Count", isNumber: true, cell: (group) => number(group.count) },
  {
    name: "Last tournament",
    cell: (group) => group.tournament_no && <Link href={`/tournaments/${group.tournament_no}`}>{group.tournament_no}</Link>,
  },
  { name: "First", cell: (group) => <Distance at={group.first_seen} /> },
  { name: "Last", cell: (group) => <Distance at={group.last_seen} /> },
];

const ANY = [["", "any"]] as const;

export default function Errors() {
  const [filters, change] = useFilters(["period", "entity", "type", "code", "severity", "resolved"]);
  const { period: chosen, entity, ...others } = filters;
  const period = Period.safeParse(chosen).data ?? "24h";
  const nameOf = useNames();
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  const isFiltered = [entity, ...Object.values(others)].some(Boolean);
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
      <div class="filters">
        <SelectField
          label="Period"
          value={period}
          options={Object.entries(PERIODS).map(([name, { span }]) => [name, span] as const)}
          onChange={(value) => change({ period: value })}
        />
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
        {isFiltered && (
          <button
            type="button"
            class="plain"
            onClick={() => change({ entity: "", type: "", code: "", severity: "", resolved: "" })}
          >
            Clear the filters
          </button>
        )}
      </div>
      <ErrorAnalytics period={period} entity={entity} filters={others} every={10_000}>
        {(data) => <Analysis data={data} isFiltered={isFiltered} />}
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

function Analysis({ data, isFiltered }: { data: Analytics; isFiltered: boolean }) {
  const trend = useMemo(() => ({
    times: data.trend.map(({ timestamp }) => Date.parse(timestamp) / 1000),
    series: [{
      name: "Errors",
      colour: "--bad-fill",
      values: data.trend.map(({ count }) => count),
      isBars: true,
    }],
    bands: [],
    marks: [],
  }), [data]);
  if (data.total === 0) return <Empty>{isFiltered ? "No error of this period matches the filters." : "No error in this period."}</Empty>;
  const seconds = (moment: string) => Date.parse(moment) / 1000;
  return (
    <>
      <Facts
        of={[
          ["Errors", number(data.total)],
          ["Open", number(data.open)],
          ...Object.entries(data.by_severity).filter(([, count]) => count > 0)
            .map(([name, count]) => [title(name), number(count)] as [string, string]),
          ["Median time to resolve", duration(data.resolution_ms.p50)],
        ]}
      />
      <Chart
        title="Trend"
        {...trend}
        range={[seconds(data.from), seconds(data.until)]}
        format={number}
      />
      <Section title="Groups">
        <Table
          caption="Errors, grouped by fingerprint"
          columns={COLUMNS}
          rows={data.groups}
          keyOf={(group) => group.fingerprint}
        />
      </Section>
      {data.by_tournament.length > 0 && (
        <Section title="Tournaments with the most errors">
          <ul class="shares card pad">
            {data.by_tournament.map(({ tournament_no, name, gender, count }) => (
              <li key={tournament_no}>
                <Link href={`/tournaments/${tournament_no}`}>
                  <TournamentName of={{ no: tournament_no, name, gender, start_date: null }} />
                </Link>{" "}
                <meter max={data.by_tournament[0]?.count} value={count} aria-hidden="true" /> <span>{number(count)}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}
