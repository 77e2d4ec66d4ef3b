import { ChannelListResponse } from "../../../types/alerts.ts";
import { CHANNEL_KINDS } from "../../../types/channel-kinds.ts";
import { useRead } from "../queries.ts";
import { useField } from "./form.tsx";

/** A check box for each channel; only an admin can read the channels. */
export function ChannelChoice({ name, label, help, value, onChange }: {
  name: string;
  label: string;
  help?: string;
  value: string[];
  onChange: (value: string[]) => void;
}) {
  const channels = useRead("sync-admin/channels", ChannelListResponse, { every: 60_000 }).data?.channels ?? [];
  const named = channels.filter(({ kind }) => CHANNEL_KINDS[kind].is_for_rules);
  const { id, problem } = useField({ name, label });
  return (
    <fieldset class="field" aria-describedby={problem && `${id}-error`}>
      <legend>{label}</legend>
      <div class="choices">
        {named.map(({ name, kind }, index) => (
          <label key={name} class="choice">
            <input
              type="checkbox"
              id={index === 0 ? id : undefined}
              aria-invalid={problem ? "true" : undefined}
              checked={value.includes(name)}
              onChange={(event) => onChange(event.currentTarget.checked ? [...value, name] : value.filter((channel) => channel !== name))}
            />
            {name} {kind === name ? null : <small>{CHANNEL_KINDS[kind].title}</small>}
          </label>
        ))}
      </div>
      {problem && <small id={`${id}-error`} class="wrong">{problem}</small>}
      {help && <small>{help}</small>}
    </fieldset>
  );
}
