import type { NotificationChannel } from "../../../types/alerts.ts";
import type { ChannelField } from "../../../types/channel-field.ts";
import { channelFields } from "../../../types/channel-kinds.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { type Fields, targetOf } from "../channel-fields.ts";
import { title } from "../format.ts";
import { CheckField, LongTextField, SelectField, TextField } from "./fields.tsx";

interface Part {
  /** The stored channel; null for a new one. */
  channel: NotificationChannel | null;
  fields: Fields;
  set: (changes: Partial<Fields>) => void;
}

/** The fields of the kind of the channel: its addresses and its secrets. */
export function ChannelSettings(part: Part) {
  return channelFields(part.fields.kind).map(([path, field]) => (
    <Setting key={`${part.fields.kind} ${path}`} {...part} path={path} field={field} />
  ));
}

/** The effect of an empty field when the channel has a stored value that no answer contains. */
function keeps(channel: NotificationChannel | null, path: string, { is_stored, control }: ChannelField): string {
  if (!channel || !is_stored) return "";
  if (control === "headers") return " A line without a value keeps the stored one.";
  if (path === "secret") return channel.has_secret ? " Empty keeps the stored one." : "";
  return ` Empty keeps the stored one at ${targetOf(channel).host}.`;
}

function Setting({ channel, fields, set, path, field }: Part & { path: string; field: ChannelField }) {
  const { label, control, options = [], placeholder, is_optional, is_stored } = field;
  const value = fields.values[path] ?? "";
  const own = {
    name: path,
    label,
    help: `${field.help}${keeps(channel, path, field)}`,
    value,
    onChange: (text: string) => set({ values: { ...fields.values, [path]: text } }),
  };
  switch (control) {
    case "choice":
      return <SelectField {...own} value={value || (options[0]?.[0] ?? "")} options={options} />;
    case "headers":
      return <LongTextField {...own} />;
    case "recipients_by_severity":
      return <RecipientsBySeverity label={label} fields={fields} set={set} />;
    case "text":
    case "recipients":
      return <TextField {...own} autocomplete="off" required />;
    case "address":
    case "secret":
      return (
        <>
          <TextField
            {...own}
            type={control === "address" ? "url" : "password"}
            autocomplete="off"
            placeholder={placeholder}
            required={!is_optional && !(channel && is_stored)}
          />
          {path === "secret" && is_optional && channel?.has_secret && (
            <CheckField
              label={`Remove the ${label.replace(/ \(.*\)$/, "").toLowerCase()}`}
              value={fields.removes_secret}
              onChange={(removes_secret) => set({ removes_secret })}
            />
          )}
        </>
      );
  }
}

function RecipientsBySeverity({ label, fields, set }: Omit<Part, "channel"> & { label: string }) {
  return (
    <details class="wide" open={SEVERITIES.some((severity) => fields.by_severity[severity] !== "")}>
      <summary>{label}</summary>
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
  );
}
