import { Check, Copy as CopyIcon } from "lucide-preact";
import { useEffect, useState } from "preact/hooks";
import { announce } from "../announce.ts";

/** A short form of a text, with a button that copies the whole text. */
export function Copy({ text, label, shown = text.slice(0, 8) }: { text: string; label: string; shown?: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    const timer = isCopied ? setTimeout(() => setCopied(false), 2_000) : undefined;
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <span class="copy">
      <code title={text}>{shown}</code>{" "}
      <button
        type="button"
        class="plain"
        aria-label={`Copy ${label}`}
        onClick={() =>
          void navigator.clipboard.writeText(text).then(() => {
            setCopied(true);
            announce(`Copied ${label}`);
          })}
      >
        {isCopied ? <Check aria-hidden="true" /> : <CopyIcon aria-hidden="true" />}
      </button>
    </span>
  );
}
