import { redact } from "./redact.ts";

type LogLevel = "info" | "warn" | "error";
export type Log = (level: LogLevel, event: string, fields?: Record<string, unknown>) => void;

/** Creates a log that writes one JSON line for each event, with its level, the fields of `base` and its own redacted fields. */
export function createLog(base: Record<string, unknown>, write: (line: string) => void = writeLine): Log {
  return (level, event, fields = {}) => write(JSON.stringify({ level, event, ...base, ...redact(fields) as Record<string, unknown> }));
}

// deno-lint-ignore no-console -- the platform's log is the console
const writeLine = (line: string): void => console.log(line);
