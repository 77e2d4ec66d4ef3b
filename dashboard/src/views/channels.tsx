// Over 300 lines, because the form of each kind of channel is in this view.
import { useState } from "preact/hooks";
import { z } from "zod";
import { ChannelTestResponse } from "../../../types/admin.ts";
import { ChannelListResponse, type NotificationChannel } from "../../../types/alerts.ts";
import { CheckField, SelectField, TextField } from "../components/fields.tsx";
import { Page, Section } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { duration } from "../format.ts";
import { describeError, UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

export default function Channels() {
  const { can } = useUser();
  return (
    <Page
      title="Channels"
      lead="Destinations of notifications. A stored secret, or the address of a webhook, is never shown again."
    >
      <AlertTabs at="/alerts/channels" />
      {can("admin") ? <List /> : <Empty>Only an admin can see the channels.</Empty>}
    </Page>
  );
}

const targetOf = ({ kind, config }: NotificationChannel): string => {
  const { host, to } = z.object({
    host: z.string().optional(),
    to: z.array(z.string()).optional(),
  }).catch({}).parse(config);
  return host ?? to?.join(", ") ?? (kind === "dashboard" ? "this page" : "no address");
};

function List() {
  const channels = useRead("sync-admin/channels", ChannelListResponse, {
    every: 15_000,
  });
  const [edited, edit] = useState<NotificationChannel | null>(null);
  const test = useAct(
    (name: string) => ({
      method: "POST",
      path: `sync-admin/channels/${name}/test`,
      // The server waits up to 10 s for each of the two messages.
      limitMs: 30_000,
    }),
    ChannelTestResponse,
  );
  const remove = useAct(
    (name: string) => ({
      method: "DELETE",
      path: `sync-admin/channels/${name}`,
    }),
    UnusedResponse,
  );
  return (
    <>
      <Reading of={channels}>
        {({ channels }) => (
          <Table
            caption="Channels"
            rows={channels}
            keyOf={(channel) => channel.name}
            columns={[
              { name: "Channel", isHead: true, cell: (channel) => channel.name },
              { name: "Kind", cell: (channel) => channel.kind },
              { name: "To", cell: targetOf },
              {
                name: "State",
                cell: (channel) => channel.is_active ? <Status of="OK" label="On" /> : <Status of="IDLE" label="Off" />,
              },
              { name: "Group window", cell: (channel) => channel.group_window },
              {
                name: "Hourly limit",
                isNumber: true,
                cell: (channel) => channel.hourly_limit,
              },
              {
                name: "Secret",
                cell: (channel) => channel.has_secret ? channel.has_previous_secret ? "set, previous one still used" : "set" : "none",
              },
              {
                name: "Actions",
                cell: (channel) => (
                  <>
                    <button
                      type="button"
                      class="small"
                      aria-label={`Test ${channel.name}`}
                      aria-busy={test.isPending && test.variables === channel.name}
                      disabled={test.isPending}
                      onClick={() => test.mutate(channel.name)}
                    >
                      Test
                    </button>{" "}
                    <button
                      type="button"
                      class="small"
                      aria-label={`Change ${channel.name}`}
                      onClick={() => edit(channel)}
                    >
                      Change
                    </button>{" "}
                    {channel.name !== "dashboard" && (
                      <button
                        type="button"
                        class="small"
                        aria-label={`Delete ${channel.name}`}
                        onClick={() => remove.mutate(channel.name)}
                      >
                        Delete
                      </button>
                    )}
                  </>
                ),
              },
            ]}
          />
        )}
      </Reading>
      <div role="status">
        {test.data && <TestResults channel={test.variables} {...test.data} />}
      </div>
      <Refusal error={test.error ?? remove.error} />
      <Section title={edited ? `Change ${edited.name}` : "New channel"}>
        <ChannelForm
          key={edited?.name ?? ""}
          channel={edited}
          onDone={() => edit(null)}
        />
      </Section>
    </>
  );
}

type Result = ChannelTestResponse["results"][number];

/** What a destination received of a test, in words. */
function describeResult(to: string, { opening, end }: Result): string {
  const took = (ms: number): string => ` (${duration(ms)})`;
  if (opening.outcome === "SENT" && end?.outcome === "SENT") {
    return `${to} accepted the test message${took(opening.duration_ms)} and its end${took(end.duration_ms)}.`;
  }
  if (opening.outcome === "SENT") return `${to} accepted the test message${took(opening.duration_ms)}, but not its end: ${end?.error}.`;
  const doubt = end ? ` ${to} perhaps received it; its end was ${end.outcome === "SENT" ? "accepted" : `not accepted: ${end.error}`}.` : "";
  return `${to} did not accept the test message: ${opening.error}.${doubt}`;
}

function TestResults({ channel, results }: ChannelTestResponse & { channel: string }) {
  return (
    <ul class="because">
      {results.map((result) => (
        <li key={result.recipient}>
          <Status
            of={[result.opening, result.end].find((attempt) => attempt?.outcome !== "SENT")?.outcome ?? "SENT"}
            label={describeResult(result.recipient ?? channel, result)}
          />
        </li>
      ))}
    </ul>
  );
}

const KINDS = [["webhook", "webhook"], ["slack", "Slack"], ["email", "email"], [
  "dashboard",
  "this page",
]] as const;

function ChannelForm(
  { channel, onDone }: {
    channel: NotificationChannel | null;
    onDone: () => void;
  },
) {
  const [fields, setFields] = useState({
    name: channel?.name ?? "",
    kind: channel?.kind ?? "webhook" as NotificationChannel["kind"],
    target: channel?.kind === "email" ? targetOf(channel) : "",
    secret: "",
    group_window: channel?.group_window ?? "30 seconds",
    hourly_limit: String(channel?.hourly_limit ?? 60),
    is_active: channel?.is_active ?? true,
  });
  const { kind } = fields;
  const act = useAct(
    () => ({
      method: "PUT",
      path: `sync-admin/channels/${encodeURIComponent(fields.name)}`,
      body: {
        kind,
        ...kind === "webhook" && fields.target ? { config: { url: fields.target } } : {},
        ...kind === "email"
          ? {
            config: {
              ...channel?.kind === "email" ? channel.config : {},
              to: fields.target.split(",").map((address) => address.trim())
                .filter(Boolean),
            },
          }
          : {},
        ...fields.secret && (kind === "webhook" || kind === "slack") ? { secret: fields.secret } : {},
        group_window: fields.group_window,
        hourly_limit: Number(fields.hourly_limit),
        is_active: fields.is_active,
      },
    }),
    UnusedResponse,
    onDone,
  );
  const keepsAddress = channel?.kind === "webhook";
  const wrong = describeError(act.error).fields;
  const set = <K extends keyof typeof fields>(name: K) => (value: typeof fields[K]) =>
    setFields((before) => ({ ...before, [name]: value }));
  return (
    <form
      class="columns"
      onSubmit={(event) => {
        event.preventDefault();
        act.mutate();
      }}
    >
      <TextField
        label="Name"
        help="Lower-case letters, digits, - and _; rules refer to the channel by this name."
        required
        disabled={channel !== null}
        value={fields.name}
        error={wrong.name}
        onChange={set("name")}
      />
      <SelectField
        label="Kind"
        value={kind}
        error={wrong.kind}
        options={KINDS}
        onChange={(value) => set("kind")(value as NotificationChannel["kind"])}
      />
      {kind === "webhook" && (
        <TextField
          label="Address"
          type="url"
          autocomplete="off"
          help={`An https address; it receives signed messages in the format of Alertmanager.${
            keepsAddress ? ` Empty keeps the stored address at ${targetOf(channel)}.` : ""
          }`}
          required={!keepsAddress}
          value={fields.target}
          error={wrong["config.url"]}
          onChange={set("target")}
        />
      )}
      {kind === "email" && (
        <TextField
          label="Recipients"
          help="Email addresses, separated by commas."
          required
          value={fields.target}
          error={wrong["config.to"] ?? wrong["config.to.0"]}
          onChange={set("target")}
        />
      )}
      {(kind === "webhook" || kind === "slack") && (
        <TextField
          label={kind === "slack" ? "Incoming webhook address" : "Signing secret"}
          type="password"
          autocomplete="off"
          help={`${kind === "slack" ? "The address that Slack shows for the webhook." : "whsec_ and 24 to 64 bytes of base64."}${
            channel?.has_secret ? " Empty keeps the stored secret." : ""
          }`}
          value={fields.secret}
          error={wrong.secret}
          onChange={set("secret")}
        />
      )}
      <TextField
        label="Group window"
        help="Incidents that open within this window go out as one message, for example 30 seconds."
        value={fields.group_window}
        error={wrong.group_window}
        onChange={set("group_window")}
      />
      <TextField
        label="Hourly limit"
        type="number"
        min={1}
        value={fields.hourly_limit}
        error={wrong.hourly_limit}
        onChange={set("hourly_limit")}
      />
      <CheckField
        label="On"
        value={fields.is_active}
        onChange={set("is_active")}
      />
      <Refusal error={act.error} />
      <div class="acts">
        <button
          type="submit"
          aria-busy={act.isPending}
          disabled={act.isPending}
        >
          Save
        </button>
        {channel && (
          <button type="button" onClick={onDone}>
            Discard the changes
          </button>
        )}
      </div>
    </form>
  );
}
