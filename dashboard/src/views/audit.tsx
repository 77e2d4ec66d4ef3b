import type { z } from "zod";
import { type AuditEntry, AuditResponse } from "../../../types/admin.ts";
import { useFilters } from "../address.ts";
import { ACTIONS, wordsOf } from "../audit/actions.ts";
import { actionOf, Details } from "../audit/details.tsx";
import { AuditedObject, OBJECTS } from "../audit/object.tsx";
import { useVerify, Verified } from "../audit/verify.tsx";
import { Export } from "../components/export.tsx";
import { SelectField, TextField } from "../components/fields.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { inZoneDay } from "../format.ts";
import { usePages } from "../queries.ts";

type Entry = z.infer<typeof AuditEntry>;

const SEALS = {
  VOUCHED: <Status of="OK" label="Vouched" />,
  DATABASE: <Status of="OK" label="By the database" />,
  UNVOUCHED: (
    <span title="The row has no valid signature of the API: it was written directly into the database, or while the key was not set.">
      <Status of="FAILED" label="Unvouched" />
      <small class="unvouched">no valid signature of the API</small>
    </span>
  ),
};

const COLUMNS: Column<Entry>[] = [
  { name: "Time", card: "state", cell: ({ at }) => <Moment at={at} since={at} /> },
  {
    name: "Actor",
    card: "head",
    cell: ({ actor, actor_role }) => (
      <>
        {actor} <small class="role">{actor_role}</small>
      </>
    ),
  },
  { name: "Action", isHead: true, cell: actionOf },
  { name: "Object", card: "head", cell: (entry) => <AuditedObject entry={entry} /> },
  { name: "Reason", card: "wide", cell: (entry) => entry.reason },
  { name: "Seal", card: "start", cell: (entry) => entry.verdict && SEALS[entry.verdict] },
  { name: "Details", head: <span class="unseen">Details</span>, isNumber: true, card: "end", cell: (entry) => <Details entry={entry} /> },
];

export default function Audit() {
  const [filters, change] = useFilters(["actor", "object_type", "action"]);
  const audit = usePages(
    "sync-admin/audit",
    { ...filters, limit: 50 },
    AuditResponse,
    10_000,
  );
  const verification = useVerify();
  return (
    <Page title="Audit" lead="Every action with its actor, time, object and reason">
      <div class="filters">
        <TextField
          label="Actor"
          placeholder="Email or key"
          value={filters.actor}
          onChange={(actor) => change({ actor: actor.trim() })}
        />
        <SelectField
          label="Action"
          value={filters.action}
          options={[["", "any"], ...ACTIONS.map((action) => [action, wordsOf(action)] as const).sort(([, a], [, b]) => a.localeCompare(b))]}
          onChange={(action) => change({ action })}
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
        <div class="acts export">
          <button type="button" aria-busy={verification.isBusy} disabled={verification.isBusy} onClick={() => void verification.verify()}>
            Verify
          </button>
        </div>
        <Export name="audit" path="sync-admin/audit" query={filters} schema={AuditResponse} rowsOf={({ entries }) => entries} />
      </div>
      <Verified of={verification} />
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
                    groupOf={({ at }) => inZoneDay(at)}
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
