/** Puts an apostrophe before a text that a spreadsheet runs as a formula. */
const guarded = (text: string): string => /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? guarded(value) : typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows as CSV (RFC 4180) with a header of their fields; a list or an object in a field is JSON. */
export function csvOf(rows: object[]): string {
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => {
    const values = new Map(Object.entries(row));
    return fields.map((field) => cellOf(values.get(field)));
  });
  return [fields.map(cellOf), ...lines].map((line) => `${line.join(",")}\r\n`).join("");
}
