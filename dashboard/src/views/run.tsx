import type { ComponentChildren } from "preact";
import { Link, useParams } from "wouter-preact";
import { ExecutionDetailResponse } from "../../../types/history.ts";
import { JobDetailResponse } from "../../../types/jobs.ts";
import { go } from "../address.ts";
import { CopyMenu } from "../components/copy-menu.tsx";
import { Copy } from "../components/copy.tsx";
import { OverEstimate } from "../components/over-estimate.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Reading, Refusal } from "../components/states.tsx";
import { Pill, Severity } from "../components/status.tsx";
import { TournamentLinks } from "../components/tournament-links.tsx";
import { Moment, Since, useNow } from "../components/time.tsx";
import { counted, duration, inZoneShort, number, sentence, title, unbroken, words } from "../format.ts";
import { useNames } from "../names.ts";
import { pathOf, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { Comparison, hasComparison } from "../run/comparison.tsx";
import { ErrorGroups } from "../run/error-groups.tsx";
import { LEFT_OUT, type Run, TRIGGERS } from "../run/run.ts";
import { Waterfall } from "../run/waterfall.tsx";

const STARTED_BY = { CRON: "the schedule", MANUAL: "a person", RETRY: "a retry" } as const;

const pathTo = (id: string): string => `sync-monitoring/executions/${id}`;

export default function RunView() {
  const { id = "" } = useParams();
  const run = useRead(pathTo(id), ExecutionDetailResponse, { isLive: ({ status }) => status === "RUNNING" });
  const nameOf = useNames();
  const { data } = run;
  return (
    <Page
      key={id}
      title={data ? `Run of ${nameOf(data.entity_type)}, ${inZoneShort(data.execution_start)}` : "Run"}
      crumb={data && (
        <>
          <Link href="/">Overview</Link> / <Link href={`/entities/${data.entity_type}`}>{nameOf(data.entity_type)}</Link>
        </>
      )}
      lead={data && (
        <>
          <Pill of={data.status} /> {data.status_reason && <span>{sentence(data.status_reason)}</span>}
          <span class="muted">Started by {data.job?.triggered_by ?? STARTED_BY[data.trigger]}.</span>
        </>
      )}
      acts={data && (
        <>
          <CopyMenu id={id} path={pathTo(id)} />
          <RunActs run={data} />
        </>
      )}
    >
      <Reading of={run}>{(run) => <Body run={run} />}</Reading>
    </Page>
  );
}

/** Starts a run of the failed tournaments, or a full run. */
function RunActs({ run }: { run: Run }) {
  const { can } = useUser();
  const { job } = run;
  const retry = useAct(
    () => ({ method: "POST", path: `sync-admin/jobs/${job?.id}/requeue`, body: { only_failed: true } }),
    JobDetailResponse,
    ({ id }) => go(`/jobs/${id}`),
  );
  if (!can("operator") || run.status === "RUNNING") return null;
  const again = (
    <button type="button" class="primary" aria-busy={retry.isPending} disabled={retry.isPending} onClick={() => retry.mutate()}>
      Sync failed tournaments again
    </button>
  );
  return (
    <>
      <Refusal error={retry.error} />
      {job && run.tournaments_failed > 0
        ? again
        : <Link href={pathOf("/sync", { entity: run.entity_type })} role="button" class="primary">Sync now</Link>}
    </>
  );
}

function Body({ run }: { run: Run }) {
  const now = useNow();
  const isRunning = run.status === "RUNNING";
  const length = run.duration_ms ?? Math.max(now - Date.parse(run.execution_start), 0);
  return (
    <>
      {isRunning && <Progress run={run} length={length} />}
      {run.incidents.length > 0 && <Incidents of={run.incidents} />}
      <Summary run={run} length={length} />
      {run.error_groups.length > 0 && (
        <Section title={`Errors (${number(run.error_count)})`}>
          <ErrorGroups run={run} />
        </Section>
      )}
      <Section title={`Tournaments (${tournamentsOf(run)})`}>
        <Waterfall run={run} length={length} />
      </Section>
      <LeftOut of={run.left_out} />
      {hasComparison(run)
        ? (
          <div class="split compared">
            <Section title="Compared" acts={run.usual && <small>Usual: the median of {counted(run.usual.runs, "run")}</small>}>
              <Comparison run={run} />
            </Section>
            <Details run={run} />
          </div>
        )
        : <Details run={run} />}
    </>
  );
}

/** The number of synced tournaments of the run: `8 of 12 synced`. */
const tournamentsOf = ({ tournaments_processed: done, tournaments_failed: failed, tournaments_total: total }: Run): string =>
  `${number(done - failed)} of ${number(total ?? done)} synced`;

/** The figures that show whether the run succeeded. */
function Summary({ run, length }: { run: Run; length: number }) {
  const { usual, tournaments_failed: failed, tournaments_processed: done, records_inserted, records_updated, records_removed } = run;
  const codes = new Set(run.error_groups.map(({ error_code }) => error_code)).size;
  return (
    <div class="card pad now">
      <Facts
        class="facts"
        of={[
          [
            "Duration",
            <>
              {duration(length)} {usual && <small>usually {duration(usual.p50_duration_ms)}</small>}
            </>,
          ],
          [
            "Tournaments synced",
            <>
              {number(done - failed)} of {number(run.tournaments_total ?? done)}{" "}
              <small class={failed ? "bad" : undefined}>{failed ? `${number(failed)} failed` : "none failed"}</small>
            </>,
          ],
          [
            "Records changed",
            <>
              {number(records_inserted + records_updated + records_removed)} <small>of {number(run.records_read)} read</small>
            </>,
          ],
          [
            "Requests to VIS",
            <>
              {number(run.api_calls)} <small>{number(run.api_retries)} of them retries</small>
            </>,
          ],
          [
            "Errors",
            <>
              {number(run.error_count)} <small>{codes ? `with ${counted(codes, "code")}` : "none"}</small>
            </>,
          ],
        ]}
      />
    </div>
  );
}

const Incidents = ({ of: incidents }: { of: Run["incidents"] }) => (
  <ul class="incidents card" aria-label="Incidents of this run">
    {incidents.map(({ id, cause, scope, severity, state, opened_at }) => (
      <li key={id} data-severity={severity} data-quiet={state === "RESOLVED" || undefined}>
        <Severity of={severity} />
        <div>
          <Link href={`/alerts/${id}`} class="cause">{unbroken(cause)}</Link>
          <p class="dotted">
            <span>{scope}</span> <span>{words(state)}</span>{" "}
            <span>
              noticed <Moment at={opened_at} />
            </span>
          </p>
        </div>
        <Link href={`/alerts/${id}`} role="button">Open</Link>
      </li>
    ))}
  </ul>
);

const Progress = ({ run, length }: { run: Run; length: number }) => (
  <p class="notice">
    <span>
      Running for <Since at={run.execution_start} />, {run.current_stage ?? "starting"}: {number(run.tournaments_processed)} of{" "}
      {number(run.tournaments_total)} tournaments
    </span>
    <OverEstimate ms={run.usual?.p95_duration_ms ? length - run.usual.p95_duration_ms : null} />
    <progress value={run.tournaments_processed} max={run.tournaments_total || 1} aria-label="Tournaments done" />
  </p>
);

/** The tournaments that the run did not sync, by reason. */
function LeftOut({ of: groups }: { of: Run["left_out"] }) {
  if (!groups.length) return null;
  return (
    <Section title="Left out">
      <ul class="card groups">
        {groups.map(({ reason, count, tournaments }) => (
          <li key={reason}>
            <p>
              <strong>{counted(count, "tournament")}</strong>: {LEFT_OUT[reason]}.
            </p>
            {tournaments.length > 0 && (
              <details>
                <summary>{tournaments.length < count ? `The first ${tournaments.length}` : "Which ones"}</summary>
                <TournamentLinks of={tournaments} />
              </details>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

const sizeOf = (bytes: number): string =>
  bytes < 1_000_000 ? `${number(Math.round(bytes / 1_000))} kB` : `${number(Math.round(bytes / 100_000) / 10)} MB`;

type Pair = [name: string, value: ComponentChildren];

/** The origin of the run, and its minor figures. */
function Details({ run }: { run: Run }) {
  const { job, call } = run;
  const changed = ([["new", run.records_inserted], ["changed", run.records_updated], ["unchanged", run.records_unchanged], [
    "removed",
    run.records_removed,
  ], ["rejected", run.records_rejected]] as const).filter(([, count]) => count > 0).map(([name, count]) => `${number(count)} ${name}`);
  const fallbacks = ([["retried", run.api_retries], ["forced full reads", run.api_full_reads], ["in XML", run.api_xml_replies]] as const)
    .filter(([, count]) => count > 0).map(([name, count]) => `${number(count)} ${name}`);
  const origin: Pair[] = [
    ["Trigger", TRIGGERS[run.trigger]],
    ...job
      ? [[
        "Job",
        <>
          <Link href={`/jobs/${job.id}`}>{title(job.priority)} priority</Link>, by {job.triggered_by}: {job.reason}
        </>,
      ] as Pair]
      : [],
  ];
  const groups: [name: string, pairs: Pair[]][] = [
    ["Timing", [
      ...run.due_at
        ? [[
          "Due",
          <>
            <Moment at={run.due_at} />, attempt {run.attempt}
          </>,
        ] as Pair]
        : [],
      ["Started", <Moment at={run.execution_start} hasSeconds />],
      ...run.execution_end ? [["Ended", <Moment at={run.execution_end} hasSeconds />] as Pair] : [],
      [
        "Response time",
        `${duration(run.api_calls ? run.api_response_ms_total / run.api_calls : null)} on average, ${
          duration(run.api_response_ms_max)
        } at most`,
      ],
    ]],
    ["Identifiers", [
      ["Run", <Copy text={run.id} label="the id of the run" />],
      ...run.correlation_id ? [["Correlation", <Copy text={run.correlation_id} label="the correlation id" />] as Pair] : [],
      ...call
        ? [
          ["Call", <Copy text={call.id} label="the id of the call" />],
          ["Answer", call.status_code === null ? "not known" : `${call.status_code} in ${duration(call.answered_ms)}`],
        ] as Pair[]
        : [],
    ]],
    ["Data", [
      ["Records", changed.join(", ") || "none"],
      ["Replies", `${sizeOf(run.api_bytes)}, ${number(run.api_unchanged_replies)} unchanged, ${sizeOf(run.api_bytes_saved)} saved`],
      ["Fallbacks", fallbacks.join(", ") || "none"],
    ]],
    ["Resources", [
      ["Memory", run.memory_usage_mb === null ? "–" : `${number(run.memory_usage_mb)} MiB at peak`],
      ["Connections", run.database_connections_peak === null ? "–" : `${number(run.database_connections_peak)} to the database at once`],
    ]],
  ];
  return (
    <Section title="Details">
      <div class="card pad details">
        <Facts class="pairs" of={origin} />
        {groups.map(([name, pairs]) => (
          <div key={name}>
            <h3>{name}</h3>
            <Facts class="pairs" of={pairs} />
          </div>
        ))}
      </div>
    </Section>
  );
}
