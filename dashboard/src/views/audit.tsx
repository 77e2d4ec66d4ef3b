import { useState } from "preact/hooks";
import type { z } from "zod";
import { type AuditEntry, AuditResponse, AuditVerifyResponse } from "../../../types/admin.ts";
import { useApi } from "../api.ts";
import { useFilters } from "../address.ts";
import { SelectField, TextField } from "../components/fields.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { number, title, words } from "../format.ts";
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

const COLUMNS: Column<z.infer<typeof AuditEntry>>[] = [
  { name: "When", isHead: true, cell: (one) => <Moment at={one.at} /> },
  {
    name: "Who",
    cell: (one) => (
      <>
        {one.actor} <small>{one.actor_role}</small>
      </>
    ),
  },
  { name: "Did", cell: (one) => title(one.action.replaceAll("-", " ")) },
  {
    name: "To",
    cell: (one) => (
      <>
        {words(one.object_type.replaceAll("-", " "))} <span class="cut" title={one.object_id}>{one.object_id}</span>
      </>
    ),
  },
  { name: "Reason", cell: (one) => one.reason ?? "" },
  {
    name: "Before and after",
    cell: (one) => (
      <details>
        <summary>Show</summary>
        <pre
          tabIndex={0}
        >{JSON.stringify({ before: one.before, after: one.after, request_id: one.request_id, address: one.address }, null, 2)}</pre>
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
    <Page title="Audit" lead="Who did what, when and why" acts={<Verify />}>
      <div class="filters">
        <TextField
          label="Who"
          placeholder="operator@example.com"
          value={filters.actor}
          onChange={(actor) => change({ actor: actor.trim() })}
        />
        <TextField
          label="Did"
          placeholder="trigger-sync"
          value={filters.action}
          onChange={(action) => change({ action: action.trim() })}
        />
        <SelectField
          label="To"
          value={filters.object_type}
          options={[
            ["", "anything"],
            ...OBJECTS.map((name) => [name, title(name.replaceAll("-", " "))] as const),
          ]}
          onChange={(object_type) => change({ object_type })}
        />
      </div>
      <Reading of={audit}>
        {({ pages }) => {
          const rows = pages.flatMap(({ entries }) => entries);
          return (
            <>
              {rows.length
                ? (
                  <Table
                    caption="Acts, newest first"
                    columns={COLUMNS}
                    rows={rows}
                    keyOf={(one) => String(one.id)}
                  />
                )
                : <Empty>Nobody did anything like that.</Empty>}
              {audit.hasNextPage && (
                <button
                  type="button"
                  class="secondary"
                  aria-busy={audit.isFetchingNextPage}
                  onClick={() => void audit.fetchNextPage()}
                >
                  Older ones
                </button>
              )}
            </>
          );
        }}
      </Reading>
    </Page>
  );
}

/** Asks the server whether the record was touched. */
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
            <Status of={answer.status} />{" "}
            {answer.first_bad ? answer.first_bad.message : `${number(answer.rows)} sealed rows, ${number(answer.unsealed)} not yet sealed`}
          </>
        )}
      </div>
      <Refusal error={error} />
      <button
        type="button"
        class="secondary"
        aria-busy={isBusy}
        onClick={() => void verify()}
      >
        Verify
      </button>
    </>
  );
}
