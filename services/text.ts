/** The characters that XML refuses; Postgres refuses NUL, the first of them. */
// deno-lint-ignore no-control-regex -- these characters are the ones to remove
const REFUSED = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/** The first `max` code points of a text. A cut by code units can end with half of a surrogate pair, which Postgres refuses. */
const cut = (text: string, max: number): string => text.length <= max ? text : Array.from(text.slice(0, 2 * max)).slice(0, max).join("");

/**
 * Makes a text from outside safe to store, send and parse: at most `max` code points, without the characters that XML and Postgres refuse,
 * and with U+FFFD for each half of a surrogate pair. Each text is made safe once, where it enters.
 */
export const safeText = (text: string, max = Infinity): string => cut(text, max).toWellFormed().replace(REFUSED, "");

/** Whether Postgres can store a text; a request with any other text is refused, because its text must not be changed. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\0");

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** The characters that a person sees; a letter with its accents is one, and so is an emoji of several code points. */
export const charactersOf = (text: string): string[] => Array.from(graphemes.segment(text), ({ segment }) => segment);

/** The text on one line, without control characters and halves of surrogate pairs. */
export const oneLine = (text: string): string => text.toWellFormed().replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();

/** The text in at most `limit` UTF-16 units; a longer text ends with the mark, after a whole word or after a character of a single word. */
export function fit(text: string, limit: number, mark = "…"): string {
  if (text.length <= limit) return text;
  const kept: string[] = [];
  let room = limit - mark.length;
  for (const character of charactersOf(text.slice(0, limit * 2).toWellFormed())) {
    room -= character.length;
    if (room < 0) break;
    kept.push(character);
  }
  const whole = kept.join("");
  const isBetweenWords = /^\s/.test(text.slice(whole.length));
  const words = isBetweenWords ? whole : whole.replace(/\s+\S*$/, "");
  return `${words.trimEnd()}${mark}`;
}
