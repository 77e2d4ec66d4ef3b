import { ERROR_CLASSES } from "../services/classification.ts";

/** The text of `docs/errors.md`, the table of error codes for operators. */
export function errorTable(): string {
  const rows = Object.entries(ERROR_CLASSES).map((
    [code, { type, severity, retry, suggestion }],
  ) => [`\`${code}\``, type, severity, retry, suggestion]);
  const head = ["Code", "Type", "Severity", "Retry", "What to do"];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [
    "# Errors",
    "",
    "Every error of a sync has one of these codes. The code comes from the VIS error id, HTTP status, reply check, SQLSTATE or exception, never",
    "from the words of a message. Retry: _now_ with backoff within the run, _later_ by the next run, _never_ without a change by a person.",
    "Generated from `services/classification.ts` by `deno task errors`.",
    "",
    line(head),
    `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`,
    ...rows.map(line),
    "",
  ].join("\n");
}

if (import.meta.main) await Deno.writeTextFile(new URL("../docs/errors.md", import.meta.url), errorTable());
