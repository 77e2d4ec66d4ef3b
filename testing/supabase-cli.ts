/** The pinned version of the official CLI on npm; the commands in use need no Docker. */
const SUPABASE = "supabase@3.1.0";

interface Output {
  success: boolean;
  text: string;
}

/** Runs a program and returns its standard output followed by its standard error. */
export async function run(command: string, args: string[], options: { env?: Record<string, string>; cwd?: string } = {}): Promise<Output> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, stdin: "null", ...options }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, text: decode(stdout) + decode(stderr) };
}

/** Runs the Supabase CLI. @throws Deno.errors.NotFound where npx is not installed. */
export function supabase(args: string[], options: { cwd?: string; env?: Record<string, string> } = {}): Promise<Output> {
  return run("npx", ["-y", SUPABASE, ...args], {
    ...options,
    env: { SUPABASE_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", ...options.env },
  });
}
