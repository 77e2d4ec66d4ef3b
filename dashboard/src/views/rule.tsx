import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import { type AlertRule, RuleListResponse } from "../../../types/alerts.ts";
import { go } from "../address.ts";
import { Confirm } from "../components/confirm.tsx";
import { CopyMenu } from "../components/copy-menu.tsx";
import { Form } from "../components/form.tsx";
import { Facts, Page } from "../components/page.tsx";
import { Condition, Escalation, Notification, RuleNames } from "../components/rule-sections.tsx";
import { RuleBacktest } from "../components/rule-backtest.tsx";
import { RulePreview } from "../components/rule-preview.tsx";
import { RuleIncidents } from "../components/rule-incidents.tsx";
import { RuleSentence } from "../components/rule-sentence.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Severity, Status } from "../components/status.tsx";
import { useObjectives } from "../objective/list.ts";
import { UnusedResponse, useAct, useRead } from "../queries.ts";
import { type Fields, fieldsOf, requestOf, settle, thresholdIn } from "../rule-fields.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";
import { useUser } from "../session.ts";

const RULES = "/alerts/rules";

export default function RuleView() {
  const { id = "" } = useParams();
  const isNew = id === "new";
  const rules = useRead("sync-admin/alert-rules", RuleListResponse, { isEnabled: !isNew, every: 3_600_000 });
  const rule = rules.data?.rules.find((candidate) => candidate.id === id);
  const incidents = (useOverview().data?.active_alerts ?? []).filter(({ rule_id }) => rule_id === id);
  const { can } = useUser();
  return (
    <Page
      title={isNew ? "New alert rule" : rule?.name ?? "Alert rule"}
      crumb={<Link href={RULES}>Rules</Link>}
      lead={rule && (incidents.length > 0 || !can("admin")) && (
        <>
          {!can("admin") && (rule.is_active ? <Status of="OK" label="On" /> : <Status of="IDLE" label="Off" />)}
          <RuleIncidents of={incidents} />
        </>
      )}
      acts={rule && (
        <>
          <CopyMenu id={id} path="sync-admin/alert-rules" />
          {can("admin") && <DeleteRule rule={rule} />}
        </>
      )}
    >
      {isNew ? can("admin") ? <RuleForm rule={null} /> : <Empty>Only an admin can create rules.</Empty> : (
        <Reading of={rules}>
          {() => !rule ? <Empty>There is no such rule.</Empty> : can("admin") ? <RuleForm rule={rule} /> : <Description rule={rule} />}
        </Reading>
      )}
    </Page>
  );
}

/** A rule for a person who cannot change it. */
function Description({ rule }: { rule: AlertRule }) {
  const nameOf = useNames();
  const objective = useObjectives().data?.objectives.find(({ id }) => id === rule.objective_id);
  return (
    <section class="card pad">
      <p>
        <RuleSentence of={{ ...rule, objective: objective?.name }} />
      </p>
      <p class="muted">{rule.description}</p>
      <Facts
        class="pairs"
        of={[
          ["Sync", nameOf(rule.entity_type)],
          ["Severity", <Severity of={rule.severity} />],
          ["Repeated every", rule.repeat_interval],
          ...objective
            ? [["Objective", <Link href={`/objectives/${objective.id}`}>{objective.name}</Link>] as [string, ComponentChildren]]
            : [],
          ...rule.runbook_url ? [["Runbook", <a href={rule.runbook_url}>{rule.runbook_url}</a>] as [string, ComponentChildren]] : [],
        ]}
      />
    </section>
  );
}

function RuleForm({ rule }: { rule: AlertRule | null }) {
  // A later read of the rule must not change an edit in progress.
  const [stored, setStored] = useState(rule);
  const [fields, setFields] = useState(() => fieldsOf(stored));
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  const objectives = useObjectives().data?.objectives ?? [];
  const objective = objectives.find(({ id }) => id === fields.objective_id);
  const request = requestOf(fields, stored);
  const isChanged = JSON.stringify(fields) !== JSON.stringify(fieldsOf(stored));
  const path = `sync-admin/alert-rules${stored ? `/${stored.id}` : ""}`;
  const save = useAct(() => ({ method: stored ? "PATCH" : "POST", path, body: request }), UnusedResponse);
  useEffect(() => {
    if (save.isSuccess) go(RULES);
  }, [save.isSuccess]);
  useEffect(() => {
    if (isChanged) return;
    setStored(rule);
    setFields(fieldsOf(rule));
  }, [rule?.updated_at]);
  const set = (changes: Partial<Fields>) => setFields((before) => settle({ ...before, ...changes }, entities, objectives));
  const part = { fields, set, entities, objectives };
  return (
    <div class="form-beside">
      <Form
        class="stack"
        of={save}
        isChanged={isChanged}
        // The server refuses a request without changed fields.
        onSubmit={() => stored && Object.keys(request).length === 0 ? go(RULES) : save.mutate()}
        submit={stored ? "Save" : "Create the rule"}
        acts={
          <>
            <Link href={RULES} role="button">Cancel</Link>
            {isChanged && <span class="muted unsaved">Unsaved changes</span>}
          </>
        }
      >
        <RuleNames {...part} />
        <Condition {...part} />
        <Notification {...part} />
        <Escalation {...part} />
      </Form>
      <aside class="stack">
        <section class="card pad" aria-live="polite">
          <h2>In words</h2>
          <Words fields={fields} objective={objective?.name} />
          {objective && (
            <p>
              <Link href={`/objectives/${objective.id}`}>Open the objective</Link>
            </p>
          )}
        </section>
        <RulePreview path={`${path}/preview`} request={request} metric={fields.metric} />
        <RuleBacktest path={`${path}/preview`} request={request} fields={fields} set={set} />
      </aside>
    </div>
  );
}

/** The rule of the form as a sentence. */
function Words({ fields, objective }: { fields: Fields; objective: string | undefined }) {
  const threshold = thresholdIn(fields.threshold, fields.metric);
  if (typeof threshold !== "number") return <p class="muted">The threshold must be a number.</p>;
  return (
    <p>
      <RuleSentence
        of={{
          ...fields,
          threshold,
          objective,
          lowest_priority: fields.scope === "TOURNAMENT" ? fields.lowest_priority || null : null,
          escalation_delay: fields.escalation_delay.trim() || null,
        }}
      />
    </p>
  );
}

const DeleteRule = ({ rule }: { rule: AlertRule }) => (
  <Confirm
    label="Delete"
    title={`Delete the rule ${rule.name}?`}
    confirm="Delete the rule"
    change={{ method: "DELETE", path: `sync-admin/alert-rules/${rule.id}` }}
    schema={UnusedResponse}
    onDone={() => go(RULES)}
  >
    Its incidents resolve, and nobody is notified of this condition any more. To keep it for later, switch it off instead.
  </Confirm>
);
