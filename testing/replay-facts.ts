import type { MeasuredValue, ReplayFacts } from "../services/contract/replay.ts";
import { aMeasurement, anyone } from "./alerts.ts";

export const START = Date.parse("2026-06-10T08:00:00Z"), MINUTE = 60_000;
/** A minute of the replay, in ms since the epoch. */
export const at = (minutes: number): number => START + minutes * MINUTE;
export const iso = (minutes: number): string => new Date(at(minutes)).toISOString();
/** Evaluations each minute for ten hours, except in a gap. */
export const evaluations = (gap: [number, number] = [0, 0]) =>
  Array.from({ length: 601 }, (_, minute) => minute).filter((minute) => minute <= gap[0] || minute >= gap[1]).map(at);

const {
  runs,
  since,
  execution_id,
  fingerprint,
  evidence,
  is_paused,
  no_data,
  is_sole_cause,
  is_stale,
  bad_runs,
  uncovered,
  ...measurement
} = aMeasurement();
const measured = { runs, since, execution_id, fingerprint, evidence, is_paused, no_data, is_sole_cause, is_stale, bad_runs, uncovered };
/** Values of consecutive failures, by the minute at which each begins. */
export const values = (by: Record<number, number>): MeasuredValue[] =>
  Object.entries(by).map(([minute, value]) => ({ ...measured, value, at: at(Number(minute)), run_at: null, run_entity: null })).sort((
    a,
    b,
  ) => a.at - b.at);
/** The facts of a replay of ten hours. */
export const facts = (
  by: Record<number, number>,
  changes: Partial<ReplayFacts> = {},
  rule: Partial<ReplayFacts["rule"]> = {},
): ReplayFacts => ({
  as_of: iso(600),
  from: iso(0),
  scope: "ENTITY",
  rule: { ...measurement, no_data, ...rule },
  recipients: anyone("dashboard"),
  channels: { dashboard: { group_window_ms: 30_000, hourly_limit: 60 } },
  evaluations: evaluations(),
  values: values(by),
  missed: [],
  silences: [],
  acts: [],
  others: [],
  actual: null,
  ...changes,
});
