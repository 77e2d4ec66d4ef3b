import { span } from "../format.ts";

/** How long a run has lasted beyond its estimate; nothing while it has not. */
export function OverEstimate({ ms }: { ms: number | null }) {
  if (ms === null || ms <= 0) return null;
  return <strong class="late">{span(ms)} over its estimate</strong>;
}
