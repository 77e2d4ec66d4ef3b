import { parseArgs } from "node:util";
import { SetupError, UsageError } from "./setup-error.ts";

export const USAGE = `usage: deno task start [--port 54321] [--data .local] [--fresh]

  --port     the port on 127.0.0.1; 0 selects a free one
  --data     the folder of the keys, the accounts and the embedded database
  --fresh    deletes that folder first
  --version  prints the version
  --help     prints this text

  DATABASE_URL   a postgres:// address, instead of the embedded database
  VIS_API_URL    the address of VIS, instead of the stand-in`;

const OPTIONS = {
  port: { type: "string", default: "54321" },
  data: { type: "string", default: ".local" },
  fresh: { type: "boolean", default: false },
  version: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** The options of the command line. @throws UsageError that names the option */
export function readOptions(args: string[]) {
  const { tokens } = parseArgs({ args, options: OPTIONS, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === "positional") throw new UsageError(`${token.value} is not an option\n${USAGE}`);
    if (token.kind === "option") checkOption(token);
  }
  const { values } = parseArgs({ args, options: OPTIONS });
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65535) {
    throw new UsageError(`--port must be a whole number from 0 to 65535, not ${values.port}`);
  }
  return { port, folder: values.data, isFresh: values.fresh, isVersion: values.version, isHelp: values.help };
}

function checkOption(
  { name, rawName, value, inlineValue }: { name: string; rawName: string; value?: string; inlineValue?: boolean },
): void {
  const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name as keyof typeof OPTIONS] : undefined;
  if (!option) throw new UsageError(`there is no option ${rawName}\n${USAGE}`);
  if (option.type === "boolean" && value !== undefined) throw new UsageError(`${rawName} takes no value\n${USAGE}`);
  const isMissing = value === undefined || value === "" || (value.startsWith("-") && !inlineValue);
  if (option.type === "string" && isMissing) throw new UsageError(`${rawName} needs a value\n${USAGE}`);
}

/** The value of a variable that must be a URL with one of the schemes; undefined when it is not set. @throws SetupError */
export function readUrl(name: string, schemes: string[]): string | undefined {
  const value = Deno.env.get(name);
  if (!value) return undefined;
  const scheme = URL.parse(value)?.protocol.slice(0, -1);
  if (scheme === undefined || !schemes.includes(scheme)) {
    throw new SetupError(`${name} must be an address that begins with ${schemes.map((known) => `${known}://`).join(" or ")}`);
  }
  return value;
}
