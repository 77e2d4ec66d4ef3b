import { useState } from "preact/hooks";
import type { Entity } from "../../../types/admin.ts";
import { UnusedResponse, useAct } from "../queries.ts";
import { Dialog } from "./dialog.tsx";
import { LongTextField } from "./fields.tsx";
import { Form } from "./form.tsx";

/** Pauses or resumes the schedule of an entity, with a reason. */
export function Pause({ entity }: { entity: Entity }) {
  const [isOpen, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const isPaused = entity.paused_at !== null;
  const act = useAct(
    () => ({
      method: "PATCH",
      path: `sync-admin/entities/${entity.entity_type}`,
      body: { is_paused: !isPaused, reason },
    }),
    UnusedResponse,
    () => setOpen(false),
  );
  const open = () => {
    act.reset();
    setReason("");
    setOpen(true);
  };
  return (
    <>
      <button type="button" onClick={open}>
        {isPaused ? "Resume" : "Pause"}
      </button>
      {isOpen && (
        <Dialog
          title={isPaused ? "Resume the schedule" : "Pause the schedule"}
          onClose={() => setOpen(false)}
        >
          <Form of={act} isChanged={reason !== ""} onSubmit={() => act.mutate()} submit={isPaused ? "Resume" : "Pause"}>
            <LongTextField
              name="reason"
              label="Reason"
              help="3 to 500 characters; it is written to the audit log."
              required
              value={reason}
              onChange={setReason}
            />
          </Form>
        </Dialog>
      )}
    </>
  );
}
