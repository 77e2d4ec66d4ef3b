import { useEffect, useState } from "preact/hooks";
import { onAnnouncement } from "../announce.ts";

const SHOWN_MS = 8_000;

/** The live region of the page: the results of acts, each shown for a few seconds. */
export function Announcer() {
  // With the number, two equal results in a row are two announcements.
  const [{ text, count }, setShown] = useState({ text: "", count: 0 });
  useEffect(() => onAnnouncement((text) => setShown(({ count }) => ({ text, count: count + 1 }))), []);
  useEffect(() => {
    const timer = text ? setTimeout(() => setShown((shown) => ({ ...shown, text: "" })), SHOWN_MS) : undefined;
    return () => clearTimeout(timer);
  }, [count]);
  return <div class="announcer" role="status">{text && <p key={count}>{text}</p>}</div>;
}
