import { title } from "../format.ts";

/** The tone of each status in the API; idle when it is not listed. */
const TONES: Record<string, "good" | "warn" | "bad" | "busy" | "idle"> = {
  HEALTHY: "good",
  SUCCEEDED: "good",
  COMPLETED: "good",
  RESOLVED: "good",
  SENT: "good",
  OK: "good",
  INTACT: "good",
  PRUNED: "good",
  WARNING: "warn",
  PARTIAL: "warn",
  DEGRADED: "warn",
  ACKNOWLEDGED: "warn",
  PENDING: "warn",
  MEDIUM: "warn",
  RETRY: "warn",
  CRITICAL: "bad",
  FAILED: "bad",
  TIMED_OUT: "bad",
  FIRING: "bad",
  DEAD: "bad",
  HIGH: "bad",
  BROKEN: "bad",
  EMERGENCY: "bad",
  RUNNING: "busy",
  SENDING: "busy",
};
/** A shape for each tone, because colour alone must not carry meaning. */
const SHAPES = {
  good: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm-1 10L3.8 7.8l1.1-1.1L7 8.8l4.1-4.1 1.1 1.1Z",
  warn: "M8 1 .8 14.5h14.4ZM7.2 6h1.6v4.4H7.2Zm0 5.4h1.6V13H7.2Z",
  bad: "M5 1h6l4 4v6l-4 4H5l-4-4V5Zm0 4 2 3-2 3h1.8L8 9.2 9.2 11H11L9 8l2-3H9.2L8 6.8 6.8 5Z",
  busy: "M8 1a7 7 0 1 0 7 7h-2a5 5 0 1 1-5-5Z",
  idle: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 2a5 5 0 1 1 0 10A5 5 0 0 1 8 3Z",
};

export const toneOf = (status: string): keyof typeof SHAPES => TONES[status] ?? "idle";

/** The icon of a status without its word. */
export function Icon({ of }: { of: string }) {
  const tone = toneOf(of);
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" class={`${tone}${tone === "busy" ? " turning" : ""}`}>
      <path d={SHAPES[tone]} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}

/** A status with its icon; `isCalm` mutes its word in a list. */
export function Status({ of, label, isCalm = false }: { of: string; label?: string; isCalm?: boolean }) {
  const tone = toneOf(of);
  return (
    <span class={`status ${tone}${isCalm ? " calm" : ""}`}>
      <Icon of={of} /> {label ?? title(of)}
    </span>
  );
}

/** The tone of each severity; CRITICAL is a filled pill. */
const SEVERITY_TONES: Record<string, string> = { CRITICAL: "bad loud", HIGH: "bad", MEDIUM: "warn", LOW: "idle" };

/** A severity as a pill. */
export const Severity = ({ of }: { of: string }) => <span class={`pill ${SEVERITY_TONES[of] ?? "idle"}`}>{title(of)}</span>;

/** A status as a pill with its icon. */
export const Pill = ({ of, label }: { of: string; label?: string }) => (
  <span class={`pill ${toneOf(of)}`}>
    <Icon of={of} /> {label ?? title(of)}
  </span>
);
