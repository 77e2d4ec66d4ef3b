import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { Dialog } from "../components/dialog.tsx";
import { LongTextField, SelectField } from "../components/fields.tsx";
import { Refusal } from "../components/states.tsx";
import { title } from "../format.ts";
import { describeError, pathOf, UnusedResponse, useAct } from "../queries.ts";
import { useUser } from "../session.ts";
import type { Incident } from "./incident.ts";

type Action = "acknowledge" | "unacknowledge" | "resolve";
const DIALOG_TITLES: Record<Action, string> = {
  acknowledge: "Acknowledge the incident: it escalates no further",
  unacknowledge: "Withdraw the acknowledgement: the incident fires and escalates again",
  resolve: "Resolve the incident: it opens again if the condition is still met",
};

/** What the role may do with the incident in its state. */
export function Acts({ incident }: { incident: Incident }) {
  const { can } = useUser();
  const [openAction, setOpenAction] = useState<Action | null>(null);
  if (!can("operator") || incident.state === "RESOLVED" || incident.state === "PENDING") return null;
  const possible: Action[] = incident.state === "FIRING" ? ["resolve", "acknowledge"] : ["resolve", "unacknowledge"];
  return (
    <>
      <Link href={pathOf("/alerts/silences", { incident: incident.id })} role="button">Silence</Link>
      {possible.map((action) => (
        <button
          key={action}
          type="button"
          class={action === "acknowledge" ? "primary" : undefined}
          onClick={() => setOpenAction(action)}
        >
          {title(action)}
        </button>
      ))}
      {openAction && <Act incident={incident} action={openAction} onClose={() => setOpenAction(null)} />}
    </>
  );
}

/** How long an acknowledgement can last, in minutes. */
export const EXPIRIES = [["", "until it resolves"], ["30", "for 30 minutes"], ["120", "for 2 hours"], ["480", "for 8 hours"]] as const;

function Act({ incident, action, onClose }: { incident: Incident; action: Action; onClose: () => void }) {
  const [note, setNote] = useState("");
  const [minutes, setMinutes] = useState("");
  const until = minutes ? { until: new Date(Date.now() + Number(minutes) * 60_000).toISOString() } : {};
  const act = useAct(
    () => ({
      method: "POST",
      path: `sync-admin/alerts/${incident.id}/${action}`,
      body: { ...note ? { note } : {}, ...action === "acknowledge" ? until : {} },
    }),
    UnusedResponse,
    onClose,
  );
  const wrong = describeError(act.error).fields;
  return (
    <Dialog title={DIALOG_TITLES[action]} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          act.mutate();
        }}
      >
        <LongTextField
          label="Note"
          help="The note appears in the incident's timeline."
          value={note}
          onChange={setNote}
          error={wrong.note}
        />
        {action === "acknowledge" && (
          <SelectField
            label="How long"
            help="If the condition is still met then, the incident fires again."
            value={minutes}
            options={EXPIRIES}
            onChange={setMinutes}
            error={wrong.until}
          />
        )}
        <Refusal error={act.error} />
        <button type="submit" aria-busy={act.isPending} disabled={act.isPending}>{title(action)}</button>
      </form>
    </Dialog>
  );
}
