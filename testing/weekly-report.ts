import type { WeeklyReport } from "../types/weekly-report.ts";

type Objective = WeeklyReport["objectives"][number];

/** An objective that the week met with 99.5 % of 2,000 results. */
export const reportedObjective = (changes: Partial<Objective> = {}): Objective => ({
  id: "00000000-0000-4000-8000-000000000001",
  name: "Match results",
  description: "",
  entity_type: "matches_schedule",
  indicator: "sync_success",
  target: 0.99,
  rolling_window: "28 days",
  owner: "",
  created_at: "2026-05-01T00:00:00Z",
  updated_at: "2026-05-01T00:00:00Z",
  from: "2026-05-11T00:00:00Z",
  until: "2026-06-08T00:00:00Z",
  events: 2_000,
  bad_events: 10,
  attainment: 0.995,
  budget_events: 20,
  budget_left_events: 10,
  budget_left: 0.5,
  burn_rate: 0.5,
  runs_out_at: null,
  status: "MET",
  ...changes,
});

/** The report of a week without an event; a test sets the sections that it needs. */
export const weeklyReport = (changes: Partial<WeeklyReport> = {}): WeeklyReport => ({
  from: "2026-06-01T00:00:00Z",
  until: "2026-06-08T00:00:00Z",
  objectives: [],
  incidents: {
    total: 0,
    by_severity: { LOW: 0, MEDIUM: 0, HIGH: 0, CRITICAL: 0 },
    open: 0,
    acknowledge_ms: null,
    resolve_ms: null,
    longest: null,
  },
  tournaments: { failing: 0, worst: [] },
  rules: { total: 0, newest: [] },
  ...changes,
});

/** A week in which each section has lines. */
export const eventfulWeek = (): WeeklyReport =>
  weeklyReport({
    objectives: [
      reportedObjective({
        id: "00000000-0000-4000-8000-000000000003",
        name: "Fresh matches",
        indicator: "freshness",
        status: "MISSED",
        events: 40_000,
        bad_events: 600,
        attainment: 0.985,
        budget_events: 400,
        budget_left_events: -200,
        budget_left: -0.5,
      }),
      reportedObjective(),
    ],
    incidents: {
      total: 3,
      by_severity: { LOW: 0, MEDIUM: 0, HIGH: 2, CRITICAL: 1 },
      open: 1,
      acknowledge_ms: 720_000,
      resolve_ms: 5_400_000,
      longest: {
        id: "00000000-0000-4000-8000-000000000002",
        cause: "VIS answered HTTP 500: 10 of 10 tournaments",
        scope: "All syncs",
        severity: "CRITICAL",
        resolved_at: "2026-06-03T17:00:00Z",
        duration_ms: 18_000_000,
      },
    },
    tournaments: {
      failing: 2,
      worst: [
        { no: "8104", name: "Gstaad", gender: "MEN", start_date: "2026-06-02", failed: 12, results: 96, error: "VIS has no data" },
        { no: "8110", name: "Doha", gender: "WOMEN", start_date: "2026-06-03", failed: 1, results: 1, error: null },
      ],
    },
    rules: {
      total: 1,
      newest: [{
        at: "2026-06-04T10:00:00Z",
        actor: "admin@example.com",
        change: "SWITCHED_OFF",
        rule_name: "Match Schedule Overdue",
        fields: [],
        reason: "maintenance of VIS",
      }],
    },
  });
