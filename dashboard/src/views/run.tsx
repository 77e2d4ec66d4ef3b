import { Link, useParams } from "wouter-preact";
import type { z } from "zod";
import { ExecutionDetailResponse } from "../../../types/history.ts";
import { ErrorRecord } from "../components/error-record.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { counted, duration, number, title, words } from "../format.ts";
import { useRead } from "../queries.ts";

type Run = z.infer<typeof ExecutionDetailResponse>;

export default function RunView() {
  const { id = "" } = useParams();
  const run = useRead(
    `sync-monitoring/executions/${id}`,
    ExecutionDetailResponse,
    { isLive: ({ status }) => status === "RUNNING" },
  );
  return (
    <Page
      title={run.data ? `Run of ${title(run.data.entity_type)}` : "Run"}
      lead={run.data && <Lead run={run.data} />}
    >
      <Reading of={run}>{(data) => <Run run={data} />}</Reading>
    </Page>
  );
}

function Lead({ run }: { run: Run }) {
  return (
    <>
      <Status of={run.status} /> {run.status_reason} · <Moment at={run.execution_start} />
    </>
  );
}

const rate = (bytes: number): string =>
  bytes < 1_000_000 ? `${number(Math.round(bytes / 1_000))} kB` : `${number(Math.round(bytes / 100_000) / 10)} MB`;

function Run({ run }: { run: Run }) {
  return (
    <>
      {run.status === "RUNNING" && (
        <p role="status">
          {run.current_stage ?? "starting"}: {number(run.tournaments_processed)} of {number(run.tournaments_total)}
          <progress
            value={run.tournaments_processed}
            max={run.tournaments_total || 1}
            aria-label="Tournaments done"
          />
        </p>
      )}
      <Facts
        of={[
          [
            "Sync",
            <Link href={`/entities/${run.entity_type}`}>
              {title(run.entity_type)}
            </Link>,
          ],
          ["Trigger", words(run.trigger)],
          [
            "Due",
            run.due_at === null ? "–" : (
              <>
                <Moment at={run.due_at} />, attempt {run.attempt}
              </>
            ),
          ],
          ["Duration", duration(run.duration_ms)],
          [
            "Tournaments",
            `${number(run.tournaments_processed)} of ${number(run.tournaments_total)}, ${number(run.tournaments_failed)} failed`,
          ],
          [
            "Records",
            `${number(run.records_inserted)} new, ${number(run.records_updated)} changed, ${number(run.records_unchanged)} unchanged, ${
              number(run.records_removed)
            } removed, ${number(run.records_rejected)} rejected`,
          ],
          [
            "Upstream",
            `${counted(run.api_calls, "call")}, ${number(run.api_errors)} failed, ${number(run.api_unchanged_replies)} unchanged, ${
              rate(run.api_bytes)
            }, ${rate(run.api_bytes_saved)} saved`,
          ],
          [
            "API fallbacks",
            `${number(run.api_fallbacks)}: ${number(run.api_retries)} retried, ${number(run.api_full_reads)} forced full reads, ${
              number(run.api_xml_replies)
            } answered in XML`,
          ],
          [
            "Upstream response time",
            `${
              duration(
                run.api_calls ? run.api_response_ms_total / run.api_calls : null,
              )
            } on average, ${duration(run.api_response_ms_max)} at most`,
          ],
          [
            "Cache",
            `${number(run.cache_hits)} skipped as fresh, ${number(run.cache_misses)} requested`,
          ],
          [
            "Database",
            `${counted(run.database_calls, "call")}, at most ${number(run.database_connections_peak)} at once`,
          ],
          [
            "Peak memory",
            run.memory_usage_mb === null ? "–" : `${number(run.memory_usage_mb)} MiB`,
          ],
        ]}
      />
      {run.job && (
        <p>
          For <Link href={`/jobs/${run.job.id}`}>a job</Link> of {run.job.triggered_by} ({words(run.job.priority)}): {run.job.reason}
        </p>
      )}
      {run.incidents.length > 0 && (
        <Section title="Incidents of this run">
          <ul>
            {run.incidents.map(({ id, rule_name, state }) => (
              <li key={id}>
                <Link href={`/alerts/${id}`}>{rule_name}</Link> <Status of={state} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section title="Timeline">
        <Timeline run={run} />
      </Section>
      <Section title={`Tournaments (${number(run.tournaments.length)})`}>
        <Tournaments run={run} />
      </Section>
      <Section title={`Errors (${number(run.errors.length)})`}>
        {run.errors.length ? run.errors.map((error) => <ErrorRecord key={error.id} of={error} />) : <Empty>No error in this run.</Empty>}
      </Section>
    </>
  );
}

function Timeline({ run }: { run: Run }) {
  const steps = [
    {
      at: run.execution_start,
      text: `started, trigger ${words(run.trigger)}`,
      status: "RUNNING",
    },
    ...run.errors.map((error) => ({
      at: error.occurred_at,
      text: `${words(error.error_type)}${error.tournament_no ? `, tournament ${error.tournament_no}` : ""}: ${error.error_message}`,
      status: error.error_severity,
    })),
    ...run.execution_end
      ? [{
        at: run.execution_end,
        text: `${words(run.status)}: ${run.status_reason ?? ""}`,
        status: run.status as string,
      }]
      : [],
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return (
    <ol class="timeline">
      {steps.map(({ at, text, status }, index) => (
        <li key={index}>
          <Moment at={at} /> <Status of={status} label="" /> {text}
          {index > 0 && (
            <small>
              {duration(Date.parse(at) - Date.parse(run.execution_start))} after the start
            </small>
          )}
        </li>
      ))}
    </ol>
  );
}

const COLUMNS = (slowest: number): Column<Run["tournaments"][number]>[] => [
  {
    name: "Tournament",
    isHead: true,
    cell: (result) => (
      <Link href={`/tournaments/${result.tournament_no}`}>
        {result.name ?? result.tournament_no}
      </Link>
    ),
  },
  {
    name: "Outcome",
    cell: (result) => <Status of={result.success ? "SUCCEEDED" : "FAILED"} />,
  },
  {
    name: "Duration",
    cell: (result) => (
      <>
        <meter
          value={result.duration_ms ?? 0}
          max={slowest}
          aria-label="Compared with the slowest tournament"
        />{" "}
        {duration(result.duration_ms)}
      </>
    ),
  },
  {
    name: "Records",
    isNumber: true,
    cell: (result) => number(result.records_processed),
  },
  { name: "Error or warning", cell: (result) => result.error_message ?? result.warning_code ?? "" },
];

function Tournaments({ run }: { run: Run }) {
  if (!run.tournaments.length) {
    return (
      <Empty>
        {run.status === "RUNNING" ? "No tournament is finished yet." : "The run processed no tournament."}
      </Empty>
    );
  }
  const slowest = Math.max(
    ...run.tournaments.map(({ duration_ms }) => duration_ms ?? 0),
    1,
  );
  return (
    <Table
      caption="Tournaments of this run"
      columns={COLUMNS(slowest)}
      rows={run.tournaments}
      keyOf={(result) => result.tournament_no}
    />
  );
}
