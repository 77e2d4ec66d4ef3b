import { ShieldCheck } from "lucide-preact";
import type { z } from "zod";
import { type AuditEntry, AuditResponse } from "../../../types/admin.ts";
import { useFilters } from "../address.ts";
import { ACTIONS, wordsOf } from "../audit/actions.ts";
import { actionOf, Details } from "../audit/details.tsx";
import { AuditedObject, OBJECTS } from "../audit/object.tsx";
import { useVerify, Verified } from "../audit/verify.tsx";
import { Export } from "../components/export.tsx";
import { SelectField, TextField } from "../components/fields.tsx";
import { Filters } from "../components/filters.tsx";
import { Page } from "../components/page.tsx";
import { RangePicker } from "../components/range-picker.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { inZoneDay, inZoneShort } from "../format.ts";
import { usePages } from "../queries.ts";

type Entry = z.infer<typeof AuditEntry>;

/** The proof of an action by the verdict of its row. */
const PROOFS = {
  VOUCHED: (
    <span title="The server signed the row.">
      <Status of="OK" label="Signed" />
    </span>
  ),
  DATABASE: (
    <span title="The database wrote the row itself, for example for retention.">
      <Status of="OK" label="Database" />
    </span>
  ),
  UNVOUCHED: (
    <span title="The server did not sign the row: it was written directly into the database, or while the key was not set.">
      <Status of="FAILED" label="Not signed" />
      <small class="unvouched">not written by the server</small>
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
  {
    name: "Proof",
    card: "start",
    cell: (entry) => entry.verdict ? PROOFS[entry.verdict] : <span class="muted">not sealed yet</span>,
  },
  { name: "Details", head: <span class="unseen">Details</span>, isNumber: true, card: "end", cell: (entry) => <Details entry={entry} /> },
];

const DAY_S = 86_400;
const secondsOf = (moment: string): number => Date.parse(moment) / 1_000;
const momentOf = (seconds: number): string => new Date(seconds * 1_000).toISOString();

/** The choice of the period of the actions; the default choice is the last day, and without a choice every action is shown. */
function Time({ from, to, onChoose }: { from: string; to: string; onChoose: (period: { from: string; to: string }) => void }) {
  const now = Date.now() / 1_000;
  const isSet = from !== "" && to !== "";
  return (
    <div class="field period" role="group" aria-label="Period">
      <span class="label">Period</span>
      <RangePicker
        range={isSet ? [secondsOf(from), secondsOf(to)] : [now - DAY_S, now]}
        label={isSet ? `${inZoneShort(from)} – ${inZoneShort(to)}` : "any time"}
        onChoose={(from, until) => onChoose({ from: momentOf(from), to: momentOf(until) })}
      />
    </div>
  );
}

export default function Audit() {
  const [filters, change] = useFilters(["actor", "object_type", "action", "from", "to"]);
  const audit = usePages(
    "sync-admin/audit",
    { ...filters, limit: 50 },
    AuditResponse,
    10_000,
  );
  const verification = useVerify();
  return (
    <Page
      title="Audit"
      lead="Every action with its actor, time, object and reason. A change of the log breaks its seals."
      acts={
        <>
          <Export name="audit" path="sync-admin/audit" query={filters} schema={AuditResponse} rowsOf={({ entries }) => entries} />
          <button type="button" aria-busy={verification.isBusy} disabled={verification.isBusy} onClick={() => void verification.verify()}>
            <ShieldCheck aria-hidden="true" /> Verify
          </button>
        </>
      }
    >
      <Filters
        first={
          <TextField
            label="Actor"
            placeholder="Email or key"
            value={filters.actor}
            onChange={(actor) => change({ actor: actor.trim() })}
          />
        }
        set={[filters.action, filters.object_type, filters.from].filter(Boolean).length}
        onClear={() => change({ action: "", object_type: "", from: "", to: "" })}
      >
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
        <Time from={filters.from} to={filters.to} onChoose={change} />
      </Filters>
      <Verified of={verification} />
      <Reading of={audit}>
        {({ pages }) => {
          const rows = pages.flatMap(({ entries }) => entries);
          return (
            <>
              {rows.length
                ? (
                  <div class="quiet-states">
                    <Table
                      caption="Actions, newest first"
                      columns={COLUMNS}
                      rows={rows}
                      keyOf={(entry) => String(entry.id)}
                      groupOf={({ at }) => inZoneDay(at)}
                    />
                  </div>
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
