import { Fragment } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { type AlertSilence, RuleListResponse, SilenceListResponse } from "../../../types/alerts.ts";
import { useFilters } from "../address.ts";
import { announce } from "../announce.ts";
import { Confirm } from "../components/confirm.tsx";
import { Export } from "../components/export.tsx";
import { Headline } from "../components/headline.tsx";
import { Page } from "../components/page.tsx";
import { SilenceForm } from "../components/silence-form.tsx";
import { Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Distance, Moment, useNow } from "../components/time.tsx";
import { counted, number, title } from "../format.ts";
import { useOverview } from "../overview.ts";
import { UnusedResponse, usePages, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { useNames } from "../names.ts";

export default function Silences() {
  const pages = usePages("sync-admin/silences", { limit: 200 }, SilenceListResponse, 10_000);
  const rules = useRead("sync-admin/alert-rules", RuleListResponse, { every: 60_000 }).data
    ?.rules ?? [];
  const { can } = useUser();
  const names = new Map(rules.map(({ id, name }) => [id, name] as const));
  const [preset] = useFilters(["rule", "entity", "tournament", "incident", "new"]);
  const isPreset = Object.values(preset).some(Boolean);
  const [isCreating, setCreating] = useState(isPreset);
  // A person can follow a link to this view while it is open.
  useEffect(() => {
    if (isPreset) setCreating(true);
  }, [isPreset]);
  return (
    <Page
      title="Silences"
      lead="A silence mutes notifications, never recording. A channel that was notified of an incident is also notified of its end."
      acts={
        <>
          <Export
            name="silences"
            path="sync-admin/silences"
            query={{}}
            schema={SilenceListResponse}
            rowsOf={({ silences }) => silences}
          />
          {can("operator") && <button type="button" class="primary" onClick={() => setCreating(true)}>New silence</button>}
        </>
      }
    >
      <AlertTabs at="/alerts/silences" />
      <Reading of={pages}>
        {({ pages: loaded }) => {
          // A silence that was deleted before its start ends at its start, and is not shown.
          const silences = loaded.flatMap((page) => page.silences).filter(({ starts_at, ends_at }) => starts_at !== ends_at);
          return (
            <>
              <Muted silences={silences} />
              {silences.length > 0 && <List silences={silences.toSorted(activeFirst)} names={names} />}
            </>
          );
        }}
      </Reading>
      {pages.hasNextPage && (
        <button
          type="button"
          class="secondary"
          aria-busy={pages.isFetchingNextPage}
          onClick={() => void pages.fetchNextPage()}
        >
          Load more
        </button>
      )}
      {can("operator") && isCreating && <SilenceForm preset={preset} rules={[...names]} onClose={() => setCreating(false)} />}
    </Page>
  );
}

const activeFirst = (a: AlertSilence, b: AlertSilence): number => Number(b.is_silencing) - Number(a.is_silencing);

/** The number of active silences, and the time of the next one. */
function Muted({ silences }: { silences: AlertSilence[] }) {
  const now = useNow();
  const alerts = useOverview().data?.active_alerts ?? [];
  const active = silences.filter(({ is_silencing }) => is_silencing);
  const planned = silences.filter(({ starts_at }) => Date.parse(starts_at) > now)
    .toSorted((a, b) => Date.parse(a.starts_at) - Date.parse(b.starts_at));
  const muted = alerts.filter(({ muted_by }) => muted_by === "SILENCE").length;
  return (
    <Headline
      of={active.length ? "ACKNOWLEDGED" : "OK"}
      title={active.length
        ? `${counted(active.length, "silence")} ${active.length === 1 ? "mutes" : "mute"} notifications`
        : "Nothing is muted"}
      figures={[["Active", number(active.length)], ["Planned", number(planned.length)], ["Muted incidents", number(muted)]]}
    >
      {planned[0]
        ? (
          <>
            The next silence starts <Distance at={planned[0].starts_at} />.
          </>
        )
        : silences.length
        ? "No other silence is planned."
        : "No silence is active or planned."}
    </Headline>
  );
}

interface Matched {
  kind: string;
  name: string;
  /** The address of the view of the matched object. */
  href?: string;
}

/** The objects that a silence matches, each with its kind and the address of its view. */
function matchesOf(
  { entity_type, rule_id, severity, tournament_no, incident_id }: AlertSilence,
  names: Map<string, string>,
  nameOf: (entityType: string) => string,
): Matched[] {
  const isScope = entity_type === "all" || entity_type === "system";
  return [
    entity_type !== null && { kind: "Sync", name: nameOf(entity_type), ...isScope ? {} : { href: `/entities/${entity_type}` } },
    rule_id !== null && { kind: "Rule", name: names.get(rule_id) ?? rule_id.slice(0, 8), href: `/alerts/rules/${rule_id}` },
    severity !== null && { kind: "Severity", name: title(severity) },
    tournament_no !== null && { kind: "Tournament", name: tournament_no, href: `/tournaments/${tournament_no}` },
    incident_id !== null && { kind: "Incident", name: incident_id.slice(0, 8), href: `/alerts/${incident_id}` },
  ].filter((part) => part !== false);
}

function List(
  { silences, names }: { silences: AlertSilence[]; names: Map<string, string> },
) {
  const { can } = useUser();
  const nameOf = useNames();
  const textOf = (silence: AlertSilence) =>
    matchesOf(silence, names, nameOf).map(({ kind, name }) => kind === "Sync" ? name : `${kind.toLowerCase()} ${name}`).join(", ");
  return (
    <>
      <Table
        caption="Silences"
        rows={silences}
        keyOf={(silence) => silence.id}
        columns={[
          {
            name: "Silence",
            isHead: true,
            cell: (silence) => (
              <>
                <p>
                  {matchesOf(silence, names, nameOf).map(({ kind, name, href }, index) => (
                    <Fragment key={kind}>
                      {index > 0 && ", "}
                      {kind}: {href ? <Link href={href}>{name}</Link> : name}
                    </Fragment>
                  ))}
                </p>
                <p class="under">{silence.reason}</p>
              </>
            ),
          },
          { name: "State", card: "state", cell: (silence) => <State of={silence} /> },
          { name: "When", cell: (silence) => <Period of={silence} /> },
          {
            name: "Created",
            cell: (silence) => (
              <>
                {silence.created_by}
                <p class="under">
                  <Distance at={silence.created_at} />
                </p>
              </>
            ),
          },
          ...can("operator")
            ? [{
              name: "Actions",
              isNumber: true,
              card: "end" as const,
              cell: (silence: AlertSilence) => <EndSilence silence={silence} name={textOf(silence)} />,
            }]
            : [],
        ]}
      />
    </>
  );
}

function State({ of: { is_silencing, starts_at } }: { of: AlertSilence }) {
  const now = useNow();
  if (is_silencing) return <Status of="PENDING" label="Active" />;
  return <Status of="IDLE" label={Date.parse(starts_at) > now ? "Planned" : "Between windows"} />;
}

/** The start of a future period, else its end. */
function Bound({ from, until }: { from: string; until: string }) {
  const isPlanned = Date.parse(from) > useNow();
  return (
    <span>
      {isPlanned ? "starts" : "ends"} <Distance at={isPlanned ? from : until} />
    </span>
  );
}

/** The period of a silence: its next change, its start and end, and the elapsed share of an active one. */
function Period({ of: { starts_at, ends_at, recurs_every, lasts, is_silencing } }: { of: AlertSilence }) {
  const now = useNow();
  const from = Date.parse(starts_at), until = Date.parse(ends_at);
  return (
    <>
      {recurs_every ? `for ${lasts}, every ${recurs_every}` : <Bound from={starts_at} until={ends_at} />}
      <p class="under">
        <Moment at={starts_at} /> – <Moment at={ends_at} since={starts_at} />
      </p>
      {is_silencing && !recurs_every && <progress value={now - from} max={until - from} aria-label="Part of the silence that has passed" />}
    </>
  );
}

/** Ends an active silence, or deletes an inactive one. */
function EndSilence({ silence: { id, is_silencing }, name }: { silence: AlertSilence; name: string }) {
  const act = is_silencing ? "End" : "Delete";
  return (
    <Confirm
      class="small danger"
      label={act}
      name={`${act} the silence of ${name}`}
      title={`${act} the silence of ${name}?`}
      confirm={`${act} the silence`}
      change={{ method: "DELETE", path: `sync-admin/silences/${id}` }}
      schema={UnusedResponse}
      onDone={() => announce(is_silencing ? "The silence is ended." : "The silence is deleted.")}
    >
      {is_silencing ? "The muted incidents that still fire are notified at once." : "It mutes no incident now, and will mute none later."}
    </Confirm>
  );
}
