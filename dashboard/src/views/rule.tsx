// Over 300 lines, because the form has a help text for each field of a rule.
import { useState } from "preact/hooks";
import { useParams } from "wouter-preact";
import { PreviewRuleResponse } from "../../../types/admin.ts";
import { ALERT_METRICS, type AlertMetric, type AlertRule, RuleListResponse, thresholdsOf } from "../../../types/alerts.ts";
import { ERROR_TYPES, SEVERITIES, TOURNAMENT_PRIORITIES } from "../../../types/sync.ts";
import { go } from "../address.ts";
import { ChannelChoice } from "../components/channel-choice.tsx";
import { CheckField, LongTextField, SelectField, TextField } from "../components/fields.tsx";
import { Page } from "../components/page.tsx";
import { RulePreview } from "../components/rule-preview.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { title } from "../format.ts";
import { describeError, UnusedResponse, useAct, useRead } from "../queries.ts";
import { type Fields, fieldsOf, requestOf } from "../rule-fields.ts";
import { conditionOf, METRIC_HELP } from "../rule-text.ts";
import { useUser } from "../session.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";

export default function RuleView() {
  const { id = "" } = useParams();
  const rules = useRead("sync-admin/alert-rules", RuleListResponse, {
    isEnabled: id !== "new",
    every: 3_600_000,
  });
  const rule = rules.data?.rules.find((candidate) => candidate.id === id);
  const { can } = useUser();
  return (
    <Page
      title={id === "new" ? "New alert rule" : rule?.name ?? "Alert rule"}
      lead={rule && conditionOf(rule)}
    >
      {id === "new" ? can("admin") ? <RuleForm rule={null} /> : <Empty>Only an admin can create rules.</Empty> : (
        <Reading of={rules}>
          {() =>
            !rule
              ? <Empty>There is no such rule.</Empty>
              : can("admin")
              ? <RuleForm key={rule.updated_at} rule={rule} />
              : <Description rule={rule} />}
        </Reading>
      )}
    </Page>
  );
}

function Description({ rule }: { rule: AlertRule }) {
  return (
    <dl class="plain">
      {Object.entries(rule).map(([name, value]) => (
        <div key={name}>
          <dt>{title(name)}</dt>
          <dd>
            {typeof value === "object" ? JSON.stringify(value) : String(value)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function RuleForm({ rule }: { rule: AlertRule | null }) {
  const [fields, setFields] = useState(() => fieldsOf(rule));
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  const request = requestOf(fields, rule);
  const save = useAct(
    () =>
      rule
        ? {
          method: "PATCH",
          path: `sync-admin/alert-rules/${rule.id}`,
          body: request,
        }
        : { method: "POST", path: "sync-admin/alert-rules", body: request },
    UnusedResponse,
    () => go("/alerts/rules"),
  );
  const remove = useAct(
    () => ({ method: "DELETE", path: `sync-admin/alert-rules/${rule?.id}` }),
    UnusedResponse,
    () => go("/alerts/rules"),
  );
  const preview = useAct(
    () => ({
      method: "POST",
      path: `sync-admin/alert-rules/${rule ? `${rule.id}/` : ""}preview`,
      body: request,
    }),
    PreviewRuleResponse,
  );
  const wrong = {
    ...describeError(preview.error).fields,
    ...describeError(save.error).fields,
  };
  const set = <K extends keyof Fields>(name: K) => (value: Fields[K]) => setFields((before) => ({ ...before, [name]: value }));
  const text = (
    name: {
      [K in keyof Fields]: Fields[K] extends string ? K : never;
    }[keyof Fields],
    label: string,
    help: string,
  ) => (
    <TextField
      label={label}
      help={help}
      value={fields[name]}
      error={wrong[name]}
      onChange={set(name) as (value: string) => void}
    />
  );
  const nameOf = useNames();
  const { unit, direction, needs_runs, uses_window } = ALERT_METRICS[fields.metric];
  return (
    <>
      <form
        class="rule"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {text("name", "Name", "The name in notifications and in the runbook.")}
        {text("description", "Description", "The meaning of an incident of this rule.")}
        <SelectField
          label="Sync"
          help="One sync, all syncs, or the monitoring itself (system)."
          value={fields.entity_type}
          error={wrong.entity_type}
          options={[
            ...new Set([...entities, fields.entity_type, "all", "system"]),
          ].map((name) => [name, nameOf(name)] as const)}
          onChange={set("entity_type")}
        />
        <SelectField
          label="Scope"
          help="One incident for the sync, or one for each of its tournaments."
          value={fields.scope}
          error={wrong.scope}
          options={[["ENTITY", "the sync"], ["TOURNAMENT", "each tournament"]]}
          onChange={(value) => set("scope")(value as Fields["scope"])}
        />
        {fields.scope === "TOURNAMENT" && (
          <SelectField
            label="Lowest priority"
            help="Only tournaments with this priority or a higher one: live, today, within a day, later."
            value={fields.lowest_priority}
            error={wrong.lowest_priority}
            options={[
              ["", "any"],
              ...TOURNAMENT_PRIORITIES.map((name) => [name, title(name)] as const),
            ]}
            onChange={(value) => set("lowest_priority")(value as Fields["lowest_priority"])}
          />
        )}
        <SelectField
          label="Metric"
          help={METRIC_HELP[fields.metric]}
          value={fields.metric}
          error={wrong.metric}
          options={Object.keys(ALERT_METRICS).map((name) => [name, title(name)] as const)}
          onChange={(value) => set("metric")(value as AlertMetric)}
        />
        {text(
          "threshold",
          `Threshold, ${unit}`,
          `The condition is met ${direction === "above" ? "at this value and above" : "below this value"}. It ${
            thresholdsOf(fields.metric)
          }.`,
        )}
        {text(
          "recovery_threshold",
          "Recovery threshold",
          `The incident resolves when the value is ${direction === "above" ? "below" : "at least"} this; empty means the threshold.`,
        )}
        {uses_window
          ? text("evaluation_window", "Window", "The period that is evaluated: 15 minutes, 1 hour, 2 days.")
          : <p>The window has no effect on this metric: its value is the state at the time of an evaluation.</p>}
        {text(
          "for_duration",
          "For",
          "How long the condition must be met before the incident fires; 0 seconds means at once.",
        )}
        {needs_runs && text("minimum_runs", "Minimum runs", "With fewer finished full runs in the window, the value is unknown.")}
        <SelectField
          label="No data"
          help="How an unknown value is treated."
          value={fields.no_data}
          error={wrong.no_data}
          options={[
            ["KEEP", "keep the state"],
            ["OK", "as recovered"],
            ["ALERT", "as a met condition"],
          ]}
          onChange={(value) => set("no_data")(value as Fields["no_data"])}
        />
        {fields.metric === "error_rate" && (
          <SelectField
            label="Error type"
            help="Only errors of this type count."
            value={fields.error_type}
            error={wrong.error_type}
            options={[
              ["", "any"],
              ...ERROR_TYPES.map((name) => [name, title(name)] as const),
            ]}
            onChange={(value) => set("error_type")(value as Fields["error_type"])}
          />
        )}
        <SelectField
          label="Severity"
          help="The severity of a new incident; escalation raises it."
          value={fields.severity}
          error={wrong.severity}
          options={SEVERITIES.map((name) => [name, title(name)] as const)}
          onChange={(value) => set("severity")(value as Fields["severity"])}
        />
        <ChannelChoice
          value={fields.notification_channels}
          error={wrong.notification_channels}
          onChange={set("notification_channels")}
        />
        {text(
          "repeat_interval",
          "Repeat every",
          "How often the notification is repeated while the incident fires.",
        )}
        {text(
          "escalation_delay",
          "Escalate after",
          "How long an incident is not acknowledged before its severity rises; empty means never.",
        )}
        <LongTextField
          label="Escalation channels"
          help="One line for each escalation step: the names of the channels it adds, separated by commas."
          value={fields.escalation_channels}
          error={wrong.escalation_channels}
          onChange={set("escalation_channels")}
        />
        {text(
          "runbook_url",
          "Runbook",
          "Address of the instructions for this alert.",
        )}
        <CheckField
          label="On"
          help="When the rule is switched off, its firing incidents are resolved and its pending ones discarded."
          value={fields.is_active}
          onChange={set("is_active")}
        />
        <Refusal error={save.error ?? remove.error} />
        <div class="acts">
          <button
            type="submit"
            aria-busy={save.isPending}
            disabled={save.isPending}
          >
            Save
          </button>
          <button
            type="button"
            aria-busy={preview.isPending}
            onClick={() => preview.mutate()}
          >
            Preview
          </button>
          {rule && <DeleteButton name={rule.name} onConfirm={() => remove.mutate()} />}
        </div>
      </form>
      <Refusal error={preview.error} />
      {preview.data && <RulePreview of={preview.data} metric={fields.metric} />}
    </>
  );
}

/** Asks for confirmation before a rule is deleted. */
function DeleteButton({ name, onConfirm }: { name: string; onConfirm: () => void }) {
  const [isConfirming, setConfirming] = useState(false);
  return isConfirming
    ? (
      <button type="button" class="danger" onClick={onConfirm}>
        Yes, delete {name}
      </button>
    )
    : (
      <button
        type="button"
        onClick={() => setConfirming(true)}
      >
        Delete
      </button>
    );
}
