import { useState } from "preact/hooks";
import type { Entity } from "../../../types/admin.ts";
import { describeError, UnusedResponse, useAct } from "../queries.ts";
import { Dialog } from "./dialog.tsx";
import { LongTextField } from "./fields.tsx";
import { Refusal } from "./states.tsx";

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
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        {isPaused ? "Resume" : "Pause"}
      </button>
      {isOpen && (
        <Dialog
          title={isPaused ? "Resume the schedule" : "Pause the schedule"}
          onClose={() => setOpen(false)}
        >
          <form
            onSubmit={(event) => {
              event.preventDefault();
              act.mutate();
            }}
          >
            <LongTextField
              label="Reason"
              help="It is written to the audit log."
              required
              value={reason}
              onChange={setReason}
              error={describeError(act.error).fields.reason}
            />
            <Refusal error={act.error} />
            <button
              type="submit"
              aria-busy={act.isPending}
              disabled={act.isPending}
            >
              {isPaused ? "Resume" : "Pause"}
            </button>
          </form>
        </Dialog>
      )}
    </>
  );
}
