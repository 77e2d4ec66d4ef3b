import { Link, useParams } from "wouter-preact";
import type { z } from "zod";
import { TournamentDetailResponse } from "../../../types/history.ts";
import { CopyMenu } from "../components/copy-menu.tsx";
import { EntityName } from "../components/entity-name.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Pill, Status } from "../components/status.tsx";
import { type Column, LongTable } from "../components/table.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { counted, daysOf, duration, number, percent, words } from "../format.ts";
import { pathOf, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { priorityOf, stateOf } from "./tournaments.tsx";

type Detail = z.infer<typeof TournamentDetailResponse>;

const COLUMNS: Column<Detail["history"][number]>[] = [
  {
    name: "Time",
    isHead: true,
    cell: (result) => (
      <Link href={`/runs/${result.execution_id}`}>
        <Moment at={result.at} />
      </Link>
    ),
  },
  { name: "Sync", card: "head", cell: (result) => <EntityName of={result.entity_type} /> },
  {
    name: "Outcome",
    card: "state",
    cell: (result) => <Status of={result.success ? "SUCCEEDED" : "FAILED"} />,
  },
  {
    name: "Records",
    isNumber: true,
    cell: (result) => number(result.records_processed),
  },
  { name: "Duration", isNumber: true, cell: (result) => duration(result.duration_ms) },
  { name: "Error or warning", cell: (result) => result.error_message ?? result.warning_code ?? "" },
];

export default function Tournament() {
  const { no = "" } = useParams();
  const path = `sync-monitoring/tournaments/${no}`;
  const tournament = useRead(path, TournamentDetailResponse);
  const { data } = tournament, { can } = useUser();
  return (
    <Page
      title={data ? [data.name ?? "Tournament", data.gender && words(data.gender), no].filter(Boolean).join(" ") : `Tournament ${no}`}
      crumb={<Link href="/tournaments">Tournaments</Link>}
      lead={data && <Pill of={stateOf(data)[0]} label={stateOf(data)[1]} />}
      acts={
        <>
          <CopyMenu id={no} path={path} />
          {can("operator") && (
            <Link href={pathOf("/sync", { entity: "matches_schedule", tournament: no })} role="button" class="primary">Sync now</Link>
          )}
        </>
      }
    >
      <Reading of={tournament}>
        {(detail) => (
          <>
            <Facts
              of={[
                ["Number", detail.no],
                ["Priority", priorityOf(detail)],
                ["Gender", detail.gender ? words(detail.gender) : "–"],
                ["Season", detail.season ?? "–"],
                [
                  "Dates",
                  daysOf(detail.start_date, detail.end_date),
                ],
                [
                  "Matches",
                  `${number(detail.match_count)}, ${number(detail.live_count)} live`,
                ],
                ["Fresh as of", <Distance at={detail.synced_at} />],
                [
                  "TTL left",
                  detail.ttl_left_ms === null ? "–" : detail.ttl_left_ms < 0 ? "due" : duration(detail.ttl_left_ms),
                ],
                [detail.results ? `Success, last ${counted(detail.results, "result")}` : "Success", percent(detail.success_rate)],
                ["Last success", <Distance at={detail.last_success} />],
              ]}
            />
            {detail.last_error && (
              <p>
                <strong>Last error:</strong> {detail.last_error}
              </p>
            )}
            <Section title="Latest results">
              {detail.history.length
                ? (
                  <LongTable
                    caption="Results"
                    columns={COLUMNS}
                    rows={detail.history}
                    keyOf={(result) => `${result.execution_id}${result.entity_type}`}
                    hasMore={false}
                    onMore={() => {}}
                    isLoading={false}
                  />
                )
                : (
                  <Empty>
                    {detail.last_result ? "The results of this tournament are no longer kept." : "No run has included this tournament yet."}
                  </Empty>
                )}
            </Section>
          </>
        )}
      </Reading>
    </Page>
  );
}
