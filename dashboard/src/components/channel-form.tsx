import { useState } from "preact/hooks";
import type { NotificationChannel } from "../../../types/alerts.ts";
import { DURATIONS } from "../../../types/duration.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { type Fields, fieldsOf, KIND_NAMES, requestOf, targetOf } from "../channel-fields.ts";
import { title } from "../format.ts";
import { UnusedResponse, useAct } from "../queries.ts";
import { Dialog } from "./dialog.tsx";
import { CheckField, SelectField, TextField } from "./fields.tsx";
import { Form } from "./form.tsx";

interface Part {
  channel: NotificationChannel | null;
  fields: Fields;
  set: (changes: Partial<Fields>) => void;
}

/** A dialog that creates a channel, or changes one. */
export function ChannelForm({ channel, onClose }: { channel: NotificationChannel | null; onClose: () => void }) {
  const [fields, setFields] = useState(() => fieldsOf(channel));
  const set: Part["set"] = (changes) => setFields((before) => ({ ...before, ...changes }));
  const isChanged = JSON.stringify(fields) !== JSON.stringify(fieldsOf(channel));
  const save = useAct(
    () => ({ method: "PUT", path: `sync-admin/channels/${encodeURIComponent(fields.name)}`, body: requestOf(fields) }),
    UnusedResponse,
    onClose,
  );
  return (
    <Dialog title={channel ? `Change ${channel.name}` : "New channel"} onClose={onClose}>
      <Form
        of={save}
        isChanged={isChanged}
        onSubmit={() => channel && !isChanged ? onClose() : save.mutate()}
        submit={channel ? "Save" : "Create the channel"}
        acts={<button type="button" onClick={onClose}>Cancel</button>}
      >
        <div class="form-grid">
          {!channel && (
            <TextField
              name="name"
              label="Name"
              help="a-z, 0-9, - and _; rules refer to the channel by it."
              required
              value={fields.name}
              onChange={(name) => set({ name })}
            />
          )}
          {!channel && (
            <SelectField
              name="kind"
              label="Kind"
              value={fields.kind}
              options={Object.entries(KIND_NAMES)}
              onChange={(kind) => set({ kind: kind as Fields["kind"] })}
            />
          )}
          <Address channel={channel} fields={fields} set={set} />
          <TextField
            name="group_window"
            label="Group window"
            help={`Incidents that open within it go out as one message: ${DURATIONS.group_window.join(" to ")}.`}
            value={fields.group_window}
            onChange={(group_window) => set({ group_window })}
          />
          <TextField
            name="hourly_limit"
            label="Hourly limit"
            help="Further messages are delivered later as one."
            unit="messages"
            inputMode="numeric"
            value={fields.hourly_limit}
            onChange={(hourly_limit) => set({ hourly_limit })}
          />
          <CheckField
            label="On"
            help="A channel that is off sends nothing."
            value={fields.is_active}
            onChange={(is_active) => set({ is_active })}
          />
          {fields.kind !== "dashboard" && (
            <CheckField
              label="Weekly report"
              help="A summary of the week, each Monday: objectives, incidents, failing tournaments, changed rules."
              value={fields.weekly_report}
              onChange={(weekly_report) => set({ weekly_report })}
            />
          )}
        </div>
      </Form>
    </Dialog>
  );
}

/** Where the channel sends, by its kind. */
function Address({ channel, fields, set }: Part) {
  const keeps = channel?.has_secret ? " Empty keeps the stored one." : "";
  switch (fields.kind) {
    case "webhook":
      return (
        <>
          <TextField
            name="config.url"
            label="Address"
            type="url"
            autocomplete="off"
            placeholder="https://"
            help={`It receives signed messages in the format of Alertmanager.${
              channel ? ` Empty keeps the stored one at ${targetOf(channel).host}.` : ""
            }`}
            required={!channel}
            value={fields.url}
            onChange={(url) => set({ url })}
          />
          <TextField
            name="secret"
            label="Signing secret"
            type="password"
            autocomplete="off"
            help={`whsec_ and 24 to 64 bytes of base64.${keeps}`}
            value={fields.secret}
            onChange={(secret) => set({ secret })}
          />
        </>
      );
    case "slack":
      return (
        <TextField
          name="secret"
          label="Incoming webhook address"
          type="password"
          autocomplete="off"
          help={`The address that Slack shows for the webhook.${keeps}`}
          value={fields.secret}
          onChange={(secret) => set({ secret })}
        />
      );
    case "email":
      return <Recipients fields={fields} set={set} />;
    case "dashboard":
      return null;
  }
}

function Recipients({ fields, set }: Omit<Part, "channel">) {
  return (
    <>
      <TextField
        name="config.to"
        label="Recipients"
        help="Email addresses, separated by commas."
        required
        value={fields.to}
        onChange={(to) => set({ to })}
      />
      <details class="wide" open={SEVERITIES.some((severity) => fields.by_severity[severity] !== "")}>
        <summary>Other recipients for a severity</summary>
        <div class="form-grid">
          {SEVERITIES.map((severity) => (
            <TextField
              key={severity}
              name={`config.by_severity.${severity}`}
              label={`${title(severity)} recipients (optional)`}
              placeholder="as above"
              value={fields.by_severity[severity]}
              onChange={(to) => set({ by_severity: { ...fields.by_severity, [severity]: to } })}
            />
          ))}
        </div>
      </details>
    </>
  );
}
