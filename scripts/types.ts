import { connect } from "../platform/database.ts";
import { createKeys } from "../platform/keys.ts";
import { prepare } from "../testing/database.ts";
import { generateTypes } from "../testing/generated-types.ts";
import { runInterruptible } from "../testing/interruptible.ts";
import { findPostgres, startPostgres } from "../testing/postgres.ts";

// deno-lint-ignore no-console -- a command-line program
const say = (line: string): void => console.log(line);
const TARGET = new URL("../types/database.ts", import.meta.url);

async function fresh(): Promise<string> {
  const bin = await findPostgres();
  if (!bin) throw new Error("generating types needs Postgres 15 or newer on this machine");
  const server = await startPostgres(bin);
  try {
    const database = await connect(server.url);
    await prepare(database, await createKeys());
    await database.close();
    return await generateTypes(server.url);
  } finally {
    await server.stop();
  }
}

if (import.meta.main) {
  await runInterruptible(async () => {
    try {
      const types = await fresh();
      if (!Deno.args.includes("--check")) await Deno.writeTextFile(TARGET, types);
      else if (types !== await Deno.readTextFile(TARGET)) throw new Error("types/database.ts is not current: run deno task types");
      say("types/database.ts is current");
      return 0;
    } catch (error) {
      say((error as Error).message);
      return 1;
    }
  });
}
