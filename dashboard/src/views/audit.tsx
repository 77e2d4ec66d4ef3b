import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { z } from "zod";
import { type AuditEntry, AuditResponse, AuditVerifyResponse } from "../../../types/admin.ts";
import { announce } from "../announce.ts";
import { useApi } from "../api.ts";
import { useFilters } from "../address.ts";
import { Export } from "../components/export.tsx";
import { SelectField, TextField } from "../components/fields.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { counted, title } from "../format.ts";
import { usePages } from "../queries.ts";
import { useUser } from "../session.ts";

type Entry = z.infer<typeof AuditEntry>;

/** The kinds of objects, with their names and the view of an object; null where no view shows it. */
const OBJECTS: Record<string, { name: string; hrefOf: (entry: Entry) => string | null }> = {
  alert: { name: "Incident", hrefOf: ({ object_id }) => `/alerts/${object_id}` },
  "alert-rule": { name: "Rule", hrefOf: ({ object_id }) => `/alerts/rules/${object_id}` },
  "audit-log": { name: "Audit log", hrefOf: () => null },
  channel: { name: "Channel", hrefOf: () => "/alerts/channels" },
  entity: { name: "Sync", hrefOf: ({ object_id }) => `/entities/${object_id}` },
  error: { name: "Error", hrefOf: ({ before }) => errorView(before) },
  job: { name: "Job", hrefOf: ({ object_id }) => `/jobs/${object_id}` },
  notification: { name: "Notification", hrefOf: ({ before }) => incidentView(before) },
  person: { name: "Person", hrefOf: () => "/people" },
  retention: { name: "Retention", hrefOf: () => "/system" },
  silence: { name: "Silence", hrefOf: () => "/alerts/silences" },
  system: { name: "System", hrefOf: () => "/system" },
  upstream: { name: "Upstream", hrefOf: () => "/system" },
};
const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;
/** The views that only an admin can open. */
const FOR_ADMINS = ["/people", "/alerts/channels"];
const text = z.string().optional();
const State = z.looseObject({ name: text, email: text, fingerprint: text, incident_id: text }).catch({});

function errorView(before: unknown): string | null {
  const { fingerprint } = State.parse(before);
  return fingerprint ? `/errors/${encodeURIComponent(fingerprint)}` : null;
}

function incidentView(before: unknown): string | null {
  const { incident_id } = State.parse(before);
  return incident_id ? `/alerts/${incident_id}` : null;
}

/** The object of an entry as a link to it, by its name where the entry has one. */
function AuditedObject({ entry }: { entry: Entry }) {
  const { can } = useUser();
  const { object_type, object_id, before, after, action } = entry;
  const kind = OBJECTS[object_type];
  const href = kind?.hrefOf(entry) ?? null;
  const { name = State.parse(before).name, email } = State.parse(after);
  const text = name ?? email ?? (UUID.test(object_id) ? object_id.slice(0, 8) : object_id);
  const isShown = href !== null && !action.startsWith("delete-") && (can("admin") || !FOR_ADMINS.includes(href));
  const label = <span class="cut" title={object_id}>{text}</span>;
  return (
    <>
      <span class="muted">{kind?.name ?? title(object_type.replaceAll("-", " "))}</span>{" "}
      {isShown ? <Link href={href}>{label}</Link> : label}
    </>
  );
}

/** What the table does not show; what the caller can choose is named as a claim. */
const detailsOf = (entry: Entry) => ({
  before: entry.before,
  after: entry.after,
  recorded_at: entry.recorded_at,
  request_id: entry.request_id,
  claimed_correlation_id: entry.correlation_id,
  [entry.address_is_claimed ? "claimed_address" : "address"]: entry.address,
});

const SEALS = {
  VOUCHED: <Status of="OK" label="Vouched" />,
  DATABASE: <Status of="OK" label="By the database" />,
  UNVOUCHED: (
    <span title="The row has no valid signature of the API: it was written directly into the database, or while the key was not set.">
      <Status of="FAILED" label="Unvouched" />
      <span class="under unvouched">no valid signature of the API</span>
    </span>
  ),
};

const COLUMNS: Column<Entry>[] = [
  { name: "Time", card: "state", cell: (entry) => <Moment at={entry.at} /> },
  {
    name: "Actor",
    cell: (entry) => (
      <>
        {entry.actor} <small>{entry.actor_role}</small>
      </>
    ),
  },
  { name: "Action", isHead: true, cell: (entry) => title(entry.action.replaceAll("-", " ")) },
  {
    name: "Object",
    cell: (entry) => <AuditedObject entry={entry} />,
  },
  { name: "Reason", cell: (entry) => entry.reason ?? "" },
  { name: "Seal", cell: (entry) => entry.verdict ? SEALS[entry.verdict] : "" },
  {
    name: "Details",
    card: "wide",
    cell: (entry) => (
      <details>
        <summary>Before and after</summary>
        <pre
          tabIndex={0}
        >{JSON.stringify(detailsOf(entry), null, 2)}</pre>
      </details>
    ),
  },
];

export default function Audit() {
  const [filters, change] = useFilters(["actor", "object_type", "action"]);
  const audit = usePages(
    "sync-admin/audit",
    { ...filters, limit: 50 },
    AuditResponse,
    10_000,
  );
  return (
    <Page title="Audit" lead="Every action with its actor, time, object and reason" acts={<Verify />}>
      <div class="filters">
        <TextField
          label="Actor"
          placeholder="operator@example.com"
          value={filters.actor}
          onChange={(actor) => change({ actor: actor.trim() })}
        />
        <TextField
          label="Action"
          placeholder="trigger-sync"
          value={filters.action}
          onChange={(action) => change({ action: action.trim() })}
        />
        <SelectField
          label="Object"
          value={filters.object_type}
          options={[
            ["", "any"],
            ...Object.entries(OBJECTS).map(([type, { name }]) => [type, name] as const),
          ]}
          onChange={(object_type) => change({ object_type })}
        />
        <Export name="audit" path="sync-admin/audit" query={filters} schema={AuditResponse} rowsOf={({ entries }) => entries} />
      </div>
      <Reading of={audit}>
        {({ pages }) => {
          const rows = pages.flatMap(({ entries }) => entries);
          return (
            <>
              {rows.length
                ? (
                  <Table
                    caption="Actions, newest first"
                    columns={COLUMNS}
                    rows={rows}
                    keyOf={(entry) => String(entry.id)}
                  />
                )
                : <Empty>No action matches the filters.</Empty>}
              {audit.hasNextPage && (
                <button
                  type="button"
                  aria-busy={audit.isFetchingNextPage}
                  onClick={() => void audit.fetchNextPage()}
                >
                  Load older actions
                </button>
              )}
            </>
          );
        }}
      </Reading>
    </Page>
  );
}

/** Asks the server to verify the seals of the audit log. */
function Verify() {
  const api = useApi();
  const [answer, setAnswer] = useState<AuditVerifyResponse | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const verify = async () => {
    setBusy(true);
    try {
      const verified = await api.get("sync-admin/audit/verify", AuditVerifyResponse);
      setAnswer(verified);
      setError(null);
      announce(`The audit log is ${title(verified.status).toLowerCase()}.`);
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  return (
    <>
      <div>
        {answer && (
          <>
            <Status of={answer.status} /> {answer.first_bad
              ? answer.first_bad.message
              : `${counted(answer.rows, "sealed row")}, ${counted(answer.unvouched, "row")} unvouched, ${
                counted(answer.unsealed, "row")
              } not sealed yet`}
          </>
        )}
      </div>
      <Refusal error={error} />
      <button
        type="button"
        aria-busy={isBusy}
        onClick={() => void verify()}
      >
        Verify
      </button>
    </>
  );
}
