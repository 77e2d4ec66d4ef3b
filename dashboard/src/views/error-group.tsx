import { useState } from "preact/hooks";
import { useParams } from "wouter-preact";
import { ErrorListResponse } from "../../../types/history.ts";
import { Dialog } from "../components/dialog.tsx";
import { ErrorRecord } from "../components/error-record.tsx";
import { LongTextField } from "../components/fields.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { describeError, UnusedResponse, useAct, usePages } from "../queries.ts";
import { useUser } from "../session.ts";

/** The errors of one fingerprint, newest first, and a button that resolves all of them. */
export default function ErrorGroup() {
  const fingerprint = decodeURIComponent(useParams().fingerprint ?? "");
  const errors = usePages(
    "sync-monitoring/errors",
    { fingerprint, limit: 20 },
    ErrorListResponse,
  );
  const open = errors.data?.pages.flatMap((page) => page.errors).find((error) => error.resolved_at === null);
  const { can } = useUser();
  return (
    <Page
      title="Errors with the same fingerprint"
      lead={<code>{fingerprint}</code>}
      acts={open && can("operator") && <Resolve id={open.id} />}
    >
      <Reading of={errors}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.errors);
          if (!rows.length) {
            return <Empty>No error has this fingerprint.</Empty>;
          }
          return (
            <>
              {rows.map((error) => <ErrorRecord key={error.id} of={error} />)}
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
          );
        }}
      </Reading>
    </Page>
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
          <form
            onSubmit={(event) => {
              event.preventDefault();
              act.mutate();
            }}
          >
            <LongTextField
              label="Note"
              help="The fix. If the error occurs again, it is shown as a regression."
              value={note}
              onChange={setNote}
              error={describeError(act.error).fields.note}
            />
            <Refusal error={act.error} />
            <button
              type="submit"
              aria-busy={act.isPending}
              disabled={act.isPending}
            >
              Resolve
            </button>
          </form>
        </Dialog>
      )}
    </>
  );
}
