import type { ChannelTestResponse } from "../../../types/admin.ts";
import { duration } from "../format.ts";
import { Status } from "./status.tsx";

type Result = ChannelTestResponse["results"][number];

/** The outcome of a test at a destination in words. */
export function describeResult(to: string, { opening, end }: Result): string {
  const took = (ms: number): string => ` (${duration(ms)})`;
  if (opening.outcome === "SENT" && end?.outcome === "SENT") {
    return `${to} accepted the test message${took(opening.duration_ms)} and its end${took(end.duration_ms)}.`;
  }
  if (opening.outcome === "SENT") return `${to} accepted the test message${took(opening.duration_ms)}, but not its end: ${end?.error}.`;
  const doubt = end ? ` ${to} perhaps received it; its end was ${end.outcome === "SENT" ? "accepted" : `not accepted: ${end.error}`}.` : "";
  return `${to} did not accept the test message: ${opening.error}.${doubt}`;
}

const outcomeOf = ({ opening, end }: Result): string => [opening, end].find((attempt) => attempt?.outcome !== "SENT")?.outcome ?? "SENT";

export function TestResults({ channel, results }: { channel: string; results: Result[] }) {
  return (
    <ul class="because test-results">
      {results.map((result) => (
        <li key={result.recipient}>
          <Status of={outcomeOf(result)} label={describeResult(result.recipient ?? channel, result)} />
        </li>
      ))}
    </ul>
  );
}
