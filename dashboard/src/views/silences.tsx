import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { type AlertSilence, RuleListResponse, SilenceListResponse } from "../../../types/alerts.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { useFilters } from "../address.ts";
import { announce } from "../announce.ts";
import { Confirm } from "../components/confirm.tsx";
import { LongTextField, SelectField, TextField } from "../components/fields.tsx";
import { Page, Section } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Moment } from "../components/time.tsx";
import { title } from "../format.ts";
import { describeError, UnusedResponse, useAct, usePages, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";
import { inMinutes, SILENCE_LENGTHS } from "../silence.ts";

export default function Silences() {
  const pages = usePages("sync-admin/silences", { limit: 50 }, SilenceListResponse, 10_000);
  const rules = useRead("sync-admin/alert-rules", RuleListResponse, { every: 60_000 }).data
    ?.rules ?? [];
  const { can } = useUser();
  const names = new Map(rules.map(({ id, name }) => [id, name] as const));
  return (
    <Page
      title="Silences"
      lead="A silence mutes notifications, never recording. A channel that was notified of an incident is also notified of its end."
    >
      <AlertTabs at="/alerts/silences" />
      <Reading of={pages}>
        {({ pages: loaded }) => {
          const silences = loaded.flatMap((page) => page.silences);
          return silences.length ? <List silences={silences} names={names} /> : <Empty>No silence is active or planned.</Empty>;
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
      {can("operator") && (
        <Section title="New silence">
          <SilenceForm rules={[...names]} />
        </Section>
      )}
    </Page>
  );
}

interface Matched {
  text: string;
  /** The view of what is matched. */
  href?: string;
}

/** What a silence matches, each part with the view of it. */
function matchesOf(
  { entity_type, rule_id, severity, tournament_no, incident_id }: AlertSilence,
  names: Map<string, string>,
  nameOf: (entityType: string) => string,
): Matched[] {
  const isScope = entity_type === "all" || entity_type === "system";
  return [
    entity_type !== null && { text: nameOf(entity_type), ...isScope ? {} : { href: `/entities/${entity_type}` } },
    rule_id !== null && { text: `rule ${names.get(rule_id) ?? rule_id.slice(0, 8)}`, href: `/alerts/rules/${rule_id}` },
    severity !== null && { text: `severity ${title(severity)}` },
    tournament_no !== null && { text: `tournament ${tournament_no}`, href: `/tournaments/${tournament_no}` },
    incident_id !== null && { text: `incident ${incident_id.slice(0, 8)}`, href: `/alerts/${incident_id}` },
  ].filter((part) => part !== false);
}

function List(
  { silences, names }: { silences: AlertSilence[]; names: Map<string, string> },
) {
  const { can } = useUser();
  const nameOf = useNames();
  const textOf = (silence: AlertSilence) => matchesOf(silence, names, nameOf).map(({ text }) => text).join(", ");
  return (
    <>
      <Table
        caption="Silences"
        rows={silences}
        keyOf={(silence) => silence.id}
        columns={[
          {
            name: "Matches",
            isHead: true,
            cell: (silence) =>
              matchesOf(silence, names, nameOf).map(({ text, href }, index) => (
                <Fragment key={text}>
                  {index > 0 && ", "}
                  {href ? <Link href={href}>{text}</Link> : text}
                </Fragment>
              )),
          },
          {
            name: "State",
            card: "state",
            cell: (silence) => silence.is_silencing ? <Status of="PENDING" label="Active" /> : <Status of="IDLE" label="Inactive" />,
          },
          { name: "From", cell: (silence) => <Moment at={silence.starts_at} /> },
          { name: "Until", cell: (silence) => <Moment at={silence.ends_at} /> },
          {
            name: "Recurs",
            cell: (silence) => silence.recurs_every ? `for ${silence.lasts}, every ${silence.recurs_every}` : "",
          },
          { name: "By", cell: (silence) => silence.created_by },
          { name: "Reason", cell: (silence) => silence.reason },
          ...can("operator")
            ? [{
              name: "Actions",
              card: "end" as const,
              cell: (silence: AlertSilence) => (
                <Confirm
                  class="small danger"
                  label="End"
                  name={`End the silence of ${textOf(silence)}`}
                  title={`End the silence of ${textOf(silence)}?`}
                  confirm="End the silence"
                  change={{ method: "DELETE", path: `sync-admin/silences/${silence.id}` }}
                  schema={UnusedResponse}
                  onDone={() => announce("The silence is ended.")}
                >
                  What it mutes and still fires is notified at once.
                </Confirm>
              ),
            }]
            : [],
        ]}
      />
    </>
  );
}

function SilenceForm({ rules }: { rules: [id: string, name: string][] }) {
  const [preset] = useFilters(["rule", "entity", "tournament", "incident"]);
  const nameOf = useNames();
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  const initial = {
    entity_type: preset.tournament ? "" : preset.entity,
    rule_id: preset.rule,
    severity: "",
    tournament_no: preset.tournament,
    incident_id: preset.incident,
    minutes: "120",
    recurs_every: "",
    lasts: "",
    reason: "",
  };
  const [fields, setFields] = useState(initial);
  const act = useAct(
    () => {
      const { minutes, ...others } = fields;
      const filled = Object.fromEntries(
        Object.entries(others).filter(([, value]) => value.trim() !== ""),
      );
      return {
        method: "POST",
        path: "sync-admin/silences",
        body: {
          ...filled,
          ends_at: inMinutes(minutes),
        },
      };
    },
    UnusedResponse,
    () => {
      setFields(initial);
      announce("The silence is created.");
    },
  );
  const wrong = describeError(act.error).fields;
  const set = (name: keyof typeof fields) => (value: string) => setFields((before) => ({ ...before, [name]: value }));
  return (
    <form
      class="columns"
      onSubmit={(event) => {
        event.preventDefault();
        act.mutate();
      }}
    >
      <SelectField
        label="Sync"
        value={fields.entity_type}
        error={wrong.entity_type}
        options={[
          ["", "any"],
          ...[...new Set([...entities, "all", "system"])].map((name) => [name, nameOf(name)] as const),
        ]}
        onChange={set("entity_type")}
      />
      <SelectField
        label="Rule"
        value={fields.rule_id}
        error={wrong.rule_id}
        options={[["", "any"], ...rules]}
        onChange={set("rule_id")}
      />
      <SelectField
        label="Severity"
        value={fields.severity}
        error={wrong.severity}
        options={[
          ["", "any"],
          ...SEVERITIES.map((name) => [name, title(name)] as const),
        ]}
        onChange={set("severity")}
      />
      <TextField
        label="Tournament"
        help="Its number; empty is any."
        value={fields.tournament_no}
        error={wrong.tournament_no}
        onChange={set("tournament_no")}
      />
      <TextField
        label="Incident"
        help="Its id; empty is any."
        value={fields.incident_id}
        error={wrong.incident_id}
        onChange={set("incident_id")}
      />
      <SelectField
        label="Ends in"
        value={fields.minutes}
        error={wrong.ends_at}
        options={SILENCE_LENGTHS}
        onChange={set("minutes")}
      />
      <TextField
        label="Recurs every"
        help="Only for a recurring silence: 1 day, 7 days."
        value={fields.recurs_every}
        error={wrong.recurs_every}
        onChange={set("recurs_every")}
      />
      <TextField
        label="Active for"
        help="Length of each recurrence, such as 1 hour."
        value={fields.lasts}
        error={wrong.lasts}
        onChange={set("lasts")}
      />
      <LongTextField
        label="Reason"
        required
        value={fields.reason}
        error={wrong.reason}
        onChange={set("reason")}
      />
      <Refusal error={act.error} />
      <button type="submit" aria-busy={act.isPending} disabled={act.isPending}>
        Silence
      </button>
    </form>
  );
}
