import { parseArgs } from "node:util";
import { randomText } from "../platform/keys.ts";
import { findRunning, SetupError } from "../platform/state.ts";
import { ErrorResponse } from "../types/sync.ts";
import { PeopleResponse, Person, type Role, ROLES } from "../types/people.ts";

const USAGE = `usage: deno task people <command> [--data .local] [--reason "…"]

  list                              every user with role and state
  add <email> --role <role>         invites a user by email
  add <email> --role <role> --create
                                    creates a user and prints a password once
  set-role <email> <role>           changes the role; none takes it away
  disable <email>                   refuses sign-ins
  enable <email>                    allows them again

Roles: ${ROLES.join(", ")}. The command acts on the platform that runs on the data folder, or on a hosted project whose
address and secret key are in SUPABASE_URL and SECRET_KEY. It calls sync-admin/people, so that each change is audited.`;

interface Target {
  url: string;
  secretKey: string;
}
interface Options {
  env: Record<string, string | undefined>;
  write: (line: string) => void;
}

/** Runs the command. @throws SetupError with one sentence for a person */
export async function people(args: string[], { env, write }: Options): Promise<void> {
  const { values, positionals } = readArguments(args);
  const [command, email = "", role = values.role] = positionals;
  if (values.help || command === undefined) return write(USAGE);
  const target = await findTarget(env, values.data);
  const reason = values.reason ? { reason: values.reason } : {};
  const change = async (body: object) => {
    const { id } = await findPerson(target, email);
    write(describe(Person.parse(await send(target, "PATCH", `/people/${id}`, { ...body, ...reason }))));
  };
  switch (command) {
    case "list":
      for await (const person of everyone(target)) write(describe(person));
      return;
    case "add": {
      const password = values.create ? randomText(18) : undefined;
      const body = { email: needEmail(email), role: readRole(values.role), password, ...reason };
      write(describe(Person.parse(await send(target, "POST", "/people", body))));
      if (password) return write(`Password (shown once): ${password}`);
      return write(target.isLocal ? "The log of deno task start shows the invitation, with its link." : "Auth has sent the invitation.");
    }
    case "set-role":
      return await change({ role: readRole(role) });
    case "disable":
      return await change({ disabled: true });
    case "enable":
      return await change({ disabled: false });
    default:
      throw new SetupError(`there is no command ${command}\n${USAGE}`);
  }
}

function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        role: { type: "string" },
        create: { type: "boolean", default: false },
        data: { type: "string", default: ".local" },
        reason: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new SetupError(`${(error as Error).message}\n${USAGE}`);
  }
}

async function findTarget(env: Options["env"], folder: string): Promise<Target & { isLocal: boolean }> {
  const { SUPABASE_URL: url, SECRET_KEY: secretKey } = env;
  if (url && secretKey) return { url: url.replace(/\/$/, ""), secretKey, isLocal: false };
  if (url || secretKey) throw new SetupError(`${url ? "SECRET_KEY" : "SUPABASE_URL"} is not set; a hosted project needs both`);
  return { ...await findRunning(folder), isLocal: true };
}

function needEmail(email: string): string {
  if (!email) throw new SetupError("name the email of the person");
  return email;
}

function readRole(role: string | undefined): Role | null {
  const found = ROLES.find((name) => name === role);
  if (!found && role !== "none") throw new SetupError(`name a role: ${ROLES.join(", ")} or none`);
  return found ?? null;
}

async function send({ url, secretKey }: Target, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${url}/functions/v1/sync-admin${path}`, {
    method,
    headers: { apikey: secretKey, "content-type": "application/json" },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  }).catch(() => {
    throw new SetupError(`${url} cannot be reached`);
  });
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const known = ErrorResponse.safeParse(answer).data;
  throw new SetupError(known?.message ?? `${url} answered with status ${response.status}; is the function sync-admin deployed there?`);
}

async function* everyone(target: Target): AsyncGenerator<Person> {
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: PeopleResponse = PeopleResponse.parse(await send(target, "GET", `/people?limit=200${cursor && `&cursor=${cursor}`}`));
    yield* page.people;
    cursor = page.next_cursor;
  }
}

async function findPerson(target: Target, email: string): Promise<Person> {
  for await (const person of everyone(target)) if (person.email === needEmail(email).toLowerCase()) return person;
  throw new SetupError(`there is no person with the email ${needEmail(email)}`);
}

const describe = ({ email, id, role, disabled, confirmed }: Person): string =>
  [(email ?? id).padEnd(32), (role ?? "no role").padEnd(10), disabled ? "disabled" : confirmed ? "active" : "invited"].join(" ").trimEnd();

if (import.meta.main) {
  try {
    // deno-lint-ignore no-console -- a command-line program
    await people(Deno.args, { env: Deno.env.toObject(), write: (line) => console.log(line) });
  } catch (error) {
    // deno-lint-ignore no-console -- the reason of a failure belongs on stderr
    console.error(error instanceof SetupError ? error.message : error);
    Deno.exit(1);
  }
}
