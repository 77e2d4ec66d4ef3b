import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "./dialog.tsx";
import { Refusal } from "./states.tsx";
import { describeError } from "../queries.ts";

const SHOWN = 5;

/** A form that acts on several items; it stays open with the reasons when the request is invalid. */
export function BulkDialog({ title, items, label, isPending, onSubmit, onClose, children }: {
  title: string;
  /** The names of the items. */
  items: string[];
  label: string;
  isPending: boolean;
  onSubmit: () => Promise<void>;
  onClose: () => void;
  /** The fields, which receive the refusal of each by its name. */
  children: (wrong: Record<string, string>) => ComponentChildren;
}) {
  const [error, setError] = useState<unknown>(null);
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void onSubmit().then(onClose, setError);
        }}
      >
        <ul class="items muted">
          {items.slice(0, SHOWN).map((item, index) => <li key={index}>{item}</li>)}
          {items.length > SHOWN && <li>and {items.length - SHOWN} more</li>}
        </ul>
        {children(describeError(error).fields)}
        <Refusal error={error} />
        <button type="submit" aria-busy={isPending} disabled={isPending}>{label}</button>
      </form>
    </Dialog>
  );
}

/** The items that a bulk act could not change, each with the reason. */
export function Refused<T>({ of: refused, nameOf, onForget }: {
  of: { item: T; message: string }[];
  nameOf: (item: T) => ComponentChildren;
  onForget: () => void;
}) {
  if (!refused.length) return null;
  return (
    <div class="notice">
      <ul class="links">
        {refused.map(({ item, message }, index) => (
          <li key={index}>
            {nameOf(item)}: {message}
          </li>
        ))}
      </ul>
      <button type="button" class="small" onClick={onForget}>Dismiss</button>
    </div>
  );
}
