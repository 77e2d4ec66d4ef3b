import { ChannelListResponse } from "../../../types/alerts.ts";
import { useRead } from "../queries.ts";

/** A check box for each channel; only an admin can read the channels. */
export function ChannelChoice(
  { help, value, error, onChange }: {
    help?: string;
    value: string[];
    error: string | undefined;
    onChange: (value: string[]) => void;
  },
) {
  const channels = useRead("sync-admin/channels", ChannelListResponse, { every: 60_000 }).data
    ?.channels ?? [];
  return (
    <fieldset class="field">
      <legend>Channels</legend>
      {channels.map(({ name, kind }) => (
        <label key={name}>
          <input
            type="checkbox"
            checked={value.includes(name)}
            onChange={(event) => onChange(event.currentTarget.checked ? [...value, name] : value.filter((channel) => channel !== name))}
          />
          {name} <small>{kind}</small>
        </label>
      ))}
      {help && <small>{help}</small>}
      {error && <small class="wrong" role="alert">{error}</small>}
    </fieldset>
  );
}
