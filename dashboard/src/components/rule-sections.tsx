import { ALERT_METRICS, type AlertMetric } from "../../../types/alerts.ts";
import type { Objective } from "../../../types/objectives.ts";
import { DURATIONS } from "../../../types/duration.ts";
import { ERROR_TYPES, SEVERITIES, TOURNAMENT_PRIORITIES } from "../../../types/sync.ts";
import { title } from "../format.ts";
import { useNames } from "../names.ts";
import { entityChoices, type Fields, scopeChoices } from "../rule-fields.ts";
import { METRIC_HELP, METRIC_NAMES, raisedBy, rangeOf, rangeRefusal, unitOf } from "../rule-text.ts";
import { ChannelChoice } from "./channel-choice.tsx";
import { FormSection } from "./form-section.tsx";
import { CheckField, LongTextField, SelectField, TextField } from "./fields.tsx";

interface Part {
  fields: Fields;
  set: (changes: Partial<Fields>) => void;
  /** The syncs for which a rule can be. */
  entities: string[];
  /** The objectives for which a burn-rate rule can be. */
  objectives: Pick<Objective, "id" | "name" | "entity_type">[];
}

export function RuleNames({ fields, set }: Pick<Part, "fields" | "set">) {
  return (
    <FormSection
      title="Rule"
      acts={
        <CheckField
          label="On"
          help={fields.is_active ? undefined : "Its firing incidents resolve, and its pending ones are discarded."}
          value={fields.is_active}
          onChange={(is_active) => set({ is_active })}
        />
      }
    >
      <TextField
        name="name"
        label="Name"
        help="The name in notifications and in the runbook."
        value={fields.name}
        onChange={(name) => set({ name })}
      />
      <TextField
        name="runbook_url"
        label="Runbook (optional)"
        help="The address of your own instructions for this alert."
        placeholder="https://"
        value={fields.runbook_url}
        onChange={(runbook_url) => set({ runbook_url })}
      />
      <LongTextField
        name="description"
        label="Description (optional)"
        help="What an incident of this rule means."
        value={fields.description}
        onChange={(description) => set({ description })}
      />
    </FormSection>
  );
}

const rangeFor = (field: keyof typeof DURATIONS): string => `${DURATIONS[field][0]} to ${DURATIONS[field][1]}`;

export function Condition({ fields, set, entities, objectives }: Part) {
  const nameOf = useNames();
  const { direction, uses_window } = ALERT_METRICS[fields.metric];
  const isAbove = direction === "above";
  return (
    <FormSection title="Condition" lead="When an incident opens.">
      <SelectField
        name="metric"
        label="Metric"
        help={METRIC_HELP[fields.metric]}
        value={fields.metric}
        options={Object.entries(METRIC_NAMES)}
        onChange={(metric) => set({ metric: metric as AlertMetric })}
      />
      <TextField
        name="threshold"
        label={isAbove ? "Threshold (at least)" : "Threshold (below)"}
        help={`${rangeOf(fields.metric)}.`}
        unit={unitOf(fields.metric)}
        inputMode="decimal"
        value={fields.threshold}
        words={rangeRefusal(fields.metric)}
        onChange={(threshold) => set({ threshold })}
      />
      {fields.metric === "burn_rate"
        ? (
          <SelectField
            name="objective_id"
            label="Objective"
            help={`Its error budget is measured. The rule has its sync: ${nameOf(fields.entity_type)}.`}
            value={fields.objective_id}
            options={objectives.map(({ id, name }) => [id, name] as const)}
            onChange={(objective_id) => set({ objective_id })}
          />
        )
        : (
          <SelectField
            name="entity_type"
            label="Sync"
            value={fields.entity_type}
            options={[...new Set([...entityChoices(fields, entities), fields.entity_type])].map((name) => [name, nameOf(name)] as const)}
            onChange={(entity_type) => set({ entity_type })}
          />
        )}
      {scopeChoices(fields.metric).length > 1 && (
        <SelectField
          name="scope"
          label="Scope"
          help="One incident for the sync, or one for each of its tournaments."
          value={fields.scope}
          options={[["ENTITY", "the sync"], ["TOURNAMENT", "each tournament"]]}
          onChange={(scope) => set({ scope: scope as Fields["scope"] })}
        />
      )}
      {fields.scope === "TOURNAMENT" && (
        <SelectField
          name="lowest_priority"
          label="Tournaments"
          help="Limits the rule to tournaments with this priority or a higher one."
          value={fields.lowest_priority}
          options={[["", "all"], ...TOURNAMENT_PRIORITIES.map((name) => [name, title(name)] as const)]}
          onChange={(value) => set({ lowest_priority: value as Fields["lowest_priority"] })}
        />
      )}
      {uses_window && (
        <TextField
          name="evaluation_window"
          class="short"
          label="Window"
          help={`The period that is measured: ${rangeFor("evaluation_window")}.`}
          value={fields.evaluation_window}
          onChange={(evaluation_window) => set({ evaluation_window })}
        />
      )}
      <TextField
        name="for_duration"
        class="short"
        label="Met for"
        help="How long the condition must be met before the incident fires; 0 seconds is at once."
        value={fields.for_duration}
        onChange={(for_duration) => set({ for_duration })}
      />
      {fields.metric === "error_rate" && (
        <SelectField
          name="error_type"
          label="Error class"
          help="Only errors of this class count."
          value={fields.error_type}
          options={[["", "any"], ...ERROR_TYPES.map((name) => [name, title(name)] as const)]}
          onChange={(value) => set({ error_type: value as Fields["error_type"] })}
        />
      )}
      <Recovery fields={fields} set={set} />
    </FormSection>
  );
}

/** The parts of a condition that most rules do not change. */
function Recovery({ fields, set }: Pick<Part, "fields" | "set">) {
  const { direction, needs_runs } = ALERT_METRICS[fields.metric];
  return (
    <details class="wide" open={fields.recovery_threshold !== "" || fields.no_data !== "KEEP" || Number(fields.minimum_runs) > 1}>
      <summary>Recovery and missing data</summary>
      <div class="form-grid">
        <TextField
          name="recovery_threshold"
          label="Recovery threshold (optional)"
          help={`The incident resolves when the value is ${direction === "above" ? "below" : "at least"} this; empty means the threshold.`}
          unit={unitOf(fields.metric)}
          inputMode="decimal"
          value={fields.recovery_threshold}
          words={rangeRefusal(fields.metric)}
          onChange={(recovery_threshold) => set({ recovery_threshold })}
        />
        <SelectField
          name="no_data"
          label="Without a value"
          help="What the incident does while the value is unknown."
          value={fields.no_data}
          options={[["KEEP", "keep its state"], ["OK", "recover"], ["ALERT", "fire"]]}
          onChange={(value) => set({ no_data: value as Fields["no_data"] })}
        />
        {needs_runs && (
          <TextField
            name="minimum_runs"
            label="Minimum runs"
            help="With fewer finished full runs in the window the value is unknown."
            inputMode="numeric"
            value={fields.minimum_runs}
            onChange={(minimum_runs) => set({ minimum_runs })}
          />
        )}
      </div>
    </details>
  );
}

export function Notification({ fields, set }: Pick<Part, "fields" | "set">) {
  return (
    <FormSection title="Notification" lead="Who is notified when the incident fires.">
      <SelectField
        name="severity"
        label="Severity"
        help="The severity of a new incident."
        value={fields.severity}
        options={SEVERITIES.map((name) => [name, title(name)] as const)}
        onChange={(value) => set({ severity: value as Fields["severity"] })}
      />
      <TextField
        name="repeat_interval"
        class="short"
        label="Repeat every"
        help="How often the notification is repeated while the incident fires."
        value={fields.repeat_interval}
        onChange={(repeat_interval) => set({ repeat_interval })}
      />
      <ChannelChoice
        name="notification_channels"
        label="Channels"
        value={fields.notification_channels}
        onChange={(notification_channels) => set({ notification_channels })}
      />
    </FormSection>
  );
}

export function Escalation({ fields, set }: Pick<Part, "fields" | "set">) {
  const { escalation_delay: delay, escalation_channels: steps } = fields;
  const setStep = (index: number, step: string[]) =>
    set({ escalation_channels: steps.map((before, position) => position === index ? step : before) });
  return (
    <FormSection title="Escalation" lead="What happens while nobody acknowledges the incident.">
      <TextField
        name="escalation_delay"
        class="short"
        label="Escalate after (optional)"
        help="Time without an acknowledgement before each step; empty means never."
        placeholder="never"
        value={delay}
        onChange={(escalation_delay) => set({ escalation_delay })}
      />
      {delay.trim() !== "" && (
        <div class="wide stack">
          {steps.map((step, index) => (
            <div key={index} class="step">
              <ChannelChoice
                name={`escalation_channels.${index}`}
                label={`Step ${index + 1} (also notifies)`}
                help={`Severity: ${raisedBy(fields.severity, index)}.`}
                value={step}
                onChange={(next) => setStep(index, next)}
              />
              <button
                type="button"
                class="small"
                aria-label={`Remove step ${index + 1}`}
                onClick={() => set({ escalation_channels: steps.filter((_, position) => position !== index) })}
              >
                Remove
              </button>
            </div>
          ))}
          {steps.length < 10 && (
            <button type="button" class="small" onClick={() => set({ escalation_channels: [...steps, []] })}>
              Add a step
            </button>
          )}
        </div>
      )}
    </FormSection>
  );
}
