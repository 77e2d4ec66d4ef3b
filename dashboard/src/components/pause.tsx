import { useState } from "preact/hooks";
import type { Entity } from "../../../types/admin.ts";
import { Anything, useAct, wordsOf } from "../queries.ts";
import { Dialog } from "./dialog.tsx";
import { LongTextField } from "./fields.tsx";
import { Refusal } from "./states.tsx";

/** Stops the schedule of an entity, or lets it go on, for a reason. */
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
    Anything,
    () => setOpen(false),
  );
  return (
    <>
      <button type="button" class="secondary" onClick={() => setOpen(true)}>
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
              help="It is kept in the audit."
              required
              value={reason}
              onChange={setReason}
              error={wordsOf(act.error).fields.reason}
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
