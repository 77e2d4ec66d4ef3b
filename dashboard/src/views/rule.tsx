// Past 300 lines, because each field of a rule says here what it means.
import { useState } from "preact/hooks";
import { useParams } from "wouter-preact";
import { PreviewRuleResponse } from "../../../types/admin.ts";
import { ALERT_METRICS, type AlertMetric, type AlertRule, ChannelListResponse, RuleListResponse } from "../../../types/alerts.ts";
import { ERROR_TYPES, SEVERITIES } from "../../../types/sync.ts";
import { go } from "../address.ts";
import { CheckField, LongTextField, SelectField, TextField } from "../components/fields.tsx";
import { Page } from "../components/page.tsx";
import { RulePreview } from "../components/rule-preview.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { title } from "../format.ts";
import { Anything, useAct, useRead, wordsOf } from "../queries.ts";
import { type Fields, fieldsOf, requestOf } from "../rule-fields.ts";
import { limitOf, METRIC_WORDS } from "../rule-words.ts";
import { useUser } from "../session.ts";
import { useOverview } from "../shell.tsx";

export default function RuleView() {
  const { id = "" } = useParams();
  const rules = useRead("sync-admin/alert-rules", RuleListResponse, {
    isEnabled: id !== "new",
    every: 3_600_000,
  });
  const rule = rules.data?.rules.find((one) => one.id === id);
  const { can } = useUser();
  return (
    <Page
      title={id === "new" ? "New alert rule" : rule?.name ?? "Alert rule"}
      lead={rule && limitOf(rule)}
    >
      {id === "new" ? can("admin") ? <RuleForm rule={null} /> : <Empty>Only an admin makes rules.</Empty> : (
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
  const channels = useRead("sync-admin/channels", ChannelListResponse, { every: 60_000 }).data
    ?.channels ?? [];
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
    Anything,
    () => go("/alerts/rules"),
  );
  const remove = useAct(
    () => ({ method: "DELETE", path: `sync-admin/alert-rules/${rule?.id}` }),
    Anything,
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
    ...wordsOf(preview.error).fields,
    ...wordsOf(save.error).fields,
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
  const { unit, direction } = ALERT_METRICS[fields.metric];
  return (
    <>
      <form
        class="rule"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {text("name", "Name", "As messages and the runbook call it.")}
        {text("description", "Description", "What it means that it speaks.")}
        <SelectField
          label="About"
          help="One entity, all of them pooled, or the monitoring itself."
          value={fields.entity_type}
          error={wrong.entity_type}
          options={[
            ...new Set([...entities, fields.entity_type, "all", "system"]),
          ].map((name) => [name, title(name)] as const)}
          onChange={set("entity_type")}
        />
        <SelectField
          label="Scope"
          help="The entity as a whole, or each of its tournaments by itself."
          value={fields.scope}
          error={wrong.scope}
          options={[["ENTITY", "the whole"], ["TOURNAMENT", "each tournament"]]}
          onChange={(value) => set("scope")(value as Fields["scope"])}
        />
        <SelectField
          label="Metric"
          help={METRIC_WORDS[fields.metric]}
          value={fields.metric}
          error={wrong.metric}
          options={Object.keys(ALERT_METRICS).map((name) => [name, title(name)] as const)}
          onChange={(value) => set("metric")(value as AlertMetric)}
        />
        {text(
          "threshold",
          `Threshold, ${unit}`,
          direction === "above" ? "It speaks at this value and over it." : "It speaks under this value, a share of 1.",
        )}
        {text(
          "recovery_threshold",
          "Recovery threshold",
          `It is over only when the value is ${direction === "above" ? "under" : "at least"} this; empty is the threshold.`,
        )}
        {text(
          "evaluation_window",
          "Window",
          "How far back is looked: 15 minutes, 1 hour, 2 days.",
        )}
        {text(
          "for_duration",
          "For",
          "How long it must hold before it speaks: 0 seconds is at once.",
        )}
        {text(
          "minimum_runs",
          "Least runs",
          "So many runs must be in the window before it may speak.",
        )}
        <SelectField
          label="Without data"
          help="What it means that nothing was measured."
          value={fields.no_data}
          error={wrong.no_data}
          options={[
            ["KEEP", "leave things as they are"],
            ["OK", "all is well"],
            ["ALERT", "speak"],
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
          help="Where it begins; escalation raises it."
          value={fields.severity}
          error={wrong.severity}
          options={SEVERITIES.map((name) => [name, title(name)] as const)}
          onChange={(value) => set("severity")(value as Fields["severity"])}
        />
        <fieldset class="field">
          <legend>Channels</legend>
          {channels.map(({ name, kind }) => (
            <label key={name}>
              <input
                type="checkbox"
                checked={fields.notification_channels.includes(name)}
                onChange={(event) =>
                  set("notification_channels")(
                    event.currentTarget.checked
                      ? [...fields.notification_channels, name]
                      : fields.notification_channels.filter((one) => one !== name),
                  )}
              />
              {name} <small>{kind}</small>
            </label>
          ))}
          {wrong.notification_channels && (
            <small class="wrong" role="alert">
              {wrong.notification_channels}
            </small>
          )}
        </fieldset>
        {text(
          "repeat_interval",
          "Repeat every",
          "How often it is told again while it holds.",
        )}
        {text(
          "escalation_delay",
          "Escalate after",
          "Without acknowledgement its severity rises after this; empty is never.",
        )}
        <LongTextField
          label="Escalation channels"
          help="A line a step, names with commas: who is told besides from that step on."
          value={fields.escalation_channels}
          error={wrong.escalation_channels}
          onChange={set("escalation_channels")}
        />
        {text(
          "runbook_url",
          "Runbook",
          "An https address that says what to do.",
        )}
        <CheckField
          label="On"
          help="Off, its live incidents are resolved."
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
            class="secondary"
            aria-busy={preview.isPending}
            onClick={() => preview.mutate()}
          >
            What would it do now?
          </button>
          {rule && <Remove name={rule.name} onSure={() => remove.mutate()} />}
        </div>
      </form>
      <Refusal error={preview.error} />
      {preview.data && <RulePreview of={preview.data} metric={fields.metric} />}
    </>
  );
}

/** Asks once more before a rule goes. */
function Remove({ name, onSure }: { name: string; onSure: () => void }) {
  const [isAsked, setAsked] = useState(false);
  return isAsked
    ? (
      <button type="button" class="danger" onClick={onSure}>
        Yes, delete {name}
      </button>
    )
    : (
      <button
        type="button"
        class="secondary outline"
        onClick={() => setAsked(true)}
      >
        Delete
      </button>
    );
}
