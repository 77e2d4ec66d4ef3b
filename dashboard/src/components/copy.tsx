import { Check, Copy as CopyIcon } from "lucide-preact";
import { useEffect, useState } from "preact/hooks";
import { announce } from "../announce.ts";

/** A function that copies a text and announces its label, and whether a copy was made in the last two seconds. */
export function useCopy(): [isCopied: boolean, copy: (text: string, label: string) => void] {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    const timer = isCopied ? setTimeout(() => setCopied(false), 2_000) : undefined;
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = (text: string, label: string) =>
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      announce(`Copied ${label}`);
    });
  return [isCopied, copy];
}

/** A short form of a text, with a button that copies the whole text. */
export function Copy({ text, label, shown = text.slice(0, 8) }: { text: string; label: string; shown?: string }) {
  const [isCopied, copy] = useCopy();
  return (
    <span class="copy">
      <code title={text}>{shown}</code>{" "}
      <button type="button" class="plain" aria-label={`Copy ${label}`} onClick={() => copy(text, label)}>
        {isCopied ? <Check aria-hidden="true" /> : <CopyIcon aria-hidden="true" />}
      </button>
    </span>
  );
}
