/** The official CLI, pinned; it comes from npm and needs no Docker for what is asked of it here. */
const SUPABASE = "supabase@3.1.0";

export interface Output {
  success: boolean;
  text: string;
}

/** Runs a program and gives what it printed, both streams together. */
export async function run(command: string, args: string[], options: { env?: Record<string, string>; cwd?: string } = {}): Promise<Output> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, stdin: "null", ...options }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, text: decode(stdout) + decode(stderr) };
}

/** Runs the CLI in the repository; without npx there is none. @throws Deno.errors.NotFound */
export function supabase(args: string[], options: { cwd?: string; env?: Record<string, string> } = {}): Promise<Output> {
  return run("npx", ["-y", SUPABASE, ...args], {
    ...options,
    env: { SUPABASE_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", ...options.env },
  });
}
