/** The characters that XML refuses; Postgres refuses the first of them, NUL. */
// deno-lint-ignore no-control-regex -- these characters are the ones to remove
const REFUSED = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/** The first `max` code points of a text. A cut by code units can end with half of a surrogate pair, which Postgres refuses. */
const cut = (text: string, max: number): string => text.length <= max ? text : Array.from(text.slice(0, 2 * max)).slice(0, max).join("");

/**
 * A text from outside that each later step can store, send and parse: at most `max` code points, without the characters that XML and
 * Postgres refuse, and with U+FFFD for each half of a surrogate pair. It is called once, where the text enters.
 */
export const safeText = (text: string, max = Infinity): string => cut(text, max).toWellFormed().replace(REFUSED, "");

/** Whether Postgres can store a text; a request with another one is refused, because a changed text is not what the caller sent. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\0");
