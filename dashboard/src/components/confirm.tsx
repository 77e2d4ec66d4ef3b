import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { z } from "zod";
import type { Change } from "../api.ts";
import { useAct } from "../queries.ts";
import { Dialog } from "./dialog.tsx";
import { Refusal } from "./states.tsx";

/** The question before an act that cannot be undone. */
export function ConfirmDialog({ title, confirm, act, onConfirm, onClose, children }: {
  /** The text of the question. */
  title: string;
  /** The act in words, as the label of its button. */
  confirm: string;
  act: { error: unknown; isPending: boolean };
  onConfirm: () => void;
  onClose: () => void;
  /** The effect of the act. */
  children: ComponentChildren;
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{children}</p>
      <Refusal error={act.error} />
      <div class="acts">
        <button type="button" autofocus onClick={onClose}>Cancel</button>
        <button type="button" class="danger" aria-busy={act.isPending} disabled={act.isPending} onClick={onConfirm}>{confirm}</button>
      </div>
    </Dialog>
  );
}

/** A button for an act that cannot be undone; it opens a dialog, whose button sends the change. */
export function Confirm<T>({ label, name, title, confirm, change, schema, onDone, class: look = "danger", children }: {
  label: string;
  /** The name of the button for screen readers, when its label is not enough. */
  name?: string;
  title: string;
  confirm: string;
  change: Change;
  schema: z.ZodType<T>;
  onDone?: (answer: T) => void;
  class?: string;
  children: ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(false);
  const act = useAct(() => change, schema, (answer) => {
    setOpen(false);
    onDone?.(answer);
  });
  const open = () => {
    act.reset();
    setOpen(true);
  };
  return (
    <>
      <button type="button" class={look} aria-label={name} onClick={open}>{label}</button>
      {isOpen && (
        <ConfirmDialog title={title} confirm={confirm} act={act} onConfirm={() => act.mutate()} onClose={() => setOpen(false)}>
          {children}
        </ConfirmDialog>
      )}
    </>
  );
}
