import { useMemo } from "preact/hooks";
import { Link } from "wouter-preact";
import { ErrorListResponse, Period, PERIODS } from "../../../types/history.ts";
import { useFilters } from "../address.ts";
import { Chart } from "../components/chart.tsx";
import { type Analytics, ErrorAnalytics } from "../components/error-analytics.tsx";
import { Export } from "../components/export.tsx";
import { SelectField } from "../components/fields.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Distance } from "../components/time.tsx";
import { duration, msOf, number, title } from "../format.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";

const COLUMNS: Column<Analytics["groups"][number]>[] = [
  {
    name: "Error",
    isHead: true,
    cell: (group) => (
      <Link href={`/errors/${encodeURIComponent(group.fingerprint)}`}>
        {group.message}
      </Link>
    ),
  },
  { name: "Type", cell: (group) => title(group.error_type) },
  { name: "Severity", cell: (group) => <Status of={group.severity} /> },
  {
    name: "State",
    cell: (group) =>
      group.is_regression
        ? <Status of="FAILED" label="Regression" />
        : group.open
        ? <Status of="PENDING" label={`${number(group.open)} open`} />
        : <Status of="RESOLVED" />,
  },
  { name: "Count", isNumber: true, cell: (group) => number(group.count) },
  {
    name: "Last tournament",
    cell: (group) => group.tournament_no && <Link href={`/tournaments/${group.tournament_no}`}>{group.tournament_no}</Link>,
  },
  { name: "First", cell: (group) => <Distance at={group.first_seen} /> },
  { name: "Last", cell: (group) => <Distance at={group.last_seen} /> },
];

export default function Errors() {
  const [filters, change] = useFilters(["period", "entity"]);
  const period = Period.safeParse(filters.period).data ?? "24h";
  const nameOf = useNames();
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  return (
    <Page title="Errors">
      <div class="filters">
        <SelectField
          label="Period"
          value={period}
          options={Object.entries(PERIODS).map(([name, { span }]) => [name, span] as const)}
          onChange={(value) => change({ period: value })}
        />
        <SelectField
          label="Sync"
          value={filters.entity}
          options={[
            ["", "all"],
            ...entities.map((name) => [name, nameOf(name)] as const),
          ]}
          onChange={(entity) => change({ entity })}
        />
        <Export
          name="errors"
          path="sync-monitoring/errors"
          query={{ entity: filters.entity, from: new Date(Date.now() - (msOf(PERIODS[period].span) ?? 0)).toISOString() }}
          schema={ErrorListResponse}
          rowsOf={({ errors }) => errors}
        />
      </div>
      <ErrorAnalytics period={period} entity={filters.entity} every={10_000}>{(data) => <Analysis data={data} />}</ErrorAnalytics>
    </Page>
  );
}

function Analysis({ data }: { data: Analytics }) {
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
  if (data.total === 0) return <Empty>No error in this period.</Empty>;
  const seconds = (moment: string) => Date.parse(moment) / 1000;
  return (
    <>
      <Facts
        of={[
          ["Errors", number(data.total)],
          ["Open", number(data.open)],
          ...Object.entries(data.by_severity).filter(([, count]) => count > 0)
            .map(([name, count]) => [title(name), number(count)] as [string, string]),
          ["Time to resolve, p50", duration(data.resolution_ms.p50)],
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
          <ul class="chips">
            {data.by_tournament.map(({ tournament_no, count }) => (
              <li key={tournament_no}>
                <Link href={`/tournaments/${tournament_no}`}>
                  {tournament_no}
                </Link>{" "}
                {number(count)}
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}
