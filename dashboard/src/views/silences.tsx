import { Fragment } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { type AlertSilence, RuleListResponse, SilenceListResponse } from "../../../types/alerts.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { useFilters } from "../address.ts";
import { announce } from "../announce.ts";
import { Confirm } from "../components/confirm.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Export } from "../components/export.tsx";
import { LongTextField, SelectField, TextField } from "../components/fields.tsx";
import { Form } from "../components/form.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Moment } from "../components/time.tsx";
import { title } from "../format.ts";
import { UnusedResponse, useAct, usePages, useRead } from "../queries.ts";
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
  const [preset] = useFilters(["rule", "entity", "tournament", "incident", "new"]);
  const isPreset = Object.values(preset).some(Boolean);
  const [isCreating, setCreating] = useState(isPreset);
  // A link to this view can be followed while it is open.
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
          // A silence that was deleted before its start ends at its start.
          const silences = loaded.flatMap((page) => page.silences).filter(({ starts_at, ends_at }) => starts_at !== ends_at);
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
      {can("operator") && isCreating && <SilenceForm preset={preset} rules={[...names]} onClose={() => setCreating(false)} />}
    </Page>
  );
}

interface Matched {
  text: string;
  /** The address of the view of the matched object. */
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

/** Ends an active silence, or deletes one that mutes nothing now. */
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
      {is_silencing ? "What it mutes and still fires is notified at once." : "It mutes nothing now, and will mute nothing later."}
    </Confirm>
  );
}

interface Preset {
  rule: string;
  entity: string;
  tournament: string;
  incident: string;
}

/** A dialog that creates a silence. */
function SilenceForm({ preset, rules, onClose }: { preset: Preset; rules: [id: string, name: string][]; onClose: () => void }) {
  const nameOf = useNames();
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  const [initial] = useState({
    entity_type: preset.tournament ? "" : preset.entity,
    rule_id: preset.rule,
    severity: "",
    tournament_no: preset.tournament,
    incident_id: preset.incident,
    minutes: "120",
    recurs_every: "",
    lasts: "",
    reason: "",
  });
  const [fields, setFields] = useState(initial);
  const act = useAct(
    () => {
      const { minutes, ...others } = fields;
      const filled = Object.fromEntries(Object.entries(others).filter(([, value]) => value.trim() !== ""));
      return { method: "POST", path: "sync-admin/silences", body: { ...filled, ends_at: inMinutes(minutes) } };
    },
    UnusedResponse,
    () => {
      onClose();
      announce("The silence is created.");
    },
  );
  const set = (name: keyof typeof fields) => (value: string) => setFields((before) => ({ ...before, [name]: value }));
  const bind = (name: keyof typeof fields) => ({ name, value: fields[name], onChange: set(name) });
  return (
    <Dialog title="New silence" onClose={onClose}>
      <Form
        of={act}
        isChanged={JSON.stringify(fields) !== JSON.stringify(initial)}
        onSubmit={() => act.mutate()}
        submit="Create silence"
        acts={<button type="button" onClick={onClose}>Cancel</button>}
      >
        <div class="form-grid">
          <SelectField
            label="Sync"
            options={[["", "any"], ...[...new Set([...entities, "all", "system"])].map((name) => [name, nameOf(name)] as const)]}
            {...bind("entity_type")}
          />
          <SelectField label="Rule" options={[["", "any"], ...rules]} {...bind("rule_id")} />
          <TextField label="Tournament" help="Its number; empty is any." {...bind("tournament_no")} />
          <SelectField label="Ends in" options={SILENCE_LENGTHS} {...bind("minutes")} name="ends_at" />
          <LongTextField label="Reason" required {...bind("reason")} />
          <details class="wide" open={initial.incident_id !== ""}>
            <summary>Advanced: severity, incident and recurrence</summary>
            <div class="form-grid">
              <SelectField
                label="Severity"
                options={[["", "any"], ...SEVERITIES.map((name) => [name, title(name)] as const)]}
                {...bind("severity")}
              />
              <TextField label="Incident" help="Its id; empty is any." {...bind("incident_id")} />
              <TextField label="Recurs every" help="Only for a recurring silence: 1 day, 7 days." {...bind("recurs_every")} />
              <TextField label="Active for" help="Length of each recurrence, such as 1 hour." {...bind("lasts")} />
            </div>
          </details>
        </div>
      </Form>
    </Dialog>
  );
}
