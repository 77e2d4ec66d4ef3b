const isInstalled = await new Deno.Command("promtool", { args: ["--version"], stdout: "null", stderr: "null" }).output()
  .then(({ success }) => success, () => false);
if (!isInstalled && Deno.env.get("CI") === "true") throw new Error("CI=true needs promtool: install prometheus first (.ci/run does)");

/** Tests that need promtool are ignored where it is not installed. */
export const NO_PROMTOOL = !isInstalled;

/** Runs promtool; `input` is its standard input. */
export async function promtool(args: string[], input = ""): Promise<{ code: number; text: string }> {
  const child = new Deno.Command("promtool", { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, text: [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("") };
}
