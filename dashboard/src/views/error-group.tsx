import type { ComponentChildren } from "preact";
import { Link, useParams } from "wouter-preact";
import { ErrorAnalyticsResponse, ErrorListResponse, PERIODS } from "../../../types/history.ts";
import { type Analytics, ErrorAnalytics } from "../components/error-analytics.tsx";
import { Page, Section } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Pill, Severity } from "../components/status.tsx";
import { ErrorTrend } from "../errors/error-trend.tsx";
import { Details, Summary } from "../errors/group-facts.tsx";
import { OccurrenceList } from "../errors/occurrence-list.tsx";
import { type ErrorOfGroup, occurrencesOf } from "../errors/occurrences.ts";
import { Resolve } from "../errors/resolve.tsx";
import { TournamentShares } from "../errors/shares.tsx";
import { capitalised, msOf } from "../format.ts";
import { pathOf, usePages, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

/** The errors of one fingerprint by run, newest first, and a button that resolves all of them. */
export default function ErrorGroup() {
  const fingerprint = decodeURIComponent(useParams().fingerprint ?? "");
  const errors = usePages("sync-monitoring/errors", { fingerprint, limit: 100 }, ErrorListResponse);
  const rows = errors.data?.pages.flatMap((page) => page.errors) ?? [];
  const open = rows.filter((error) => error.resolved_at === null), latest = rows[0];
  const { can } = useUser();
  return (
    <Page
      title={latest ? capitalised(latest.error_message) : "Errors with the same fingerprint"}
      crumb={
        <>
          <Link href="/errors">Errors</Link>
          {latest && ` / ${latest.error_code}`}
        </>
      }
      lead={latest && (
        <>
          {open.length ? <Pill of="PENDING" label="Open" /> : <Pill of="RESOLVED" />} <Severity of={latest.error_severity} />
        </>
      )}
      acts={open[0] && can("operator") && <Resolve id={open[0].id} open={errors.hasNextPage ? null : open.length} />}
    >
      <Reading of={errors}>
        {() =>
          latest
            ? (
              <Body
                latest={latest}
                rows={rows}
                more={errors.hasNextPage && (
                  <button
                    type="button"
                    aria-busy={errors.isFetchingNextPage}
                    onClick={() => void errors.fetchNextPage()}
                  >
                    Load older errors
                  </button>
                )}
              />
            )
            : <Empty>No error has this fingerprint.</Empty>}
      </Reading>
    </Page>
  );
}

function Body({ latest, rows, more }: { latest: ErrorOfGroup; rows: ErrorOfGroup[]; more: ComponentChildren }) {
  const filters = { fingerprint: latest.fingerprint };
  const period = more ? "30d" : periodSince(rows.at(-1)?.occurred_at);
  const counts = useRead(pathOf("sync-monitoring/error-analytics", { period, ...filters }), ErrorAnalyticsResponse, { every: 30_000 }).data;
  return (
    <>
      <ErrorAnalytics period={period} entity="" filters={filters} every={30_000}>{(data) => <Summary of={data} />}</ErrorAnalytics>
      <div class="split with-list">
        <ErrorAnalytics period={period} entity="" filters={filters} every={30_000}>
          {(data) => data.total > 0 && <ErrorTrend data={data} />}
        </ErrorAnalytics>
        <aside class="stack">
          <Advice of={latest} />
          <Details error={latest} />
          {counts && isUneven(counts) && <TournamentShares of={counts} title="Errors by tournament" />}
        </aside>
        <Section title="Occurrences">
          <OccurrenceList of={occurrencesOf(rows)} />
          {more}
        </Section>
      </div>
    </>
  );
}

/** Whether the tournaments have different counts; with equal counts, the occurrences name the tournaments. */
const isUneven = ({ by_tournament }: Analytics): boolean => new Set(by_tournament.map(({ count }) => count)).size > 1;

/** The shortest period that begins before a moment, up to 30 days. */
const periodSince = (moment = ""): string =>
  (["24h", "7d"] as const).find((period) => Date.now() - Date.parse(moment) < (msOf(PERIODS[period].span) ?? 0)) ?? "30d";

/** The advice for the errors, and the note of their resolution. */
function Advice({ of: { recovery_suggestion, resolution_notes } }: { of: ErrorOfGroup }) {
  if (!recovery_suggestion && !resolution_notes) return null;
  return (
    <section class="card pad">
      {recovery_suggestion && (
        <>
          <h2>What to do</h2>
          <p>{recovery_suggestion}</p>
        </>
      )}
      {resolution_notes && (
        <p>
          <strong>Resolved:</strong> {resolution_notes}
        </p>
      )}
    </section>
  );
}
