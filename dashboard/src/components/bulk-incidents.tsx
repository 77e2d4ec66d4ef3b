import { useState } from "preact/hooks";
import type { AlertIncident } from "../../../types/alerts.ts";
import { ApiError } from "../api.ts";
import type { Bulk, BulkAct } from "../bulk.ts";
import { counted } from "../format.ts";
import { EXPIRIES } from "../incident/acts.tsx";
import { inMinutes, SILENCE_LENGTHS } from "../silence.ts";
import { BulkDialog } from "./bulk-dialog.tsx";
import { LongTextField, SelectField } from "./fields.tsx";
import { type Selection, SelectionBar } from "./selection.tsx";

type Kind = "acknowledge" | "silence";

/** The reason of a refusal; only live incidents can be selected, so an incident in a wrong state has resolved in the meantime. */
const refusalOf = (done: string) => (error: unknown): string =>
  error instanceof ApiError && ["ALERT_STATE", "NOT_FOUND"].includes(error.code) ? "already resolved" : `not ${done}`;

const nameOf = ({ cause, scope }: AlertIncident): string => `${cause} (${scope})`;

/** The acts of an operator on the selected incidents; an act is on the incidents that were selected when its dialog opened. */
export function IncidentActs({ selection, bulk }: { selection: Selection<AlertIncident>; bulk: Bulk<AlertIncident> }) {
  const [begun, setBegun] = useState<{ kind: Kind; items: AlertIncident[] } | null>(null);
  const { selected } = selection;
  const firing = selected.filter(({ state }) => state === "FIRING");
  const begin = (kind: Kind, items: AlertIncident[]) => () => {
    bulk.forget();
    setBegun({ kind, items });
  };
  const run = async (act: BulkAct<AlertIncident>) => {
    await bulk.run(begun?.items ?? [], act);
    selection.select([]);
  };
  const dialog = { items: begun?.items ?? [], isPending: bulk.isPending, onClose: () => setBegun(null), run };
  return (
    <>
      <SelectionBar of={selection}>
        <button type="button" class="primary" disabled={firing.length === 0} onClick={begin("acknowledge", firing)}>
          Acknowledge {firing.length}
        </button>
        <button type="button" onClick={begin("silence", selected)}>Silence {selected.length}</button>
      </SelectionBar>
      {begun?.kind === "acknowledge" && <AcknowledgeDialog {...dialog} />}
      {begun?.kind === "silence" && <SilenceDialog {...dialog} />}
    </>
  );
}

interface Parts {
  items: AlertIncident[];
  isPending: boolean;
  onClose: () => void;
  run: (act: BulkAct<AlertIncident>) => Promise<void>;
}

function AcknowledgeDialog({ items, isPending, onClose, run }: Parts) {
  const [note, setNote] = useState("");
  const [minutes, setMinutes] = useState("");
  const body = { ...note.trim() ? { note } : {}, ...minutes ? { until: inMinutes(minutes) } : {} };
  return (
    <BulkDialog
      title={`Acknowledge ${counted(items.length, "incident")}`}
      items={items.map(nameOf)}
      label={`Acknowledge ${items.length}`}
      isPending={isPending}
      onClose={onClose}
      onSubmit={() =>
        run({
          changeOf: ({ id }) => ({ method: "POST", path: `sync-admin/alerts/${id}/acknowledge`, body }),
          done: "acknowledged",
          refusalOf: refusalOf("acknowledged"),
        })}
    >
      {(wrong) => (
        <>
          <LongTextField label="Note" help="Appears in the timeline of each incident." value={note} onChange={setNote} error={wrong.note} />
          <SelectField
            label="How long"
            help="If the condition is still met then, the incident fires again."
            value={minutes}
            options={EXPIRIES}
            onChange={setMinutes}
            error={wrong.until}
          />
        </>
      )}
    </BulkDialog>
  );
}

function SilenceDialog({ items, isPending, onClose, run }: Parts) {
  const [reason, setReason] = useState("");
  const [minutes, setMinutes] = useState("120");
  return (
    <BulkDialog
      title={`Silence ${counted(items.length, "incident")}`}
      items={items.map(nameOf)}
      label={`Silence ${items.length}`}
      isPending={isPending}
      onClose={onClose}
      onSubmit={() =>
        run({
          changeOf: ({ id }) => ({
            method: "POST",
            path: "sync-admin/silences",
            body: { incident_id: id, ends_at: inMinutes(minutes), reason },
          }),
          done: "silenced",
          refusalOf: refusalOf("silenced"),
        })}
    >
      {(wrong) => (
        <>
          <SelectField label="Ends in" value={minutes} options={SILENCE_LENGTHS} onChange={setMinutes} error={wrong.ends_at} />
          <LongTextField
            label="Reason"
            help="One silence for each incident; the audit log has the reason."
            required
            value={reason}
            onChange={setReason}
            error={wrong.reason}
          />
        </>
      )}
    </BulkDialog>
  );
}
