import { Link, useParams } from "wouter-preact";
import type { z } from "zod";
import { TournamentDetailResponse } from "../../../types/history.ts";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { duration, number, percent, title } from "../format.ts";
import { pathOf, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { stateOf } from "./tournaments.tsx";

type Detail = z.infer<typeof TournamentDetailResponse>;

const COLUMNS: Column<Detail["history"][number]>[] = [
  {
    name: "When",
    isHead: true,
    cell: (one) => (
      <Link href={`/runs/${one.execution_id}`}>
        <Moment at={one.at} />
      </Link>
    ),
  },
  { name: "Of", cell: (one) => title(one.entity_type) },
  {
    name: "Outcome",
    cell: (one) => <Status of={one.success ? "SUCCEEDED" : "FAILED"} />,
  },
  {
    name: "Records",
    isNumber: true,
    cell: (one) => number(one.records_processed),
  },
  { name: "Took", isNumber: true, cell: (one) => duration(one.duration_ms) },
  { name: "Error", cell: (one) => one.error_message ?? "" },
];

export default function Tournament() {
  const { no = "" } = useParams();
  const tournament = useRead(
    `sync-monitoring/tournaments/${no}`,
    TournamentDetailResponse,
  );
  const { can } = useUser();
  return (
    <Page
      title={tournament.data?.name ?? `Tournament ${no}`}
      lead={tournament.data && (
        <Status
          of={stateOf(tournament.data)[0]}
          label={stateOf(tournament.data)[1]}
        />
      )}
      acts={can("operator") && (
        <Link
          href={pathOf("/sync", { entity: "matches_schedule", tournament: no })}
          role="button"
        >
          Sync it now
        </Link>
      )}
    >
      <Reading of={tournament}>
        {(one) => (
          <>
            <Facts
              of={[
                ["Number", one.no],
                ["Season", one.season ?? "–"],
                [
                  "Dates",
                  one.start_date ? `${one.start_date} – ${one.end_date ?? ""}` : "–",
                ],
                [
                  "Matches",
                  `${number(one.match_count)}, ${number(one.live_count)} live`,
                ],
                ["Fresh as of", <Distance at={one.synced_at} />],
                [
                  "Good for",
                  one.ttl_left_ms === null ? "–" : one.ttl_left_ms < 0 ? "due" : duration(one.ttl_left_ms),
                ],
                ["Success", percent(one.success_rate)],
                ["Last success", <Distance at={one.last_success} />],
              ]}
            />
            {one.last_error && (
              <p>
                <strong>Last error:</strong> {one.last_error}
              </p>
            )}
            <Section title="Its last results">
              {one.history.length
                ? (
                  <Table
                    caption="Results"
                    columns={COLUMNS}
                    rows={one.history}
                    keyOf={(result) => `${result.execution_id}${result.entity_type}`}
                  />
                )
                : <Empty>It was not in any run yet.</Empty>}
            </Section>
          </>
        )}
      </Reading>
    </Page>
  );
}
