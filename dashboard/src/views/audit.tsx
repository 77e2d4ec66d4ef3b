import { useState } from "preact/hooks";
import type { z } from "zod";
import { type AuditEntry, AuditResponse, AuditVerifyResponse } from "../../../types/admin.ts";
import { useApi } from "../api.ts";
import { useFilters } from "../address.ts";
import { Export } from "../components/export.tsx";
import { SelectField, TextField } from "../components/fields.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { counted, title, words } from "../format.ts";
import { usePages } from "../queries.ts";

const OBJECTS = [
  "alert",
  "alert-rule",
  "channel",
  "entity",
  "error",
  "job",
  "notification",
  "silence",
];

/** What the table does not show; what the caller can choose is named as a claim. */
const detailsOf = (entry: z.infer<typeof AuditEntry>) => ({
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
  UNVOUCHED: <Status of="FAILED" label="Unvouched" />,
};

const COLUMNS: Column<z.infer<typeof AuditEntry>>[] = [
  { name: "Time", isHead: true, cell: (entry) => <Moment at={entry.at} /> },
  {
    name: "Actor",
    cell: (entry) => (
      <>
        {entry.actor} <small>{entry.actor_role}</small>
      </>
    ),
  },
  { name: "Action", cell: (entry) => title(entry.action.replaceAll("-", " ")) },
  {
    name: "Object",
    cell: (entry) => (
      <>
        {words(entry.object_type.replaceAll("-", " "))} <span class="cut" title={entry.object_id}>{entry.object_id}</span>
      </>
    ),
  },
  { name: "Reason", cell: (entry) => entry.reason ?? "" },
  { name: "Seal", cell: (entry) => entry.verdict ? SEALS[entry.verdict] : "" },
  {
    name: "Before and after",
    cell: (entry) => (
      <details>
        <summary>Show</summary>
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
            ...OBJECTS.map((name) => [name, title(name.replaceAll("-", " "))] as const),
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
      setAnswer(await api.get("sync-admin/audit/verify", AuditVerifyResponse));
      setError(null);
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  return (
    <>
      <div role="status">
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
