import { useEffect, useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import { EntityListResponse, type EntityWithPauses } from "../../../types/admin.ts";
import { DURATIONS } from "../../../types/duration.ts";
import { go } from "../address.ts";
import { ChannelChoice } from "../components/channel-choice.tsx";
import { CheckField, LongTextField, TextField } from "../components/fields.tsx";
import { Form } from "../components/form.tsx";
import { FormSection } from "../components/form-section.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { type Fields, fieldsOf, requestOf } from "../entity-fields.ts";
import { useNames } from "../names.ts";
import { UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

export default function EntitySettings() {
  const { type = "" } = useParams();
  const { can } = useUser();
  const nameOf = useNames();
  const entities = useRead("sync-admin/entities", EntityListResponse, { every: 3_600_000 });
  return (
    <Page title={`Settings of ${nameOf(type)}`} crumb={<Link href={`/entities/${type}`}>{nameOf(type)}</Link>}>
      <Reading of={entities}>
        {({ entities }) => {
          const entity = entities.find(({ entity_type }) => entity_type === type);
          if (!entity) return <Empty>There is no such sync.</Empty>;
          return can("admin") ? <SettingsForm entity={entity} /> : <Empty>Only an admin can change a sync.</Empty>;
        }}
      </Reading>
    </Page>
  );
}

const range = (field: keyof typeof DURATIONS): string => `${DURATIONS[field][0]} to ${DURATIONS[field][1]}`;

function SettingsForm({ entity }: { entity: EntityWithPauses }) {
  // A poll during the edit must not change the stored values with which the form compares.
  const [stored] = useState(entity);
  const [fields, setFields] = useState(() => fieldsOf(stored));
  const [reason, setReason] = useState("");
  const view = `/entities/${stored.entity_type}`;
  const save = useAct(
    () => ({ method: "PATCH", path: `sync-admin/entities/${stored.entity_type}`, body: requestOf(fields, stored, reason) }),
    UnusedResponse,
  );
  useEffect(() => {
    if (save.isSuccess) go(view);
  }, [save.isSuccess]);
  const hasChanges = JSON.stringify(fields) !== JSON.stringify(fieldsOf(stored));
  const set = <K extends keyof Fields>(name: K) => (value: Fields[K]) => setFields((before) => ({ ...before, [name]: value }));
  const text = (
    name: { [K in keyof Fields]: Fields[K] extends string ? K : never }[keyof Fields],
    label: string,
    help: string,
    input: { placeholder?: string; inputMode?: "numeric" } = {},
  ) => <TextField name={name} label={label} help={help} value={fields[name]} onChange={set(name)} {...input} />;
  return (
    <Form
      class="stack form-page"
      of={save}
      isChanged={hasChanges || reason !== ""}
      // The server refuses a request without changed fields.
      onSubmit={() => hasChanges ? save.mutate() : go(view)}
      submit="Save"
    >
      <FormSection title="Schedule" lead="When a run is due, and when it is late.">
        {text("sync_frequency", "Interval", `How often a run is due: ${range("sync_frequency")}.`)}
        {text(
          "schedule_anchor",
          "Anchor (UTC)",
          "A time at which a run is due. It sets the minute and the hour of every due time.",
          { placeholder: "2026-06-10 12:00" },
        )}
        {text("grace", "Grace", `How late a run may start before the sync is overdue: ${range("grace")}.`)}
        {text("max_runtime", "Budget", `The longest duration of a run: ${range("max_runtime")}.`)}
        <CheckField
          label="Active"
          help="An inactive sync has no scheduled runs, and its incidents resolve."
          value={fields.is_active}
          onChange={set("is_active")}
        />
      </FormSection>
      <FormSection title="Alerts" lead="For this sync the rules use these settings instead of their own.">
        {text(
          "alert_threshold_failures",
          "Failures before an alert (optional)",
          "1 to 100 failed runs in a row; empty uses the threshold of each rule.",
          { inputMode: "numeric" },
        )}
        <ChannelChoice
          name="notification_channels"
          label="Channels (optional)"
          help="The incidents of this sync notify these channels. Without a choice they notify the channels of each rule."
          value={fields.notification_channels}
          onChange={set("notification_channels")}
        />
      </FormSection>
      <FormSection title="Reason" lead="It is written to the audit log.">
        <LongTextField
          name="reason"
          label="Reason of the change"
          help="3 to 500 characters."
          required
          value={reason}
          onChange={setReason}
        />
      </FormSection>
    </Form>
  );
}
