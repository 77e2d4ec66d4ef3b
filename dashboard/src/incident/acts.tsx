import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../components/dialog.tsx";
import { LongTextField, SelectField } from "../components/fields.tsx";
import { Refusal } from "../components/states.tsx";
import { describeError, UnusedResponse, useAct } from "../queries.ts";
import { useUser } from "../session.ts";
import type { Incident } from "./incident.ts";

type Action = "acknowledge" | "unacknowledge" | "resolve" | "silence" | "end-silence";
interface ActText {
  button: string;
  title: string;
  effect: string;
}
const TEXTS: Record<Action, ActText> = {
  acknowledge: { button: "Acknowledge", title: "Acknowledge the incident", effect: "An acknowledged incident does not escalate." },
  unacknowledge: {
    button: "Unacknowledge",
    title: "Withdraw the acknowledgement",
    effect: "The incident fires again, and escalates while nobody acknowledges it.",
  },
  resolve: { button: "Resolve", title: "Resolve the incident", effect: "If the condition is still met, the incident opens again." },
  silence: {
    button: "Silence",
    title: "Silence the incident",
    effect: "A silence mutes its notifications. The incident is still recorded.",
  },
  "end-silence": {
    button: "End silence",
    title: "End the silence",
    effect: "Every incident that the silence covers is notified again while it fires.",
  },
};

/** The acts that the state allows, the main act last. */
function actsOf({ state, silence }: Incident): Action[] {
  const others: Action[] = state === "FIRING" ? ["resolve", "acknowledge"] : ["unacknowledge", "resolve"];
  // A pause of the sync also mutes the incident; it has no id, and ends when the sync is resumed.
  return silence?.id ? [...others, "end-silence"] : ["silence", ...others];
}

/** The acts that the role allows on the incident in its state. */
export function Acts({ incident }: { incident: Incident }) {
  const { can } = useUser();
  const [opened, setOpened] = useState<Action | null>(null);
  const acts = can("operator") && ["FIRING", "ACKNOWLEDGED"].includes(incident.state) ? actsOf(incident) : [];
  if (!acts.length) return null;
  return (
    <div class="incident-acts">
      {acts.map((action, index) => (
        <button
          key={action}
          type="button"
          class={index === acts.length - 1 ? "primary" : undefined}
          onClick={() => setOpened(action)}
        >
          {TEXTS[action].button}
        </button>
      ))}
      {opened && <Opened incident={incident} action={opened} onClose={() => setOpened(null)} />}
    </div>
  );
}

/** The dialog of the opened act. */
function Opened({ incident: { id, silence }, ...opened }: { incident: Incident; action: Action; onClose: () => void }) {
  if (opened.action === "silence") return <Silence id={id} {...opened} />;
  if (opened.action === "end-silence") return <EndSilence id={silence?.id ?? ""} {...opened} />;
  return <Change id={id} {...opened} />;
}

/** The possible lengths of an acknowledgement in minutes. */
export const EXPIRIES = [["", "until it resolves"], ["30", "for 30 minutes"], ["120", "for 2 hours"], ["480", "for 8 hours"]] as const;
const isIn = (minutes: string): string => new Date(Date.now() + Number(minutes) * 60_000).toISOString();

/** A change of the state with a note; an acknowledgement has an end. */
function Change({ id, action, onClose }: { id: string; action: Action; onClose: () => void }) {
  const [note, setNote] = useState("");
  const [minutes, setMinutes] = useState("");
  const act = useAct(
    () => ({
      method: "POST",
      path: `sync-admin/alerts/${id}/${action}`,
      body: { ...note ? { note } : {}, ...minutes ? { until: isIn(minutes) } : {} },
    }),
    UnusedResponse,
    onClose,
  );
  const wrong = describeError(act.error).fields;
  return (
    <ActForm action={action} act={act} onClose={onClose}>
      <LongTextField
        label="Note"
        help="The note appears in the timeline of the incident."
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
    </ActForm>
  );
}

const LENGTHS = [["30", "30 minutes"], ["120", "2 hours"], ["480", "8 hours"], ["1440", "1 day"], ["10080", "1 week"]] as const;

/** The dialog for a silence of this incident alone. */
function Silence({ id, onClose }: { id: string; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const [minutes, setMinutes] = useState("120");
  const act = useAct(
    () => ({ method: "POST", path: "sync-admin/silences", body: { incident_id: id, ends_at: isIn(minutes), reason } }),
    UnusedResponse,
    onClose,
  );
  const wrong = describeError(act.error).fields;
  return (
    <ActForm action="silence" act={act} onClose={onClose}>
      <SelectField label="How long" value={minutes} options={LENGTHS} onChange={setMinutes} error={wrong.ends_at} />
      <LongTextField label="Reason" required value={reason} onChange={setReason} error={wrong.reason} />
    </ActForm>
  );
}

function EndSilence({ id, onClose }: { id: string; onClose: () => void }) {
  const act = useAct(() => ({ method: "DELETE", path: `sync-admin/silences/${id}` }), UnusedResponse, onClose);
  return <ActForm action="end-silence" act={act} onClose={onClose} />;
}

/** The dialog of an act with its effect, its fields and its button. */
function ActForm({ action, act, onClose, children }: {
  action: Action;
  act: { mutate: () => void; isPending: boolean; error: unknown };
  onClose: () => void;
  children?: ComponentChildren;
}) {
  const { button, title, effect } = TEXTS[action];
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          act.mutate();
        }}
      >
        <p class="muted">{effect}</p>
        {children}
        <Refusal error={act.error} />
        <button type="submit" aria-busy={act.isPending} disabled={act.isPending}>{button}</button>
      </form>
    </Dialog>
  );
}
