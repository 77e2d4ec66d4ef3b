import { useEffect } from "preact/hooks";

/**
 * Keeps the place of a person who works with the keyboard. A browser takes the focus from an element that is removed or disabled, e.g. by the
 * act of its own button. The focus then returns to the enabled element, or moves to the title when the element was removed.
 */
export function useKeptFocus(): void {
  useEffect(() => {
    let focused: HTMLElement | null = null;
    const remember = ({ target }: FocusEvent) => focused = target as HTMLElement;
    // With a pointer, a person also takes the focus away on purpose.
    const forget = () => focused = null;
    // The answer to an act also adds or removes an element, so the observer is called once the button is enabled again.
    const observer = new MutationObserver(() => {
      if (!focused || document.activeElement !== document.body) return;
      const next = focused.isConnected ? focused : document.querySelector<HTMLElement>("h1");
      next?.focus({ preventScroll: true });
    });
    addEventListener("focusin", remember);
    addEventListener("pointerdown", forget);
    observer.observe(document.body, { childList: true, subtree: true });
    return () => {
      removeEventListener("focusin", remember);
      removeEventListener("pointerdown", forget);
      observer.disconnect();
    };
  }, []);
}
