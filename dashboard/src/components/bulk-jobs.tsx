import { useState } from "preact/hooks";
import type { z } from "zod";
import type { Job } from "../../../types/jobs.ts";
import { ApiError } from "../api.ts";
import type { Bulk } from "../bulk.ts";
import { counted } from "../format.ts";
import { BulkDialog } from "./bulk-dialog.tsx";
import { LongTextField } from "./fields.tsx";
import { type Selection, SelectionBar } from "./selection.tsx";

type Jobs = z.infer<typeof Job>[];

/** Requeues the selected jobs; an act is on the jobs that were selected when its dialog opened. */
export function JobActs({ selection, bulk, nameOf }: {
  selection: Selection<Jobs[number]>;
  bulk: Bulk<Jobs[number]>;
  nameOf: (job: Jobs[number]) => string;
}) {
  const [items, setItems] = useState<Jobs | null>(null);
  const [reason, setReason] = useState("");
  const { selected } = selection;
  const requeue = async () => {
    await bulk.run(items ?? [], {
      changeOf: ({ id }) => ({
        method: "POST",
        path: `sync-admin/jobs/${id}/requeue`,
        body: reason.trim() ? { reason } : {},
      }),
      done: "queued again",
      refusalOf: (error) => error instanceof ApiError && error.status === 429 ? "over the limit of triggers" : "not queued",
    });
    selection.select([]);
    setReason("");
  };
  return (
    <>
      <SelectionBar of={selection}>
        <button
          type="button"
          class="primary"
          onClick={() => {
            bulk.forget();
            setItems(selected);
          }}
        >
          Sync {selected.length} again
        </button>
      </SelectionBar>
      {items && (
        <BulkDialog
          title={`Sync ${counted(items.length, "failed job")} again`}
          items={items.map(nameOf)}
          label={`Sync ${items.length} again`}
          isPending={bulk.isPending}
          onClose={() => setItems(null)}
          onSubmit={requeue}
        >
          {(wrong) => (
            <LongTextField
              label="Reason"
              help="Empty keeps the reason of each job. Jobs of one target that wait become one."
              value={reason}
              onChange={setReason}
              error={wrong.reason}
            />
          )}
        </BulkDialog>
      )}
    </>
  );
}
