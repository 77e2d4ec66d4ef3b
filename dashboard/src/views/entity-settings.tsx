import { useState } from "preact/hooks";
import { useParams } from "wouter-preact";
import { EntityListResponse, type EntityWithPauses } from "../../../types/admin.ts";
import { DURATIONS } from "../../../types/duration.ts";
import { go } from "../address.ts";
import { ChannelChoice } from "../components/channel-choice.tsx";
import { CheckField, LongTextField, TextField } from "../components/fields.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { type Fields, fieldsOf, requestOf } from "../entity-fields.ts";
import { useNames } from "../names.ts";
import { describeError, UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

export default function EntitySettings() {
  const { type = "" } = useParams();
  const { can } = useUser();
  const nameOf = useNames();
  const entities = useRead("sync-admin/entities", EntityListResponse, { every: 3_600_000 });
  return (
    <Page title={`Settings of ${nameOf(type)}`}>
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
  // A poll during the edit must not change what the user compares with.
  const [stored] = useState(entity);
  const [fields, setFields] = useState(() => fieldsOf(stored));
  const [reason, setReason] = useState("");
  const save = useAct(
    () => ({ method: "PATCH", path: `sync-admin/entities/${stored.entity_type}`, body: requestOf(fields, stored, reason) }),
    UnusedResponse,
    () => go(`/entities/${stored.entity_type}`),
  );
  const wrong = describeError(save.error).fields;
  const set = <K extends keyof Fields>(name: K) => (value: Fields[K]) => setFields((before) => ({ ...before, [name]: value }));
  const text = (
    name: { [K in keyof Fields]: Fields[K] extends string ? K : never }[keyof Fields],
    label: string,
    help: string,
  ) => <TextField label={label} help={help} value={fields[name]} error={wrong[name]} onChange={set(name)} />;
  return (
    <form
      class="rule"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      {text("sync_frequency", "Interval", `How often a run is due: ${range("sync_frequency")}.`)}
      {text(
        "schedule_anchor",
        "Anchor",
        "Any time at which a run is due, with its offset from UTC: it sets the minute and the hour of the others.",
      )}
      {text("grace", "Grace", `How late a run may start before the sync is overdue: ${range("grace")}.`)}
      {text("max_runtime", "Budget", `The longest duration of a run: ${range("max_runtime")}.`)}
      {text(
        "alert_threshold_failures",
        "Failures before an alert",
        "1 to 100 failed runs in a row; empty uses the threshold of each rule.",
      )}
      <ChannelChoice
        help="The incidents of this sync notify these channels; none uses the channels of each rule."
        value={fields.notification_channels}
        error={wrong.notification_channels}
        onChange={set("notification_channels")}
      />
      <CheckField
        label="Active"
        help="An inactive sync has no scheduled runs, and its incidents resolve."
        value={fields.is_active}
        onChange={set("is_active")}
      />
      <LongTextField
        label="Reason"
        help="At least 3 characters; it is written to the audit log."
        required
        value={reason}
        error={wrong.reason}
        onChange={setReason}
      />
      <Refusal error={save.error} />
      <div class="acts">
        <button type="submit" aria-busy={save.isPending} disabled={save.isPending}>
          Save
        </button>
      </div>
    </form>
  );
}
