import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { DURATION_STEPS, ticksOf } from "../charts/scale.ts";
import { Empty } from "../components/states.tsx";
import { TournamentName } from "../components/tournament-links.tsx";
import { counted, duration } from "../format.ts";
import type { Run } from "./run.ts";

/** The number of rows that are shown at first. */
const SHOWN = 40;

type Tone = "good" | "warn" | "bad";

/** A part of a bar, in ms since the start of the run; the bar of a tournament with a retry has a part for each request. */
interface Part {
  from: number;
  ms: number;
  tone: Tone;
  title: string;
}

interface Bar {
  result: Run["tournaments"][number];
  from: number;
  ms: number;
  tone: Tone;
  label: string;
  parts: Part[];
}

/** The requests of a tournament; each request before the last failed, and the last one has the outcome of the tournament. */
const partsOf = ({ attempts }: Run["tournaments"][number], from: number, tone: Tone): Part[] =>
  attempts.map((attempt, index) => ({
    from: from + attempt.from_ms,
    ms: attempt.ms,
    tone: index < attempts.length - 1 ? "bad" : tone,
    title: `${index === 0 ? "Request" : `Retry ${index}`}: ${duration(attempt.ms)}`,
  }));

/** The tournaments by their start, in ms since the start of the run; a tournament without a recorded start begins with the run. */
function barsOf(run: Pick<Run, "execution_start" | "tournaments" | "error_groups">): Bar[] {
  const codes = new Map(run.error_groups.map(({ fingerprint, error_code }) => [fingerprint, error_code]));
  return run.tournaments.map((result) => {
    const from = result.started_at ? Math.max(Date.parse(result.started_at) - Date.parse(run.execution_start), 0) : 0;
    const ms = result.duration_ms ?? 0;
    const reason = codes.get(result.error_fingerprint ?? "") ?? result.error_message ??
      (result.warning_code ? `held back: ${result.warning_code}` : null);
    const words = [
      duration(ms),
      result.retry_attempt ? `${result.retry_attempt} ${result.retry_attempt === 1 ? "retry" : "retries"}` : null,
      result.records_processed === null ? null : counted(result.records_processed, "record"),
      reason,
    ];
    const tone: Tone = result.success ? result.warning_code ? "warn" : "good" : "bad";
    return { result, from, ms, tone, label: words.filter(Boolean).join(" · "), parts: partsOf(result, from, tone) };
  }).sort((a, b) => a.from - b.from || a.result.tournament_no.localeCompare(b.result.tournament_no));
}

/** The sync of each tournament on the time axis of the run; bars at the same time ran in parallel. */
export function Waterfall({ run, length }: { run: Run; length: number }) {
  const [isWhole, setWhole] = useState(false);
  const bars = barsOf(run);
  if (!bars.length) {
    return <Empty>{run.status === "RUNNING" ? "No tournament is finished yet." : "The run synced no tournament."}</Empty>;
  }
  // The failed tournaments are always shown.
  const first = new Set([...bars.filter(({ tone }) => tone === "bad"), ...bars].slice(0, SHOWN));
  const shown = isWhole ? bars : bars.filter((bar) => first.has(bar));
  const ticks = ticksOf(Math.max(length, ...bars.map(({ from, ms }) => from + ms), 1), { most: 4, steps: DURATION_STEPS });
  const end = ticks.at(-1) ?? 1;
  const place = ({ from, ms }: { from: number; ms: number }) => ({ left: `${100 * from / end}%`, width: `${100 * ms / end}%` });
  return (
    <div class="card pad waterfall" style={{ "--ticks": ticks.length - 1 }}>
      <ol class="ticks" aria-hidden="true">
        {ticks.map((tick) => (
          <li key={tick} style={{ left: `${100 * tick / end}%` }}>{tick === 0 ? "0" : duration(tick).replace(".0 ", " ")}</li>
        ))}
      </ol>
      <ul>
        {shown.map(({ result, from, ms, tone, label, parts }) => (
          <li key={result.tournament_no}>
            <Link href={`/tournaments/${result.tournament_no}`}>
              <TournamentName of={{ no: result.tournament_no, name: result.name, gender: result.gender, start_date: null }} />
            </Link>{" "}
            <span class="track">
              <span class={`bar ${tone}${parts.length ? " waits" : ""}`} style={place({ from, ms })} />
              {parts.map((part, index) => <span key={index} class={`bar ${part.tone}`} title={part.title} style={place(part)} />)}
            </span>{" "}
            <span class={tone === "good" ? "muted" : tone}>{label}</span>
          </li>
        ))}
      </ul>
      {bars.some(({ parts }) => parts.length) && <p class="legend">Solid: a request. Pale: the wait before the next retry.</p>}
      {shown.length < bars.length && (
        <button type="button" class="small" onClick={() => setWhole(true)}>Show all {bars.length} tournaments</button>
      )}
    </div>
  );
}
