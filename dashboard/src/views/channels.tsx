import { useState } from "preact/hooks";
import { ChannelTestResponse } from "../../../types/admin.ts";
import { ChannelListResponse, RuleListResponse } from "../../../types/alerts.ts";
import { announce } from "../announce.ts";
import { ChannelFacts } from "../channel/facts.tsx";
import { type Channel, HEALTH, type Health, healthOf } from "../channel/health.ts";
import { ChannelForm } from "../components/channel-form.tsx";
import { ChannelTarget } from "../components/channel-target.tsx";
import { Confirm } from "../components/confirm.tsx";
import { attentionOf, Headline } from "../components/headline.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { describeResult, TestResults } from "../components/test-results.tsx";
import { number } from "../format.ts";
import { UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

type Results = ChannelTestResponse["results"];

export default function Channels() {
  const { can } = useUser();
  // The edited channel; null is a new one.
  const [edited, edit] = useState<Channel | null | undefined>(undefined);
  return (
    <Page
      title="Channels"
      acts={can("admin") && <button type="button" class="primary" onClick={() => edit(null)}>New channel</button>}
    >
      <AlertTabs at="/alerts/channels" />
      {can("admin") ? <List onEdit={edit} /> : <Empty>Only an admin can see the channels.</Empty>}
      {edited !== undefined && <ChannelForm channel={edited} onClose={() => edit(undefined)} />}
    </Page>
  );
}

/** The delivery of all channels; a warning when no channel notifies a person who does not watch this page. */
function Delivery({ of: channels, onAdd }: { of: Channel[]; onAdd: () => void }) {
  if (channels.every(({ kind, is_active }) => kind === "dashboard" || !is_active)) {
    return (
      <Headline
        of="WARNING"
        title="Only this page is notified"
        acts={<button type="button" class="small" onClick={onAdd}>Add a channel</button>}
      >
        Nobody receives a message while the page is closed.
      </Headline>
    );
  }
  const states = Map.groupBy(channels, healthOf);
  const bad = (states.get("FAILS")?.length ?? 0) + (states.get("UNPROVEN")?.length ?? 0);
  const on = channels.filter(({ is_active }) => is_active).length;
  return (
    <Headline
      of={states.has("FAILS") ? "FAILED" : bad ? "PENDING" : on ? "OK" : "IDLE"}
      title={bad ? attentionOf(bad, channels.length, "channel") : on ? "Every channel delivers" : "Every channel is off"}
      figures={Object.entries(HEALTH).map(([health, { plural, of }]) => [plural, states.get(health as Health)?.length ?? 0, of] as const)
        .filter(([, count]) => count > 0 && states.size > 1).map(([name, count, of]) => [name, number(count), of])}
    />
  );
}

function List({ onEdit }: { onEdit: (channel: Channel | null) => void }) {
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
        <>
          <Delivery of={channels} onAdd={() => onEdit(null)} />
          <ul class="channel-cards" aria-label="Channels">
            {channels.map((channel) => (
              <li key={channel.name} class="card" aria-label={channel.name}>
                <header>
                  <ChannelTarget channel={channel} />
                  <Status of={HEALTH[healthOf(channel)].of} label={HEALTH[healthOf(channel)].name} />
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
                    <button type="button" class="small" aria-label={`Change ${channel.name}`} onClick={() => onEdit(channel)}>
                      Change
                    </button>
                    {channel.kind !== "dashboard" && <DeleteChannel channel={channel} />}
                  </div>
                </header>
                {test.isPending && test.variables === channel.name
                  ? <p class="muted">The test message is on its way …</p>
                  : results[channel.name] && <TestResults channel={channel.name} results={results[channel.name] ?? []} />}
                {test.variables === channel.name && <Refusal error={test.error} />}
                <ChannelFacts channel={channel} rules={rules} isTested={results[channel.name] !== undefined} />
              </li>
            ))}
          </ul>
        </>
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
