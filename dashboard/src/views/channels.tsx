import { useState } from "preact/hooks";
import { z } from "zod";
import { ChannelListResponse, type NotificationChannel } from "../../../types/alerts.ts";
import { CheckField, SelectField, TextField } from "../components/fields.tsx";
import { Page, Section } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Anything, useAct, useRead, wordsOf } from "../queries.ts";
import { useUser } from "../session.ts";

export default function Channels() {
  const { can } = useUser();
  return (
    <Page
      title="Channels"
      lead="Where alerts are told. A secret that was set is never shown again."
    >
      <AlertTabs at="/alerts/channels" />
      {can("admin") ? <List /> : <Empty>Only an admin sees the channels.</Empty>}
    </Page>
  );
}

const targetOf = ({ kind, config }: NotificationChannel): string => {
  const { url, to } = z.object({
    url: z.string().optional(),
    to: z.array(z.string()).optional(),
  }).catch({}).parse(config);
  return url ?? to?.join(", ") ??
    (kind === "slack" ? "its secret address" : "this page");
};

const Tried = z.object({ id: z.uuid() }).or(z.unknown());

function List() {
  const channels = useRead("sync-admin/channels", ChannelListResponse, {
    every: 15_000,
  });
  const [edited, edit] = useState<NotificationChannel | null>(null);
  const [tried, setTried] = useState("");
  const test = useAct(
    (name: string) => ({
      method: "POST",
      path: `sync-admin/channels/${name}/test`,
    }),
    Tried,
  );
  const remove = useAct(
    (name: string) => ({
      method: "DELETE",
      path: `sync-admin/channels/${name}`,
    }),
    Anything,
  );
  return (
    <>
      <Reading of={channels}>
        {({ channels }) => (
          <Table
            caption="Channels"
            rows={channels}
            keyOf={(one) => one.name}
            columns={[
              { name: "Channel", isHead: true, cell: (one) => one.name },
              { name: "Kind", cell: (one) => one.kind },
              { name: "To", cell: targetOf },
              {
                name: "State",
                cell: (one) => one.is_active ? <Status of="OK" label="On" /> : <Status of="IDLE" label="Off" />,
              },
              { name: "Group window", cell: (one) => one.group_window },
              {
                name: "Hourly limit",
                isNumber: true,
                cell: (one) => one.hourly_limit,
              },
              {
                name: "Secret",
                cell: (one) => one.has_secret ? one.has_previous_secret ? "set, and the one before" : "set" : "none",
              },
              {
                name: "Act",
                cell: (one) => (
                  <>
                    <button
                      type="button"
                      class="small"
                      aria-label={`Test ${one.name}`}
                      onClick={() => {
                        setTried(one.name);
                        test.mutate(one.name);
                      }}
                    >
                      Test
                    </button>{" "}
                    <button
                      type="button"
                      class="secondary small"
                      aria-label={`Change ${one.name}`}
                      onClick={() => edit(one)}
                    >
                      Change
                    </button>{" "}
                    {one.name !== "dashboard" && (
                      <button
                        type="button"
                        class="secondary outline small"
                        aria-label={`Delete ${one.name}`}
                        onClick={() => remove.mutate(one.name)}
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
      {test.isSuccess && (
        <p role="status">
          <Status
            of="SENT"
            label={`A test message to ${tried} is on its way.`}
          />
        </p>
      )}
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
    target: channel && ["webhook", "email"].includes(channel.kind) ? targetOf(channel) : "",
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
        ...kind === "webhook" ? { config: { url: fields.target } } : {},
        ...kind === "email"
          ? {
            config: {
              ...channel?.config,
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
    Anything,
    onDone,
  );
  const wrong = wordsOf(act.error).fields;
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
        help="Small letters, digits, - and _; rules call it by this."
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
          help="https; messages come in the shape of Alertmanager, signed."
          required
          value={fields.target}
          error={wrong["config.url"]}
          onChange={set("target")}
        />
      )}
      {kind === "email" && (
        <TextField
          label="Recipients"
          help="Addresses with commas."
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
          help={`${kind === "slack" ? "As Slack gives it." : "whsec_ and 24 to 64 bytes of base64."}${
            channel?.has_secret ? " Empty keeps the one there is." : ""
          }`}
          value={fields.secret}
          error={wrong.secret}
          onChange={set("secret")}
        />
      )}
      <TextField
        label="Group window"
        help="Notifications within this time after a message are combined: 30 seconds."
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
          <button type="button" class="secondary" onClick={onDone}>
            Leave it as it is
          </button>
        )}
      </div>
    </form>
  );
}
