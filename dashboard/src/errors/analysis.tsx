import { SEVERITIES } from "../../../types/sync.ts";
import type { Analytics } from "../components/error-analytics.tsx";
import { Facts, Figure, Section } from "../components/page.tsx";
import { Empty } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import { counted, duration, number, words } from "../format.ts";
import { columnsOf } from "./columns.tsx";
import { ErrorTrend } from "./error-trend.tsx";
import { COUNTED, TournamentShares } from "./shares.tsx";

/** The errors of a period: their figures, their trend, their groups, and the tournaments with the most errors. */
export function Analysis({ data, isFiltered, onCode }: { data: Analytics; isFiltered: boolean; onCode: (code: string) => void }) {
  if (data.total === 0) return <Empty>{isFiltered ? "No error of this period matches the filters." : "No error in this period."}</Empty>;
  return (
    <>
      <div class="card pad now">
        <Figures of={data} />
      </div>
      <div class="beside trend-first">
        <ErrorTrend data={data} onCode={onCode} />
        <TournamentShares of={data} title="Tournaments with the most errors" />
      </div>
      <Section title="Groups">
        <Table
          caption="Errors, grouped by fingerprint"
          columns={columnsOf(data)}
          rows={data.groups}
          keyOf={(group) => group.fingerprint}
        />
      </Section>
    </>
  );
}

/** The number of errors, their severities, their tournaments, and their times to resolution. */
function Figures({ of: data }: { of: Analytics }) {
  const severities = SEVERITIES.toReversed().filter((name) => data.by_severity[name])
    .map((name) => `${number(data.by_severity[name])} ${words(name)}`);
  const tournaments = data.by_tournament.length;
  const { count: resolved, p50 } = data.resolution_ms;
  return (
    <Facts
      class="facts"
      of={[
        ["Errors", <Figure is={number(data.total)} more={severities.join(", ")} />],
        ["Open", <Figure is={number(data.open)} more={`${number(data.total - data.open)} resolved`} />],
        [
          "Affected",
          <Figure
            is={`${tournaments === COUNTED ? "at least " : ""}${counted(tournaments, "tournament")}`}
            more={`in ${counted(Object.keys(data.by_entity).length, "sync")}`}
          />,
        ],
        [
          "Median time to resolve",
          <Figure is={duration(p50)} more={resolved ? `of ${counted(resolved, "resolved error")}` : "none is resolved"} />,
        ],
      ]}
    />
  );
}
