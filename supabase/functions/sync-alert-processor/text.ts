const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** The characters that a person sees; a letter with its accents, or an emoji of several code points, is one. */
export const charactersOf = (text: string): string[] => Array.from(graphemes.segment(text), ({ segment }) => segment);

/** The text on one line, without control characters and halves of surrogate pairs. */
export const oneLine = (text: string): string => text.toWellFormed().replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();

/** The text in at most `limit` UTF-16 units. A longer text ends with the mark, after its last whole word, or after a whole character of a single word. */
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
