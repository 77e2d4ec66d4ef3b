const SECRET_NAME = /authorization|cookie|password|passwd|secret|token|api[-_]?key|signature|credential/i;
const PATTERNS: [RegExp, string][] = [
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "[token]"],
  [/\bsb_(secret|publishable)_[\w-]+/g, "[key]"],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, "$1 [redacted]"],
  [/\b((?:user|access|refresh)?(?:name|password|token|secret|apikey|api_key))(["']?\s*[=:]\s*["']?)[^"'\s&<>]+/gi, "$1$2[redacted]"],
  [/(\/\/)[^/\s:@]+:[^/\s@]+@/g, "$1[redacted]@"],
];

/** Removes secrets from a text: tokens, keys, passwords, credentials in URLs. */
export function redactText(text: string): string {
  return PATTERNS.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text);
}

/** Removes secrets from a value of any shape, by the names of fields and the patterns of texts; `depth` ends cycles. */
export function redact(value: unknown, depth = 6): unknown {
  if (typeof value === "string") return redactText(value);
  if (value === null || typeof value !== "object") return typeof value === "bigint" ? String(value) : value;
  if (depth === 0) return "[too deep]";
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => redact(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value).slice(0, 50).map(([name, item]) => [name, SECRET_NAME.test(name) ? "[redacted]" : redact(item, depth - 1)]),
  );
}

const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

const shorten = (value: unknown, limit: number): unknown => {
  if (typeof value === "string") return value.length > limit ? `${value.slice(0, limit)}… (${value.length} characters)` : value;
  if (Array.isArray(value)) return value.map((item) => shorten(item, limit));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name.slice(0, 100), shorten(item, limit)]));
  }
  return value;
};

/** Redacts `context` and shortens its texts, the longest first, until its JSON has at most `limit` bytes. */
export function boundedContext(context: Record<string, unknown>, limit = 8192): Record<string, unknown> {
  let bounded = redact(context) as Record<string, unknown>;
  for (let length = 4096; bytesOf(bounded) > limit && length >= 16; length /= 2) {
    bounded = shorten(bounded, length) as Record<string, unknown>;
  }
  return bytesOf(bounded) > limit ? { note: "the context was too large to store" } : bounded;
}
