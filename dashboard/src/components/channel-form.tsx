import { useState } from "preact/hooks";
import type { NotificationChannel } from "../../../types/alerts.ts";
import { DURATIONS } from "../../../types/duration.ts";
import { CHANNEL_KINDS, channelFields } from "../../../types/channel-kinds.ts";
import { canaryOf, type Fields, fieldsOf, requestOf } from "../channel-fields.ts";
import { UnusedResponse, useAct } from "../queries.ts";
import { ChannelSettings } from "./channel-settings.tsx";
import { Dialog } from "./dialog.tsx";
import { CheckField, SelectField, TextField } from "./fields.tsx";
import { Form } from "./form.tsx";

const KINDS = Object.entries(CHANNEL_KINDS).map(([kind, { title }]) => [kind, title] as const);

/** A dialog that creates a channel, or changes one. */
export function ChannelForm({ channel, onClose }: { channel: NotificationChannel | null; onClose: () => void }) {
  const [fields, setFields] = useState(() => fieldsOf(channel));
  const set = (changes: Partial<Fields>) => setFields((before) => ({ ...before, ...changes }));
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
              help="a-z, 0-9, - and _. Rules name the channel by it."
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
              options={KINDS}
              onChange={(kind) => set({ kind: kind as Fields["kind"], values: {} })}
            />
          )}
          <ChannelSettings channel={channel} fields={fields} set={set} />
          {channelFields(fields.kind).some(([, { is_stored }]) => is_stored) && (
            <p class="wide muted">A stored secret, or the address of a webhook, is never shown again.</p>
          )}
          {CHANNEL_KINDS[fields.kind].is_for_rules && (
            <>
              <TextField
                name="group_window"
                label="Group window"
                help={`Incidents that open within this time are sent as one message: ${DURATIONS.group_window.join(" to ")}.`}
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
            </>
          )}
          {CHANNEL_KINDS[fields.kind].canary && (
            <TextField
              name="canary_every"
              label="Test every (optional)"
              help={`A test message proves the channel: ${DURATIONS.canary_every.join(" to ")}. Empty: never.`}
              value={canaryOf(fields)}
              onChange={(canary_every) => set({ canary_every })}
            />
          )}
          <CheckField
            label="On"
            help="A channel that is off sends no messages."
            value={fields.is_active}
            onChange={(is_active) => set({ is_active })}
          />
          {CHANNEL_KINDS[fields.kind].sends_report && (
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
