import { useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import type { z } from "zod";
import { ErrorListResponse, type SyncErrorRecord } from "../../../types/history.ts";
import { CopyMenu } from "../components/copy-menu.tsx";
import { Advice } from "../components/error-record.tsx";
import { Dialog } from "../components/dialog.tsx";
import { EntityName } from "../components/entity-name.tsx";
import { ErrorAnalytics } from "../components/error-analytics.tsx";
import { LongTextField } from "../components/fields.tsx";
import { Form } from "../components/form.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Spark } from "../components/spark.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Severity, Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { capitalised, counted, number, title } from "../format.ts";
import { pathOf, UnusedResponse, useAct, usePages } from "../queries.ts";
import { useUser } from "../session.ts";

type ErrorOfGroup = z.infer<typeof SyncErrorRecord>;

const TIME: Column<ErrorOfGroup> = {
  name: "Time",
  isHead: true,
  cell: ({ occurred_at, sync_execution_id }) => {
    const time = <Moment at={occurred_at} hasSeconds />;
    return sync_execution_id ? <Link href={`/runs/${sync_execution_id}`}>{time}</Link> : time;
  },
};
const STATE: Column<ErrorOfGroup> = { name: "State", card: "state", cell: (error) => <State isOpen={error.resolved_at === null} /> };
const SYNC: Column<ErrorOfGroup> = { name: "Sync", cell: (error) => <EntityName of={error.entity_type} /> };
const TOURNAMENT: Column<ErrorOfGroup> = {
  name: "Tournament",
  cell: (error) => error.tournament_no && <Link href={`/tournaments/${error.tournament_no}`}>{error.tournament_no}</Link>,
};
const CONTEXT: Column<ErrorOfGroup> = {
  name: "Context",
  card: "wide",
  cell: (error) =>
    error.error_context !== null && (
      <details>
        <summary>Context</summary>
        <pre tabIndex={0}>{JSON.stringify(error.error_context, null, 2)}</pre>
      </details>
    ),
};

const State = ({ isOpen }: { isOpen: boolean }) => isOpen ? <Status of="PENDING" label="Open" /> : <Status of="RESOLVED" />;

/** The columns in which the errors differ; the head of the view has what all of them share. */
function columnsOf(errors: ErrorOfGroup[]): Column<ErrorOfGroup>[] {
  const differ = (valueOf: (error: ErrorOfGroup) => unknown) => new Set(errors.map(valueOf)).size > 1;
  return [
    TIME,
    ...differ(({ resolved_at }) => resolved_at === null) ? [STATE] : [],
    ...differ(({ entity_type }) => entity_type) ? [SYNC] : [],
    ...errors.some(({ tournament_no }) => tournament_no) ? [TOURNAMENT] : [],
    ...errors.some(({ error_context }) => error_context !== null) ? [CONTEXT] : [],
  ];
}

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
          <Severity of={latest.error_severity} /> {title(latest.error_type)} <code>{latest.error_code}</code>{" "}
          <EntityName of={latest.entity_type} /> <State isOpen={open !== undefined} />
        </>
      )}
      acts={
        <>
          <CopyMenu id={fingerprint} path={pathOf("sync-monitoring/errors", { fingerprint })} />
          {open && can("operator") && <Resolve id={open.id} />}
        </>
      }
    >
      <Reading of={errors}>
        {() =>
          latest
            ? (
              <>
                <Summary error={latest} />
                <About error={latest} />
                <Section title="Occurrences">
                  <Table caption="Errors with the same fingerprint" columns={columnsOf(rows)} rows={rows} keyOf={({ id }) => id} />
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

/** How often the error occurred in the last 30 days, and when; nothing for an older one. */
function Summary({ error: { fingerprint, error_code } }: { error: ErrorOfGroup }) {
  return (
    <ErrorAnalytics period="30d" entity="" filters={{ code: error_code }} every={30_000}>
      {({ groups }) => {
        const group = groups.find((candidate) => candidate.fingerprint === fingerprint);
        return group
          ? (
            <Facts
              of={[
                ["Errors in 30 days", number(group.count)],
                ["Open", number(group.open)],
                ["First seen", <Moment at={group.first_seen} />],
                ["Last seen", <Distance at={group.last_seen} />],
                ["Trend of 30 days", <Spark counts={group.trend} label={`${counted(group.count, "error")} in 30 days`} />],
              ]}
            />
          )
          : null;
      }}
    </ErrorAnalytics>
  );
}

/** The advice for the errors, and the note of their resolution. */
function About({ error }: { error: ErrorOfGroup }) {
  if (!error.recovery_suggestion && !error.resolution_notes) return null;
  return (
    <section class="card pad">
      <Advice of={error} />
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
