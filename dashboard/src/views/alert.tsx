import type { ComponentChildren } from "preact";
import { Link, useParams } from "wouter-preact";
import { AlertDetailResponse } from "../../../types/alerts.ts";
import { ExecutionDetailResponse } from "../../../types/history.ts";
import { extentOf } from "../components/active-incidents.tsx";
import { CopyMenu } from "../components/copy-menu.tsx";
import { Facts, Page } from "../components/page.tsx";
import { Reading } from "../components/states.tsx";
import { Pill, Severity } from "../components/status.tsx";
import { TournamentLinks } from "../components/tournament-links.tsx";
import { Distance, Moment, Since, useNow } from "../components/time.tsx";
import { counted, duration, title, unbroken } from "../format.ts";
import { Acts } from "../incident/acts.tsx";
import { burnOf, burnRows } from "../incident/burn.tsx";
import { Evidence } from "../incident/evidence.tsx";
import type { Incident } from "../incident/incident.ts";
import { Inhibited } from "../incident/inhibited.tsx";
import { Label } from "../incident/label.tsx";
import { Notifications, reachesNobody } from "../incident/notifications.tsx";
import { TimelineList } from "../incident/timeline-list.tsx";
import { ValueChart } from "../incident/value-chart.tsx";
import { WhatToDo } from "../incident/what-to-do.tsx";
import { useRead } from "../queries.ts";
import { sentenceOf, valueOf } from "../rule-text.ts";
import { useUser } from "../session.ts";

export default function Alert() {
  const { id = "" } = useParams();
  const incident = useRead(`sync-monitoring/alerts/${id}`, AlertDetailResponse, { isLive: ({ state }) => state !== "RESOLVED" });
  return (
    <Page
      key={id}
      title={incident.data?.cause ?? "Incident"}
      crumb={
        <>
          <Link href="/alerts">Incidents</Link>
          {incident.data && ` / ${incident.data.rule_name}`}
        </>
      }
      lead={incident.data && <Lead incident={incident.data} />}
      acts={incident.data && <Acts incident={incident.data} />}
    >
      <Reading of={incident}>{(data) => <Body incident={data} />}</Reading>
    </Page>
  );
}

/** The state, the next escalation, and the person who acknowledged or silenced the incident. */
function Lead({ incident }: { incident: Incident }) {
  const { state, severity, escalates_at, escalates_to, silence, parent } = incident;
  return (
    <>
      <Pill of={state} /> {state === "RESOLVED" ? <span class="pill">{title(severity)}</span> : <Severity of={severity} />}
      {escalates_at && escalates_to && <Escalation at={escalates_at} to={title(escalates_to.severity)} />}
      {silence && (
        <span class="pill">
          <span>
            {silence.id ? "Silenced" : "Sync paused"} {silence.until && (
              <>
                until <Moment at={silence.until} />
              </>
            )}
          </span>
        </span>
      )}
      {incident.is_flapping && <span class="pill">Flapping</span>}
      <Acknowledgement of={incident} />
      {silence && (
        <p>
          {silence.id ? "Silenced" : "Paused"} by {silence.by}
          {silence.reason && `: ${silence.reason}`}
        </p>
      )}
      {parent && (
        <p>
          Inhibited by <Link href={`/alerts/${parent.id}`}>{unbroken(parent.cause)}</Link>
        </p>
      )}
    </>
  );
}

/** The time at which the incident escalates; after that time, the next evaluation escalates it. */
function Escalation({ at, to }: { at: string; to: string }) {
  const now = useNow();
  return (
    <span class="pill warn">
      {Date.parse(at) > now
        ? (
          <span>
            Escalates to {to} <Distance at={at} />
          </span>
        )
        : <span>Escalation to {to} is due</span>}
    </span>
  );
}

/** The person who acknowledged the incident, with the time and the end of the acknowledgement. */
function Acknowledgement({ of: { state, acknowledged_by, acknowledged_at, acknowledged_until } }: { of: Incident }) {
  if (state !== "ACKNOWLEDGED") return null;
  return (
    <p>
      Acknowledged by {acknowledged_by} at <Moment at={acknowledged_at} />
      {acknowledged_until && (
        <>
          , until <Moment at={acknowledged_until} />
        </>
      )}
    </p>
  );
}

function Body({ incident }: { incident: Incident }) {
  const runId = incident.execution_id;
  // The advice is for the error of the run in the evidence.
  const run = useRead(`sync-monitoring/executions/${runId}`, ExecutionDetailResponse, {
    isEnabled: runId !== null,
    every: 300_000,
  }).data;
  const groups = run?.error_groups ?? [];
  const advice = (groups.find(({ error_code }) => error_code === incident.error_code) ?? groups[0])?.suggestion ?? null;
  return (
    <>
      <div class="card pad now">
        <Head incident={incident} />
      </div>
      {reachesNobody(incident) && (
        <p class="notice">
          <span>
            Only this page shows the incident: its rule notifies no channel that reaches a person.
          </span>
          <Link href="/alerts/channels">Channels</Link>
        </p>
      )}
      <div class="split incident">
        <div class="stack">
          <WhatToDo incident={incident} advice={advice} />
          <ValueChart incident={incident} />
          <TimelineList incident={incident} />
          <Inhibited incident={incident} />
        </div>
        <aside class="stack">
          <Details incident={incident} />
          <Condition incident={incident} />
          <Notifications incident={incident} />
          <Label of={incident} />
        </aside>
      </div>
    </>
  );
}

/** The affected objects, the start, the last good run, and the time to resolution, the age of the data or the threshold. */
function Head({ incident }: { incident: Incident }) {
  const { affected, scope, began_at, resolved_at, last_good_run, freshness, metric, threshold, value } = incident;
  return (
    <Facts
      class="facts"
      of={[
        ["Affected", affected ? <Value is={extentOf(affected)} more={scope} /> : scope],
        resolved_at
          ? [
            "From",
            <Value
              is={
                <>
                  <Moment at={began_at} /> to <Moment at={resolved_at} />
                </>
              }
              more={<Distance at={resolved_at} />}
            />,
          ]
          : ["Since", <Value is={<Moment at={began_at} />} more={<Distance at={began_at} />} />],
        [
          "Last good run",
          last_good_run
            ? (
              <Value
                is={
                  <Link href={`/runs/${last_good_run.id}`}>
                    <Moment at={last_good_run.execution_end} />
                  </Link>
                }
                more={last_good_run.records_processed === null ? "before the incident" : counted(last_good_run.records_processed, "record")}
              />
            )
            : <Value is="none" more="in the runs that are kept" />,
        ],
        resolved_at
          ? ["Time to resolve", <Resolution of={incident} />]
          : freshness
          ? ["Data is", <Freshness of={freshness} />]
          : ["Threshold", <Value is={valueOf(threshold, metric)} more={`now ${valueOf(value, metric)}`} />],
      ]}
    />
  );
}

/** A value with a second line. */
const Value = ({ is, more }: { is: ComponentChildren; more: ComponentChildren }) => (
  <>
    {is} <small>{more}</small>
  </>
);

/** The duration of the incident, and the time to its acknowledgement. */
const Resolution = ({ of: { began_at, acknowledged_at, downtime_ms } }: { of: Incident }) => (
  <Value
    is={duration(downtime_ms)}
    more={acknowledged_at ? `acknowledged after ${duration(Date.parse(acknowledged_at) - Date.parse(began_at))}` : "not acknowledged"}
  />
);

/** The current age of the data. */
function Freshness({ of: { age_ms, expected_within_ms, last_successful_sync } }: { of: NonNullable<Incident["freshness"]> }) {
  const isLate = age_ms !== null && age_ms > expected_within_ms;
  return (
    <Value
      is={
        <span class={isLate ? "late" : undefined}>
          {last_successful_sync
            ? (
              <>
                <Since at={last_successful_sync} /> old
              </>
            )
            : "never read"}
        </span>
      }
      more={`expected within ${duration(expected_within_ms)}`}
    />
  );
}

/** The rule as a sentence. */
function Condition({ incident }: { incident: Incident }) {
  const { can } = useUser();
  const { rule, rule_name } = incident, objective = burnOf(incident)?.objective;
  return (
    <section class="card pad">
      <h2>Condition</h2>
      {rule
        ? (
          <>
            <p class="muted">
              {sentenceOf({ ...rule, objective, notification_channels: rule.channels }).map((part, index) =>
                typeof part === "string" ? part : <strong key={index}>{part.channel}</strong>
              )}
            </p>
            <p>
              <Link href={`/alerts/rules/${rule.id}`}>{can("admin") ? "Edit the rule" : "Open the rule"}</Link>
            </p>
          </>
        )
        : <p class="muted">The rule {rule_name} was deleted.</p>}
    </section>
  );
}

function Details({ incident }: { incident: Incident }) {
  const { value, peak, threshold, metric, error_code, execution_id: runId, id, rule_name, affected, affected_tournaments } = incident;
  const others = (affected?.unit === "tournaments" ? affected.count : 0) - affected_tournaments.length;
  const rows: [string, ComponentChildren][] = [
    ["Value", `${valueOf(value, metric)}${peak === null || peak === value ? "" : `, at worst ${valueOf(peak, metric)}`}`],
    ["Threshold", valueOf(threshold, metric)],
  ];
  rows.push(...burnRows(incident));
  if (affected_tournaments.length) rows.push(["Tournaments", <TournamentLinks of={affected_tournaments} others={others} />]);
  if (error_code) rows.push(["Code", error_code]);
  if (runId) rows.push(["Run", <Link href={`/runs/${runId}`}>Open the failing run</Link>]);
  rows.push(["Detected", <Moment at={incident.opened_at} hasSeconds />]);
  if (incident.notified_at) rows.push(["First notified", <Moment at={incident.notified_at} hasSeconds />]);
  rows.push(["Rule", incident.rule ? <Link href={`/alerts/rules/${incident.rule.id}`}>{rule_name}</Link> : rule_name]);
  rows.push(["Incident", <code>{id.slice(0, 8)}</code>]);
  return (
    <section class="card pad">
      <header class="section">
        <h2>Details</h2>
        <CopyMenu id={id} path={`sync-monitoring/alerts/${id}`} />
      </header>
      <Facts class="pairs" of={rows} />
      <Evidence of={incident.evidence} />
    </section>
  );
}
