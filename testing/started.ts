import { until } from "./wait.ts";

/** The start program in a separate process. */
export class Started {
  output = "";
  readonly process: Deno.ChildProcess;
  readonly reading: Promise<unknown>;

  constructor(args: string[], env: Record<string, string> = {}) {
    this.process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "platform/start.ts", ...args],
      env: { NO_COLOR: "1", DATABASE_URL: "", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.reading = Promise.all([this.process.stdout, this.process.stderr].map(async (stream) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) this.output += text;
    }));
  }
  ready(): Promise<string> {
    return until(
      `ready: ${this.output}`,
      () => Promise.resolve(/Ready in [\d.]+ s on (http:\S+)[^]*the data stays/.exec(this.output)?.[1]),
    );
  }
  async end(signal?: Deno.Signal): Promise<{ code: number; output: string }> {
    if (signal) this.process.kill(signal);
    const { code } = await this.process.status;
    // A frozen function survives a killed program and keeps the pipes open.
    if (signal !== "SIGKILL") await this.reading;
    return { code, output: this.output };
  }
}
