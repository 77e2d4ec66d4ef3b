import { safeText } from "./text.ts";

const SECRET_NAME = /authorization|cookie|passw(?:or)?d|secret|token|api[-_]?key|signature|credential|username/i;
/** The longest text that is redacted; a longer text is cut first, so that the patterns never read a large reply. */
const MAX_TEXT = 4096;

// The time of each pattern is linear in the length of the text: a lookbehind anchors a repeated class to the start of its word, or the
// class follows a literal that it cannot contain.
const PATTERNS: [RegExp, string | ((match: string) => string)][] = [
  // A JSON web token is a chain of words joined by dots.
  [/(?<![\w-])[\w-]+(?:\.[\w-]*)+/g, (chain) => chain.replace(/eyJ[\w-]{10}[^]*/, "[token]")],
  [/\b(?:sb_(?:secret|publishable)|whsec)_[\w+/=-]+|\bxox[a-z]-[\w-]+/g, "[key]"],
  [/\b(hooks\.slack(?:-gov)?\.com\/|discord(?:app)?\.com\/api\/webhooks\/)[^\s"'<>\\]+/gi, "$1[redacted]"],
  // The key in the address of a workflow, the token of a Telegram bot, and the token of ntfy.
  [/([?&]sig=)[^&\s"'<>\\]+/gi, "$1[redacted]"],
  [/(?<![\w-])(?:bot)?\d{6,12}:[\w-]{30,60}|\btk_[A-Za-z0-9]{10,100}/g, "[key]"],
  [/(\/\/)[^/\s"'<>@]*@/g, "$1[redacted]@"],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, "$1 [redacted]"],
];
/** A name up to its value, as in `name=`, `Name: `, `"name": ` and `["name", `. */
const NAME = /(?<![\w-])([\w-]+)(?:\\?["']?\s*[=:]\s*|\\?["']\s*,\s*(?=\\?["']))/g;
/** A value: quoted, also inside a quoted text, or the words up to a blank, with the scheme of a header before them. */
const VALUE =
  /\\"[^"\\]*(?:\\")?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|(?:(?:Bearer|Basic|Digest|Token|ApiKey)[ \t]+)?(?:[^\s"'&<>]*;[ \t]+)*[^\s"'&<>]+/iy;

function redactNamedValues(text: string): string {
  let clean = "", end = 0;
  for (const { 0: prefix, 1: name = "", index } of text.matchAll(NAME)) {
    VALUE.lastIndex = index + prefix.length;
    if (index < end || !SECRET_NAME.test(name) || !VALUE.test(text)) continue;
    clean += `${text.slice(end, index)}${prefix}[redacted]`;
    end = VALUE.lastIndex;
  }
  return clean + text.slice(end);
}

/** Removes unsafe characters from a text, cuts it, and then removes its secrets: tokens, keys, passwords, credentials in URLs. */
export function redactText(text: string, max = MAX_TEXT): string {
  const kept = safeText(text, max);
  const clean = PATTERNS.reduce((dirty, [pattern, replacement]) => dirty.replace(pattern, replacement as string), redactNamedValues(kept));
  return text.length > max ? `${clean}… (${text.length} characters)` : clean;
}

/** Removes secrets from a value of any shape, by the names of fields and the patterns of texts; `depth` ends cycles. */
export function redact(value: unknown, depth = 6): unknown {
  if (typeof value === "string") return redactText(value);
  if (value === null || typeof value !== "object") return typeof value === "bigint" ? String(value) : value;
  if (depth === 0) return "[too deep]";
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => redact(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value).slice(0, 50).map(([name, item]) => {
      const kept = safeText(name, 100);
      return [kept, SECRET_NAME.test(kept) ? "[redacted]" : redact(item, depth - 1)];
    }),
  );
}

const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

const shorten = (value: unknown, limit: number): unknown => {
  if (typeof value === "string") return value.length > limit ? `${safeText(value, limit)}…` : value;
  if (Array.isArray(value)) return value.map((item) => shorten(item, limit));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shorten(item, limit)]));
  }
  return value;
};

/** Redacts `context` and shortens its texts, the longest first, until its JSON has at most `limit` bytes. */
export function boundedContext(context: Record<string, unknown>, limit = 8192): Record<string, unknown> {
  let bounded = redact(context) as Record<string, unknown>;
  for (let length = MAX_TEXT / 2; bytesOf(bounded) > limit && length >= 16; length /= 2) {
    bounded = shorten(bounded, length) as Record<string, unknown>;
  }
  return bytesOf(bounded) > limit ? { note: "the context was too large to store" } : bounded;
}
