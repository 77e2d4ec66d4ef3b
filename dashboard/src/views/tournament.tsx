import type { ComponentChildren } from "preact";
import { Link, useParams } from "wouter-preact";
import type { z } from "zod";
import { TournamentDetailResponse } from "../../../types/history.ts";
import { CopyMenu } from "../components/copy-menu.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Pill } from "../components/status.tsx";
import { Marks, SHOWN, StripKey } from "../components/strip.tsx";
import { Distance, Message, Moment } from "../components/time.tsx";
import { capitalised, counted, daysOf, duration, inZoneShort, number, percent, words } from "../format.ts";
import { useNames } from "../names.ts";
import { pathOf, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import type { Result } from "../tournament/folds.ts";
import { Results } from "../tournament/results.tsx";
import { priorityOf, stateOf } from "./tournaments.tsx";

type Detail = z.infer<typeof TournamentDetailResponse>;

/** The last results as marks, the newest at the right. */
function ResultStrip({ results }: { results: Result[] }) {
  const nameOf = useNames();
  const shown = results.slice(0, SHOWN).reverse();
  const oldest = shown[0];
  return (
    <div>
      <Marks label="Last results" count={shown.length} since={oldest && Date.parse(oldest.at)}>
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
      </Marks>
      <StripKey only={shown.length < SHOWN ? ["good", "bad", "none"] : ["good", "bad"]} />
    </div>
  );
}

type Fact = [name: string, value: ComponentChildren, more: ComponentChildren];

/** The figures of the tournament and of its sync, and its last results; unknown figures are omitted. */
function State({ detail }: { detail: Detail }) {
  const { season, start_date, end_date, ttl_left_ms: left, last_success, synced_at, match_count, live_count, results, failing_streak } =
    detail;
  const facts: Fact[] = [
    ["Fresh as of", synced_at && <Distance at={synced_at} />, left !== null && (left < 0 ? "due now" : `due in ${duration(left)}`)],
    ["Success", results > 0 && percent(detail.success_rate), `of the last ${counted(results, "result")}`],
    // The last success is shown only while the tournament fails; otherwise it is the time of the last sync.
    ["Last success", failing_streak > 0 && last_success && <Moment at={last_success} />, <Distance at={last_success} />],
    ["Matches", match_count !== null && number(match_count), `${number(live_count)} live`],
    ["Dates", start_date && daysOf(start_date, end_date), [season && `season ${season}`, priorityOf(detail)].filter(Boolean).join(", ")],
  ];
  return (
    <div class="card pad stack now">
      <Facts
        class="facts"
        of={facts.filter(([, value]) => value).map(([name, value, more]) => [
          name,
          <>
            {value} {more && <small>{more}</small>}
          </>,
        ])}
      />
      {detail.history.length > 0 && <ResultStrip results={detail.history} />}
    </div>
  );
}

/** The last error, with its time and run if its result is stored: a card while the tournament fails, and a line after a success. */
function LastError({ detail: { last_error, failing_streak, history } }: { detail: Detail }) {
  if (!last_error) return null;
  const place = history.findIndex(({ success }) => !success);
  const result = history[place];
  const run = result && <Link href={`/runs/${result.execution_id}`}>Open the run</Link>;
  if (failing_streak === 0) {
    return (
      <p class="muted">
        Last error{result && (
          <>
            {" "}
            <Distance at={result.at} />
          </>
        )}: <Message of={last_error} />
        {place > 0 && `, ${counted(place, "result")} without an error since`}. {run}
      </p>
    );
  }
  return (
    <section class="card pad failure">
      <header class="section">
        <h2>Last error</h2>
        {run}
      </header>
      <p>
        <Message of={capitalised(last_error)} />
      </p>
      {result && (
        <p class="muted">
          <Moment at={result.at} />, <Distance at={result.at} />
        </p>
      )}
    </section>
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
            <LastError detail={detail} />
            <Section
              title="Latest results"
              acts={detail.history.length > 0 && <span class="muted">{counted(detail.history.length, "result")}</span>}
            >
              {detail.history.length ? <Results of={detail.history} /> : (
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
