import { Link } from "wouter-preact";
import { ConnectivityResponse } from "../../../types/admin.ts";
import { ManualSyncResponse } from "../../../types/jobs.ts";
import { go } from "../address.ts";
import { announce } from "../announce.ts";
import { BlockView, SECTIONS } from "../components/runbook-section.tsx";
import { Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Distance, Moment, useNow } from "../components/time.tsx";
import { duration } from "../format.ts";
import { useOverview } from "../overview.ts";
import { type RunbookSection, type RunbookValues, stepsFor, stepsOf } from "../runbook-text.ts";
import { pathOf, UnusedResponse, useAct } from "../queries.ts";
import { useUser } from "../session.ts";
import { burnOf } from "./burn.tsx";
import type { Incident } from "./incident.ts";

/** The steps of the runbook for the incident, with buttons for their acts and the advice for its error. */
export function WhatToDo({ incident, advice }: { incident: Incident; advice: string | null }) {
  const section = SECTIONS.find(({ anchor }) => anchor === incident.runbook_anchor);
  const isOver = incident.state === "RESOLVED";
  // The runs of one sync explain an incident of all syncs.
  const entity = ["all", "system"].includes(incident.entity_type) ? incident.runs.at(-1)?.entity_type ?? null : incident.entity_type;
  const values = {
    tournament: incident.tournament_no,
    entity,
    run: incident.execution_id,
    rule: incident.rule?.id,
    objective_id: burnOf(incident)?.objective_id,
  };
  const { can } = useUser();
  const now = useNow();
  return (
    <section class="card pad prose">
      <header class="section">
        <h2>{isOver ? "What to do when it happens again" : "What to do"}</h2>
        {section && <Link href={`/runbook/${section.anchor}`}>Runbook</Link>}
      </header>
      {advice && <p>{advice}</p>}
      {!isOver && can("operator") && (
        <div class="acts">
          <SyncNow entity={entity} tournament={incident.tournament_no} />
          <EndBackoff />
          <TestUpstream />
        </div>
      )}
      {!isOver && incident.next_run_at && (
        <p class="muted">
          The next run {Date.parse(incident.next_run_at) > now ? "starts" : "was due"} <Distance at={incident.next_run_at} />, at{" "}
          <Moment at={incident.next_run_at} />. A manual run does not wait for it.
        </p>
      )}
      {section
        ? <Steps section={section} code={incident.error_code} values={values} />
        : <p>The runbook has no section about this metric.</p>}
      {incident.rule?.runbook_url && /^https?:/.test(incident.rule.runbook_url) && (
        <p>
          The rule names its own runbook: <a href={incident.rule.runbook_url}>{incident.rule.runbook_url}</a>
        </p>
      )}
    </section>
  );
}

/** The steps of a section for the error, and the folded explanation of the section. */
function Steps({ section, code, values }: { section: RunbookSection; code: string | null; values: RunbookValues }) {
  const steps = stepsOf(section, SECTIONS).map((items) => ({ items: stepsFor(items, code) }));
  const about = section.blocks.filter((block) => "paragraph" in block);
  return (
    <>
      {steps.map((block, index) => <BlockView key={index} of={block} values={values} />)}
      {about.length > 0 && (
        <details>
          <summary>When it fires, and when it resolves</summary>
          <div class="stack">{about.map((block, index) => <BlockView key={index} of={block} values={values} />)}</div>
        </details>
      )}
    </>
  );
}

const upstreamIn = ({ checks }: ConnectivityResponse) => checks.find(({ kind }) => kind === "upstream");

/** A button that tests whether VIS answers, with the result beside it. */
function TestUpstream() {
  const act = useAct(() => ({ method: "POST", path: "sync-admin/test-connectivity", limitMs: 30_000 }), ConnectivityResponse, (answer) => {
    const check = upstreamIn(answer);
    if (check) announce(`VIS: ${check.message}`);
  });
  const result = act.data && upstreamIn(act.data);
  return (
    <>
      <button type="button" class="small" aria-busy={act.isPending} disabled={act.isPending} onClick={() => act.mutate()}>Test VIS</button>
      {result && <Status of={result.status} label={`${result.message} (${duration(result.response_time_ms)})`} />}
      <Refusal error={act.error} />
    </>
  );
}

/** A button that starts a run for the scope of the incident and opens its job. */
function SyncNow({ entity, tournament }: { entity: string | null; tournament: string | null }) {
  const act = useAct(
    () => ({
      method: "POST",
      path: "sync-admin/manual-trigger",
      body: {
        entity_type: entity,
        ...tournament ? { tournament_no: tournament } : {},
        priority: "HIGH",
        reason: "started from an incident",
      },
    }),
    ManualSyncResponse,
    ({ sync_job_id }) => go(`/jobs/${sync_job_id}`),
  );
  if (!entity) return <Link href={pathOf("/sync")} role="button" class="small">Sync now</Link>;
  return (
    <>
      <button type="button" class="small" aria-busy={act.isPending} disabled={act.isPending} onClick={() => act.mutate()}>Sync now</button>
      <Refusal error={act.error} />
    </>
  );
}

/** A button that ends the upstream backoff; empty without a backoff. */
function EndBackoff() {
  const entities = Object.values(useOverview().data?.sync_entities ?? {});
  const act = useAct(() => ({ method: "POST", path: "sync-admin/upstream/end-backoff", body: {} }), UnusedResponse);
  if (!entities.some(({ because }) => because.some(({ code }) => code === "UPSTREAM_BACKOFF"))) return null;
  return (
    <>
      <button type="button" class="small" aria-busy={act.isPending} disabled={act.isPending} onClick={() => act.mutate()}>
        End the backoff
      </button>
      <Refusal error={act.error} />
    </>
  );
}
