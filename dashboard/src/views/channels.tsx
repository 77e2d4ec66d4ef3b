import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { z } from "zod";
import { ChannelTestResponse } from "../../../types/admin.ts";
import { type AlertRule, ChannelListResponse, type ChannelState, RuleListResponse } from "../../../types/alerts.ts";
import { announce } from "../announce.ts";
import { ChannelForm } from "../components/channel-form.tsx";
import { ChannelTarget } from "../components/channel-target.tsx";
import { Confirm } from "../components/confirm.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { describeResult, TestResults } from "../components/test-results.tsx";
import { Distance } from "../components/time.tsx";
import { counted, sentence, UNKNOWN } from "../format.ts";
import { UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

type Channel = z.infer<typeof ChannelState>;
type Results = ChannelTestResponse["results"];

export default function Channels() {
  const { can } = useUser();
  // Null is a new channel.
  const [edited, edit] = useState<Channel | null | undefined>(undefined);
  return (
    <Page
      title="Channels"
      lead="Where notifications go. A stored secret, or the address of a webhook, is never shown again."
      acts={can("admin") && <button type="button" class="primary" onClick={() => edit(null)}>New channel</button>}
    >
      <AlertTabs at="/alerts/channels" />
      {can("admin") ? <List onEdit={edit} /> : <Empty>Only an admin can see the channels.</Empty>}
      {edited !== undefined && <ChannelForm channel={edited} onClose={() => edit(undefined)} />}
    </Page>
  );
}

function List({ onEdit }: { onEdit: (channel: Channel) => void }) {
  const channels = useRead("sync-admin/channels", ChannelListResponse, { every: 15_000 });
  const rules = useRead("sync-admin/alert-rules", RuleListResponse, { every: 60_000 }).data?.rules;
  const [results, setResults] = useState<Record<string, Results>>({});
  const test = useAct(
    (name: string) => ({
      method: "POST",
      path: `sync-admin/channels/${name}/test`,
      // The server waits up to 10 s for each of the two messages.
      limitMs: 30_000,
    }),
    ChannelTestResponse,
  );
  const send = (name: string) =>
    test.mutate(name, {
      onSuccess: ({ results }) => {
        setResults((before) => ({ ...before, [name]: results }));
        announce(results.map((result) => describeResult(result.recipient ?? name, result)).join(" "));
      },
    });
  return (
    <Reading of={channels}>
      {({ channels }) => (
        <Table
          caption="Channels"
          rows={channels}
          keyOf={(channel) => channel.name}
          columns={[
            { name: "Channel", isHead: true, cell: (channel) => <ChannelTarget channel={channel} /> },
            {
              name: "Health",
              cell: (channel) => (
                <>
                  <Health channel={channel} isTested={results[channel.name] !== undefined} />
                  {test.isPending && test.variables === channel.name
                    ? <p class="under">The test message is on its way …</p>
                    : results[channel.name] && <TestResults channel={channel.name} results={results[channel.name] ?? []} />}
                  {test.variables === channel.name && <Refusal error={test.error} />}
                </>
              ),
            },
            { name: "Used by", cell: ({ name }) => <Uses count={rules?.filter((rule) => isUsed(name, rule)).length} /> },
            { name: "Limits", cell: (channel) => <Limits channel={channel} /> },
            {
              name: "Actions",
              isNumber: true,
              card: "end",
              cell: (channel) => (
                <div class="acts">
                  <button
                    type="button"
                    class="small"
                    aria-label={`Test ${channel.name}`}
                    aria-busy={test.isPending && test.variables === channel.name}
                    disabled={test.isPending}
                    onClick={() => send(channel.name)}
                  >
                    Test
                  </button>
                  <button type="button" class="small" aria-label={`Change ${channel.name}`} onClick={() => onEdit(channel)}>Change</button>
                  {channel.kind !== "dashboard" && <DeleteChannel channel={channel} />}
                </div>
              ),
            },
          ]}
        />
      )}
    </Reading>
  );
}

const DeleteChannel = ({ channel: { name } }: { channel: Channel }) => (
  <Confirm
    class="small danger"
    label="Delete"
    name={`Delete ${name}`}
    title={`Delete the channel ${name}?`}
    confirm="Delete the channel"
    change={{ method: "DELETE", path: `sync-admin/channels/${name}` }}
    schema={UnusedResponse}
  >
    Its stored address and secret are deleted, and undelivered notifications are discarded. To keep it for later, switch it off instead.
  </Confirm>
);

/** A delivery from before the last change proves nothing about the channel as it is. */
const isProven = ({ proven_at, updated_at }: Channel): boolean => proven_at !== null && Date.parse(proven_at) >= Date.parse(updated_at);

function Health({ channel, isTested }: { channel: Channel; isTested: boolean }) {
  if (!channel.is_active) return <Status of="IDLE" label="Off" />;
  if (channel.last_error !== null) {
    return (
      <>
        <Status of="FAILED" label="Fails" />
        {/* The result of the test stands below and says the same. */}
        {!isTested && <p class="under">{sentence(channel.last_error)}</p>}
      </>
    );
  }
  if (isProven(channel)) {
    return (
      <>
        <Status of="OK" label="Delivers" />
        <p class="under">
          {channel.last_delivery_at
            ? (
              <>
                last delivery <Distance at={channel.last_delivery_at} />
              </>
            )
            : "A test was accepted."}
        </p>
      </>
    );
  }
  return (
    <>
      <Status of="PENDING" label="Not proven" />
      <p class="under">
        {channel.proven_at === null ? "Nothing was delivered yet." : "It was changed after its last delivery."} Send a test message.
      </p>
    </>
  );
}

const isUsed = (name: string, { notification_channels, escalation_channels }: AlertRule): boolean =>
  [notification_channels, ...escalation_channels].some((names) => names.includes(name));

function Uses({ count }: { count: number | undefined }) {
  if (count === undefined) return <>{UNKNOWN}</>;
  return count ? <Link href="/alerts/rules" class="unbroken">{counted(count, "rule")}</Link> : <span class="muted unbroken">no rule</span>;
}

const Limits = ({ channel }: { channel: Channel }) => (
  <>
    {channel.hourly_limit} an hour
    <p class="under unbroken">grouped for {channel.group_window}</p>
    {channel.has_previous_secret && <p class="under">The previous secret still signs too.</p>}
  </>
);
