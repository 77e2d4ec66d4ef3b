import { useState } from "preact/hooks";
import { Dialog } from "../components/dialog.tsx";
import { LongTextField } from "../components/fields.tsx";
import { Form } from "../components/form.tsx";
import { counted } from "../format.ts";
import { UnusedResponse, useAct } from "../queries.ts";

/** A button that resolves all open errors with the fingerprint of an error; `open` is their number, null when it is unknown. */
export function Resolve({ id, open }: { id: string; open: number | null }) {
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
      <button type="button" onClick={() => setOpen(true)}>Resolve {open === null ? "all errors" : counted(open, "error")}</button>
      {isOpen && (
        <Dialog
          title="Resolve all open errors with this fingerprint"
          onClose={() => setOpen(false)}
        >
          <Form of={act} isChanged={note !== ""} onSubmit={() => act.mutate()} submit="Resolve">
            <LongTextField
              name="note"
              label="Note (optional)"
              help="Describe the fix. If the error occurs again, the page shows it as a regression."
              value={note}
              onChange={setNote}
            />
          </Form>
        </Dialog>
      )}
    </>
  );
}
