import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

/** Opens a dialog element as a modal dialog while its component is shown. */
export function useModal(): RefObject<HTMLDialogElement> {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // `close` returns the focus to the control that opened the dialog; the removal of an open dialog does not.
    return () => element?.close();
  }, []);
  return dialog;
}

/** A modal dialog with the focus on its first field; the element of the browser keeps the focus inside and closes on Escape. */
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
      // The close event of a removed dialog can arrive when the next dialog is open.
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
