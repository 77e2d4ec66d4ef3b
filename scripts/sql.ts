import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
// @ts-types="npm:@types/pg@8.23.1"
import { Client, type ClientConfig, DatabaseError, type QueryArrayResult } from "pg";
import { findDatabase, SetupError } from "../platform/state.ts";
import { parserOfScalar } from "../platform/values.ts";

const USAGE = `usage: deno task sql [--data .local] [--json] ["select …"]

  Runs a statement, or a script of several, on the database of the product that runs on the data folder, and prints its rows.
  Without an argument it reads the script from the standard input. It acts as the owner of the database.

  --json   prints one JSON array of rows for each statement, instead of a table`;

interface Options {
  readInput: () => Promise<string>;
  write: (line: string) => void;
}

/** Runs the command. @throws SetupError with one sentence for a person */
export async function sql(args: string[], { readInput, write }: Options): Promise<void> {
  const { values, positionals } = readArguments(args);
  if (values.help) return write(USAGE);
  const database = await findDatabase(values.data);
  const script = positionals[0] ?? await readInput();
  const client = new Client({
    connectionString: database,
    connectionTimeoutMillis: 10_000,
    types: { getTypeParser: (oid: number) => values.json ? parserOfScalar(oid) : String } as ClientConfig["types"],
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const results = await client.query({ text: script, rowMode: "array" }) as QueryArrayResult | QueryArrayResult[];
    for (const result of [results].flat()) write(values.json ? asJson(result) : asTable(result));
  } catch (error) {
    throw new SetupError(describe(error as Error, script));
  } finally {
    await client.end().catch(() => {});
  }
}

function readArguments(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        data: { type: "string", default: ".local" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (positionals.length > 1) throw new Error("the statement is one argument: put it in quotes");
    return { values, positionals };
  } catch (error) {
    throw new SetupError(`${(error as Error).message}\n${USAGE}`);
  }
}

const asJson = ({ fields, rows }: QueryArrayResult): string =>
  JSON.stringify(
    rows.map((row) => Object.fromEntries(fields.map(({ name }, index) => [name, row[index]]))),
    (_key, value) => typeof value === "bigint" ? String(value) : value,
  );

/** The rows in columns as wide as their longest value; `↵` stands for a line break in a value. */
function asTable({ command, rowCount, fields, rows }: QueryArrayResult): string {
  if (fields.length === 0) return [command, rowCount].filter((part) => part !== null).join(" ");
  const cells = rows.map((row) => row.map((value: string | null) => value === null ? "null" : value.replaceAll("\n", "↵ ")));
  const widths = fields.map(({ name }, column) => Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (values: string[]) => values.map((value, column) => value.padEnd(widths[column] ?? 0)).join(" | ").trimEnd();
  return [
    line(fields.map(({ name }) => name)),
    widths.map((width) => "-".repeat(width)).join("-+-"),
    ...cells.map(line),
    `(${rows.length} ${rows.length === 1 ? "row" : "rows"})`,
  ].join("\n");
}

/** The message of Postgres with the line and the column of its position. */
function describe(error: Error, script: string): string {
  if (!(error instanceof DatabaseError)) return `the database of the product does not answer: ${error.message}`;
  const { message, detail, hint, position } = error;
  const before = script.slice(0, Number(position ?? 0) - 1).split("\n");
  const place = position ? ` at line ${before.length}, column ${(before.at(-1) ?? "").length + 1}` : "";
  return [`Postgres refused the statement: ${message}${place}`, detail, hint].filter(Boolean).join("\n");
}

if (import.meta.main) {
  try {
    // deno-lint-ignore no-console -- the output of this program is for a person
    await sql(Deno.args, { readInput: () => text(Deno.stdin.readable), write: (line) => console.log(line) });
  } catch (error) {
    // deno-lint-ignore no-console -- the reason of a failure belongs on stderr
    console.error(error instanceof SetupError ? error.message : error);
    Deno.exit(1);
  }
}
