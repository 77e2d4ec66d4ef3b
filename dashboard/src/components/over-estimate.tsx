import { span } from "../format.ts";

/** The time by which a run exceeds its estimate; empty below the estimate. */
export function OverEstimate({ ms }: { ms: number | null }) {
  if (ms === null || ms <= 0) return null;
  return <strong class="late">{span(ms)} over its estimate</strong>;
}
