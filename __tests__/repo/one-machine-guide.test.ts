import { assert, assertEquals, assertMatch } from "@std/assert";
import { startStack } from "../../platform/stack.ts";
import { run } from "../../testing/supabase-cli.ts";
import { until } from "../../testing/wait.ts";

const guide = await Deno.readTextFile("docs/one-machine.md");
const blocks = [...guide.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, code = ""]) => code);

/** A free port, because the ports of the page can be in use. */
function freePort(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return String(listener.addr.port);
}

/** A receiver of the page in a separate process, with its output. */
class Receiver {
  output = "";
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  constructor(code: string | undefined) {
    assert(code);
    this.#process = new Deno.Command("bash", {
      args: ["-c", `exec ${code}`],
      env: { NO_COLOR: "1", PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH")}` },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#reading = this.#read();
  }
  async #read(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) this.output += text;
  }
  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#reading;
  }
}

Deno.test("the steps of docs/one-machine.md deliver a webhook and an email to receivers on this machine, and an alert and its end", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sync-guide-" });
  const [hookPort, mailPort] = [freePort(), freePort()];
  const [hookCode, mailCode, ...steps] = blocks.map((code) => code.replaceAll("9000", hookPort).replaceAll("1025", mailPort));
  const receivers = [new Receiver(hookCode), new Receiver(mailCode)];
  const received = (pattern: RegExp) => until(`${pattern}`, () => Promise.resolve(receivers.every(({ output }) => pattern.test(output))));
  const settings = Object.fromEntries([...(/^SMTP_URL=.*(?= deno task start$)/m.exec(guide)?.[0] ?? "").matchAll(/(\w+)=(\S+)/g)]
    .map(([, name = "", value = ""]) => [name, value.replace("1025", mailPort)]));
  assertEquals(Object.keys(settings), ["SMTP_URL", "SMTP_FROM", "SMTP_TLS"]);
  for (const [name, value] of Object.entries(settings)) Deno.env.set(name, value);
  const stack = await startStack({ port: 0, folder: `${folder}/data`, write: () => {} });
  const step = async (code: string | undefined) => {
    assert(code, "the page has this step");
    const env = { SUPABASE_URL: stack.base, SECRET_KEY: stack.state.keys.secret };
    const { success, text } = await run("bash", ["-euo", "pipefail", "-c", code.replaceAll("curl -sf", "curl -sS --fail-with-body")], {
      env,
    });
    assertEquals([success, text], [true, text], code);
    return text;
  };
  const [create, test, fail, recover] = steps;
  try {
    await until(
      "the first runs",
      async () => (await stack.database.query("select 1 from sync_status where last_sync is not null")).length === 2,
    );
    await until(
      "the receivers",
      () => Deno.connect({ hostname: "127.0.0.1", port: Number(mailPort) }).then((open) => (open.close(), true)),
    );
    await step(create);
    assertEquals((await step(test)).match(/"DELIVERED"|"SENT"|"OK"/g)?.length ?? 0, 4);
    await received(/test/i);
    receivers.forEach((receiver) => receiver.output = "");
    await step(fail);
    await received(/Tournament Sync Consecutive Failures/);
    await step(recover);
    await received(/resolved/i);
    assertMatch(receivers[0]?.output ?? "", /"status":"resolved"/);
  } finally {
    await stack.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
    for (const name of Object.keys(settings)) Deno.env.delete(name);
    await Deno.remove(folder, { recursive: true });
  }
});
