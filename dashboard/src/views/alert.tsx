import { Link, useParams } from "wouter-preact";
import { AlertDetailResponse } from "../../../types/alerts.ts";
import { ExecutionDetailResponse } from "../../../types/history.ts";
import { extentOf } from "../components/active-incidents.tsx";
import { Copy } from "../components/copy.tsx";
import { Facts, Page } from "../components/page.tsx";
import { Reading } from "../components/states.tsx";
import { Pill, Severity } from "../components/status.tsx";
import { TournamentLinks } from "../components/tournament-links.tsx";
import { Distance, Moment, Since } from "../components/time.tsx";
import { counted, duration, title, words } from "../format.ts";
import { Acts } from "../incident/acts.tsx";
import { Evidence } from "../incident/evidence.tsx";
import type { Incident } from "../incident/incident.ts";
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

/** The state, and what keeps the incident quiet or raises it next. */
function Lead({ incident }: { incident: Incident }) {
  const { state, severity, escalates_at, escalates_to, acknowledged_by, acknowledged_until, silence, parent } = incident;
  return (
    <>
      <Pill of={state} /> <Severity of={severity} />
      {escalates_at && escalates_to && (
        <span class="pill warn">
          <span>
            escalates to {title(escalates_to.severity)} <Distance at={escalates_at} />
          </span>
        </span>
      )}
      {state === "ACKNOWLEDGED" && (
        <span>
          by {acknowledged_by} {acknowledged_until && (
            <>
              until <Moment at={acknowledged_until} />
            </>
          )}
        </span>
      )}
      {silence && (
        <span>
          {silence.id ? "silenced" : "its sync is paused"} by {silence.by} {silence.until && (
            <>
              until <Moment at={silence.until} />
              {" "}
            </>
          )}
          {silence.reason && `(${silence.reason})`}
        </span>
      )}
      {incident.is_flapping && <span>flapping</span>}
      {parent && (
        <span>
          the same cause as <Link href={`/alerts/${parent.id}`}>{parent.cause}</Link>
        </span>
      )}
    </>
  );
}

function Body({ incident }: { incident: Incident }) {
  const runId = incident.execution_id;
  // The advice belongs to the error of the run in the evidence.
  const run = useRead(`sync-monitoring/executions/${runId}`, ExecutionDetailResponse, {
    isEnabled: runId !== null,
    every: 300_000,
  }).data;
  const groups = run?.error_groups ?? [];
  const advice = (groups.find(({ error_code }) => error_code === incident.error_code) ?? groups[0])?.suggestion ?? null;
  return (
    <>
      <Head incident={incident} />
      {reachesNobody(incident) && (
        <p class="notice">
          <span>
            Only this page shows the incident: its rule notifies no channel that reaches a person.
          </span>
          <Link href="/alerts/channels">Channels</Link>
        </p>
      )}
      <div class="split">
        <div class="stack">
          <WhatToDo incident={incident} advice={advice} />
          <ValueChart incident={incident} />
          <TimelineList incident={incident} />
          <Affected incident={incident} />
          <Evidence of={incident.evidence} />
        </div>
        <aside class="stack">
          <Condition incident={incident} />
          <Notifications incident={incident} />
          <Inhibited incident={incident} />
          <Details incident={incident} />
        </aside>
      </div>
    </>
  );
}

/** How much is affected, since when, the last good run and the age of the data. */
function Head({ incident }: { incident: Incident }) {
  const { affected, scope, began_at, resolved_at, last_good_run, freshness, downtime_ms } = incident;
  const isLate = freshness !== null && freshness.age_ms !== null && freshness.age_ms > freshness.expected_within_ms;
  return (
    <Facts
      of={[
        [
          "Affected",
          affected
            ? (
              <>
                {extentOf(affected)} <small>{scope}</small>
              </>
            )
            : scope,
        ],
        resolved_at
          ? [
            "From",
            <>
              <Moment at={began_at} /> to <Moment at={resolved_at} /> <small>{duration(downtime_ms)}</small>
            </>,
          ]
          : [
            "Since",
            <>
              <Moment at={began_at} />, <Distance at={began_at} />
            </>,
          ],
        [
          "Last good run before",
          last_good_run
            ? (
              <>
                <Link href={`/runs/${last_good_run.id}`}>
                  <Moment at={last_good_run.execution_end} />
                </Link>
                {last_good_run.records_processed !== null && `, ${counted(last_good_run.records_processed, "record")}`}
              </>
            )
            : "none is kept",
        ],
        ...freshness
          ? [[
            "Data is now",
            <>
              <span class={isLate ? "late" : undefined}>
                {freshness.last_successful_sync
                  ? (
                    <>
                      <Since at={freshness.last_successful_sync} /> old
                    </>
                  )
                  : "never read"}
              </span>, expected within {duration(freshness.expected_within_ms)}
            </>,
          ] as [string, preact.ComponentChildren]]
          : [],
      ]}
    />
  );
}

/** The rule as a sentence. */
function Condition({ incident: { rule, rule_name } }: { incident: Incident }) {
  const { can } = useUser();
  return (
    <section class="card pad">
      <h2>Condition</h2>
      {rule
        ? (
          <>
            <p class="muted">
              {sentenceOf({ ...rule, notification_channels: rule.channels }).map((part, index) =>
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

/** The incidents that this one inhibits. */
function Inhibited({ incident: { children } }: { incident: Incident }) {
  if (!children.length) return null;
  return (
    <section class="card pad">
      <h2>Inhibited: the same cause</h2>
      <ul class="links">
        {children.map((child) => (
          <li key={child.id}>
            <Link href={`/alerts/${child.id}`}>
              {child.rule_name}
              {child.tournament_no && `, tournament ${child.tournament_no}`}
            </Link>{" "}
            <small>{words(child.state)}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The tournaments that fail. */
function Affected({ incident: { affected_tournaments, affected } }: { incident: Incident }) {
  if (!affected_tournaments.length) return null;
  const others = (affected?.unit === "tournaments" ? affected.count : 0) - affected_tournaments.length;
  return (
    <section class="card pad">
      <h2>Tournaments that fail</h2>
      <TournamentLinks of={affected_tournaments} others={others} />
    </section>
  );
}

function Details({ incident }: { incident: Incident }) {
  const { value, peak, threshold, metric, error_code, execution_id: runId, id, rule_name } = incident;
  return (
    <section class="card pad">
      <h2>Details</h2>
      <Facts
        class="pairs"
        of={[
          ["Value", `${valueOf(value, metric)}${peak === null || peak === value ? "" : `, at worst ${valueOf(peak, metric)}`}`],
          ["Threshold", valueOf(threshold, metric)],
          ["Noticed", <Moment at={incident.opened_at} hasSeconds />],
          ...incident.notified_at
            ? [["Notified", <Moment at={incident.notified_at} hasSeconds />] as [string, preact.ComponentChildren]]
            : [],
          ...error_code ? [["Code", error_code] as [string, preact.ComponentChildren]] : [],
          ...runId ? [["Run", <Link href={`/runs/${runId}`}>Open the failing run</Link>] as [string, preact.ComponentChildren]] : [],
          ["Incident", <Copy text={id} label="the id of the incident" />],
          ["Rule", incident.rule ? <Link href={`/alerts/rules/${incident.rule.id}`}>{rule_name}</Link> : rule_name],
        ]}
      />
    </section>
  );
}
