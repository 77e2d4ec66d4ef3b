import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

/** A modal dialog; the browser's own element keeps the focus inside and closes on Escape. */
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
    const previousFocus = document.activeElement;
    const element = dialog.current;
    element?.showModal();
    // Without a choice the browser focuses the first button, which closes the dialog.
    element?.querySelector<HTMLElement>("[autofocus], input:not([hidden]), select, textarea")?.focus();
    return () => {
      // While a dialog is open, the rest of the page takes no focus.
      element?.close();
      if (previousFocus instanceof HTMLElement) previousFocus.focus();
    };
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
