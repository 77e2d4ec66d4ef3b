import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

/** Opens a dialog element as a modal one while its component is shown. */
export function useModal(): RefObject<HTMLDialogElement> {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // Closing returns the focus to the control that opened the dialog, which the removal of an open one does not.
    return () => element?.close();
  }, []);
  return dialog;
}

/** A modal dialog, which opens on its first field; the browser's own element keeps the focus inside and closes on Escape. */
export function Dialog(
  { title, onClose, children }: {
    title: string;
    onClose: () => void;
    children: ComponentChildren;
  },
) {
  const dialog = useModal();
  const id = useId();
  useEffect(() => {
    dialog.current?.querySelector<HTMLElement>("[autofocus], form :is(input:not([hidden]), select, textarea, button)")?.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      // The event of a dialog that is removed can come when the next one is open.
      onClose={({ currentTarget }) => currentTarget.isConnected && onClose()}
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
