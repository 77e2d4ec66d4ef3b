import { ERRORS } from "../services/error-table.ts";

/** A Markdown table whose columns are as wide as their longest cell. */
function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)];
}

/** The text of `docs/errors.md`: the codes of responses, and the codes of the errors that runs record. */
export function errorTable(): string {
  const codes = Object.entries(ERRORS);
  return [
    "# Errors",
    "",
    "Generated from `services/error-table.ts` by `deno task errors`.",
    "",
    "## Errors of a request",
    "",
    "A refused request is answered with `{ code, message, details? }` and the status of its code. The message names the problem and, for a field,",
    "the allowed values.",
    "",
    ...table(
      ["Code", "Status", "What to do"],
      codes.flatMap(([code, row]) => "status" in row ? [[`\`${code}\``, String(row.status), row.advice]] : []),
    ),
    "",
    "## Errors of a run",
    "",
    "Every error that a run records has one of these codes. The code comes from the VIS error id, HTTP status, reply check, SQLSTATE or",
    "exception, never from the words of a message. Retry: _now_ with backoff within the run, _later_ by the next run, _never_ without a change by",
    "a person.",
    "",
    ...table(
      ["Code", "Class", "Severity", "Retry", "What to do"],
      codes.flatMap(([code, row]) => "severity" in row ? [[`\`${code}\``, row.type, row.severity, row.retry, row.advice]] : []),
    ),
    "",
  ].join("\n");
}

if (import.meta.main) await Deno.writeTextFile(new URL("../docs/errors.md", import.meta.url), errorTable());
