import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { counted, duration } from "../format.ts";
import { Empty } from "../components/states.tsx";
import type { Run } from "./run.ts";

/** The rows that are shown at first. */
const SHOWN = 40;
const TICKS = 5;

interface Bar {
  no: string;
  name: string;
  from: number;
  ms: number;
  tone: "good" | "warn" | "bad";
  label: string;
}

/** The tournaments in the order of their start, in ms since the start of the run; one without a recorded start begins with the run. */
function barsOf(run: Pick<Run, "execution_start" | "tournaments" | "error_groups">): Bar[] {
  const codes = new Map(run.error_groups.map(({ fingerprint, error_code }) => [fingerprint, error_code]));
  return run.tournaments.map((result) => {
    const from = result.started_at ? Math.max(Date.parse(result.started_at) - Date.parse(run.execution_start), 0) : 0;
    const ms = result.duration_ms ?? 0;
    const reason = codes.get(result.error_fingerprint ?? "") ?? result.error_message ??
      (result.warning_code ? `held back: ${result.warning_code}` : null);
    const parts = [
      duration(ms),
      result.retry_attempt ? `${result.retry_attempt} ${result.retry_attempt === 1 ? "retry" : "retries"}` : null,
      result.records_processed === null ? null : counted(result.records_processed, "record"),
      reason,
    ];
    return {
      no: result.tournament_no,
      name: `${result.name ?? "Tournament"} ${result.tournament_no}`,
      from,
      ms,
      tone: (result.success ? result.warning_code ? "warn" : "good" : "bad") as Bar["tone"],
      label: parts.filter(Boolean).join(" · "),
    };
  }).sort((a, b) => a.from - b.from || a.no.localeCompare(b.no));
}

/** When each tournament was synced, on the time axis of the run: bars above each other ran at the same time. */
export function Waterfall({ run, length }: { run: Run; length: number }) {
  const [isWhole, setWhole] = useState(false);
  const bars = barsOf(run);
  if (!bars.length) {
    return <Empty>{run.status === "RUNNING" ? "No tournament is finished yet." : "The run synced no tournament."}</Empty>;
  }
  // Failures are never cut off.
  const first = new Set([...bars.filter(({ tone }) => tone === "bad"), ...bars].slice(0, SHOWN));
  const shown = isWhole ? bars : bars.filter((bar) => first.has(bar));
  const end = Math.max(length, ...bars.map(({ from, ms }) => from + ms), 1);
  return (
    <div class="card pad waterfall">
      <ol class="ticks" aria-hidden="true">
        {Array.from(
          { length: TICKS },
          (_, index) => <li key={index}>{index === 0 ? "0" : duration(Math.round(end * index / (TICKS - 1)))}</li>,
        )}
      </ol>
      <ul>
        {shown.map(({ no, name, from, ms, tone, label }) => (
          <li key={no}>
            <Link href={`/tournaments/${no}`} title={name}>{name}</Link>{" "}
            <span class="track">
              <span class={`bar ${tone}`} style={{ left: `${100 * from / end}%`, width: `${100 * ms / end}%` }} />
            </span>{" "}
            <span class={tone === "good" ? "muted" : tone} title={label}>{label}</span>
          </li>
        ))}
      </ul>
      {shown.length < bars.length && (
        <button type="button" class="small" onClick={() => setWhole(true)}>Show all {bars.length} tournaments</button>
      )}
    </div>
  );
}
