import type { ComponentChildren } from "preact";
import { Link, useParams } from "wouter-preact";
import type { z } from "zod";
import { TournamentDetailResponse } from "../../../types/history.ts";
import { moveBetweenLinks } from "../arrow-keys.ts";
import { CopyMenu } from "../components/copy-menu.tsx";
import { EntityName } from "../components/entity-name.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Pill, Status } from "../components/status.tsx";
import { type Column, LongTable } from "../components/table.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { counted, daysOf, duration, inZoneShort, number, percent, words } from "../format.ts";
import { useNames } from "../names.ts";
import { pathOf, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { priorityOf, stateOf } from "./tournaments.tsx";

type Detail = z.infer<typeof TournamentDetailResponse>;

type Result = Detail["history"][number];

const ERROR_OR_WARNING: Column<Result> = { name: "Error or warning", cell: (result) => result.error_message ?? result.warning_code };

/** The columns of the results; those without a value are left out. */
const columnsOf = (results: Result[]): Column<Result>[] => [
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
  { name: "Outcome", card: "state", cell: (result) => <Status of={result.success ? "SUCCEEDED" : "FAILED"} /> },
  ...results.some((result) => result.records_processed !== null)
    ? [{ name: "Records", isNumber: true, cell: (result: Result) => number(result.records_processed) }]
    : [],
  ...results.some((result) => result.duration_ms !== null)
    ? [{ name: "Duration", isNumber: true, cell: (result: Result) => duration(result.duration_ms) }]
    : [],
  ...results.some((result) => result.error_message ?? result.warning_code) ? [ERROR_OR_WARNING] : [],
];

/** The most results of a strip. */
const SHOWN = 48;

/** The last results as marks, the newest at the right. */
function ResultStrip({ results }: { results: Result[] }) {
  const nameOf = useNames();
  const shown = results.slice(0, SHOWN).reverse();
  return (
    <ol class="strip" aria-label="Last results, the newest last; arrow keys move between them" onKeyDown={moveBetweenLinks}>
      {Array.from({ length: SHOWN - shown.length }, (_, index) => (
        <li key={index} aria-hidden="true">
          <span class="mark none" />
        </li>
      ))}
      {shown.map(({ execution_id, entity_type, at, success }, index) => {
        const label = `${inZoneShort(at)}: ${nameOf(entity_type)}, ${success ? "succeeded" : "failed"}`;
        return (
          <li key={`${execution_id}${entity_type}`} title={label}>
            <a
              href={`#/runs/${execution_id}`}
              tabIndex={index === shown.length - 1 ? 0 : -1}
              aria-label={label}
              class={`mark ${success ? "good" : "bad"}`}
            />
          </li>
        );
      })}
    </ol>
  );
}

/** The tournament, and how its sync goes; a fact that is unknown is left out. */
function State({ detail }: { detail: Detail }) {
  const facts: [name: string, value: ComponentChildren][] = [
    ["Season", detail.season],
    ["Dates", detail.start_date && daysOf(detail.start_date, detail.end_date)],
    ["Matches", detail.match_count !== null && `${number(detail.match_count)}, ${number(detail.live_count)} live`],
    ["Priority", priorityOf(detail)],
  ];
  const sync: [name: string, value: ComponentChildren][] = [
    [`Success, last ${counted(detail.results, "result")}`, detail.results > 0 && percent(detail.success_rate)],
    ["Last success", detail.last_success && <Distance at={detail.last_success} />],
    ["Fresh as of", detail.synced_at && <Distance at={detail.synced_at} />],
    ["TTL left", detail.ttl_left_ms !== null && (detail.ttl_left_ms < 0 ? "due" : duration(detail.ttl_left_ms))],
  ];
  const known = (of: typeof facts) => of.filter(([, value]) => value);
  return (
    <div class="pair">
      <section class="card pad">
        <h2>Tournament</h2>
        <Facts class="facts" of={known(facts)} />
      </section>
      <section class="card pad">
        <h2>Sync</h2>
        <Facts class="facts" of={known(sync)} />
        {detail.history.length > 0 && <ResultStrip results={detail.history} />}
      </section>
    </div>
  );
}

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
            <State detail={detail} />
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
                    columns={columnsOf(detail.history)}
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
