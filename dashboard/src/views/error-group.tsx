import { useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import type { z } from "zod";
import { ErrorListResponse, type SyncErrorRecord } from "../../../types/history.ts";
import { Dialog } from "../components/dialog.tsx";
import { EntityName } from "../components/entity-name.tsx";
import { LongTextField } from "../components/fields.tsx";
import { Form } from "../components/form.tsx";
import { Page, Section } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Severity, Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { capitalised, title } from "../format.ts";
import { UnusedResponse, useAct, usePages } from "../queries.ts";
import { useUser } from "../session.ts";

type ErrorOfGroup = z.infer<typeof SyncErrorRecord>;

const COLUMNS: Column<ErrorOfGroup>[] = [
  { name: "Time", isHead: true, cell: (error) => <Moment at={error.occurred_at} hasSeconds /> },
  { name: "State", card: "state", cell: (error) => error.resolved_at ? <Status of="RESOLVED" /> : <Status of="PENDING" label="Open" /> },
  { name: "Sync", cell: (error) => <EntityName of={error.entity_type} /> },
  {
    name: "Tournament",
    cell: (error) => error.tournament_no && <Link href={`/tournaments/${error.tournament_no}`}>{error.tournament_no}</Link>,
  },
  { name: "Run", cell: (error) => error.sync_execution_id && <Link href={`/runs/${error.sync_execution_id}`}>Open the run</Link> },
  {
    name: "Context",
    card: "wide",
    cell: (error) =>
      error.error_context !== null && (
        <details>
          <summary>Context</summary>
          <pre tabIndex={0}>{JSON.stringify(error.error_context, null, 2)}</pre>
        </details>
      ),
  },
];

/** The errors of one fingerprint, newest first, and a button that resolves all of them. */
export default function ErrorGroup() {
  const fingerprint = decodeURIComponent(useParams().fingerprint ?? "");
  const errors = usePages("sync-monitoring/errors", { fingerprint, limit: 50 }, ErrorListResponse);
  const rows = errors.data?.pages.flatMap((page) => page.errors) ?? [];
  const open = rows.find((error) => error.resolved_at === null), latest = rows[0];
  const { can } = useUser();
  return (
    <Page
      title={latest ? capitalised(latest.error_message) : "Errors with the same fingerprint"}
      crumb={<Link href="/errors">Errors</Link>}
      lead={latest && (
        <>
          <Severity of={latest.error_severity} /> {title(latest.error_type)} <code>{latest.error_code}</code>
        </>
      )}
      acts={open && can("operator") && <Resolve id={open.id} />}
    >
      <Reading of={errors}>
        {() =>
          latest
            ? (
              <>
                <About error={latest} fingerprint={fingerprint} />
                <Section title="Occurrences">
                  <Table caption="Errors with the same fingerprint" columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />
                </Section>
                {errors.hasNextPage && (
                  <button
                    type="button"
                    aria-busy={errors.isFetchingNextPage}
                    onClick={() => void errors.fetchNextPage()}
                  >
                    Load older errors
                  </button>
                )}
              </>
            )
            : <Empty>No error has this fingerprint.</Empty>}
      </Reading>
    </Page>
  );
}

/** What to do about the errors, and what was noted when they were resolved. */
function About({ error, fingerprint }: { error: ErrorOfGroup; fingerprint: string }) {
  return (
    <section class="card pad">
      {error.recovery_suggestion && (
        <p>
          <strong>What to do:</strong> {error.recovery_suggestion}
        </p>
      )}
      {error.resolution_notes && (
        <p>
          <strong>Resolved:</strong> {error.resolution_notes}
        </p>
      )}
      <p class="muted">
        Fingerprint <code>{fingerprint}</code>
      </p>
    </section>
  );
}

function Resolve({ id }: { id: string }) {
  const [isOpen, setOpen] = useState(false);
  const [note, setNote] = useState("");
  const act = useAct(
    () => ({
      method: "POST",
      path: `sync-admin/errors/${id}/resolve`,
      body: { group: true, ...note ? { note } : {} },
    }),
    UnusedResponse,
    () => setOpen(false),
  );
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>Resolve all</button>
      {isOpen && (
        <Dialog
          title="Resolve all open errors with this fingerprint"
          onClose={() => setOpen(false)}
        >
          <Form of={act} isChanged={note !== ""} onSubmit={() => act.mutate()} submit="Resolve">
            <LongTextField
              name="note"
              label="Note (optional)"
              help="The fix. If the error occurs again, it is shown as a regression."
              value={note}
              onChange={setNote}
            />
          </Form>
        </Dialog>
      )}
    </>
  );
}
