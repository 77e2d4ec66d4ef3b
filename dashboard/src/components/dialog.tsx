import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

/** A modal dialog, which opens on its first field; the browser's own element keeps the focus inside and closes on Escape. */
export function Dialog(
  { title, onClose, children }: {
    title: string;
    onClose: () => void;
    children: ComponentChildren;
  },
) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    element?.querySelector<HTMLElement>("[autofocus], form :is(input:not([hidden]), select, textarea, button)")?.focus();
    // Closing returns the focus to the control that opened the dialog, which the removal of an open one does not.
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onClose={onClose}
      onCancel={onClose}
    >
      <article>
        <header>
          <button
            type="button"
            class="close"
            aria-label="Close"
            onClick={onClose}
          >
            ✕
          </button>
          <h2 id={id}>{title}</h2>
        </header>
        {children}
      </article>
    </dialog>
  );
}
