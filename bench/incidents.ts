import { playHistories } from "../testing/incident-postgres.ts";
import { atMost, type Report, say } from "./report.ts";
import { startBenchServer } from "./server.ts";

const HISTORIES = 5_000, DATABASES = 4, SEED = 20260601;

/** Plays random histories of incidents on several databases in parallel, and compares each with the model of incidents. */
export async function measure(): Promise<Report> {
  const server = await startBenchServer();
  try {
    const startedAt = performance.now();
    const played = await Promise.all(
      Array.from({ length: DATABASES }, (_, index) => playHistories(Math.ceil(HISTORIES / DATABASES), SEED + index)),
    );
    const histories = played.reduce((sum, lane) => sum + lane.histories, 0), violations = played.flatMap((lane) => lane.violations);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    say(`${histories} random histories of incidents on ${server.name} in ${seconds} s, seed ${SEED}`);
    violations.slice(0, 20).forEach((violation) => say(violation.slice(0, 300)));
    return { figures: { server: server.name, histories, seconds }, bars: [atMost("violations in random histories", violations.length, 0)] };
  } finally {
    await server.stop();
  }
}
