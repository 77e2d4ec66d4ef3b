import { z } from "zod";
import { AlertDetailResponse, AlertListResponse, IncidentRow } from "../../types/alerts.ts";
import { ExecutionDetailResponse } from "../../types/history.ts";

/** The names of the entities for people, by type. */
export const Titles = z.record(z.string(), z.string());
export type Titles = z.infer<typeof Titles>;

/** A page of incidents. */
export const IncidentPage = z.object({ alerts: z.array(IncidentRow), mean_times: AlertListResponse.shape.mean_times, titles: Titles });

/** One incident with the facts for its words and its next escalation. */
export const IncidentFacts = z.object({
  ...AlertDetailResponse.shape,
  ...IncidentRow.shape,
  unacknowledged_since: z.string().nullable(),
  escalation_ms: z.number().nullable(),
  children: z.array(IncidentRow),
  parent: IncidentRow.nullable(),
  titles: Titles,
}).omit({
  cause: true,
  scope: true,
  affected: true,
  peak: true,
  peak_at: true,
  execution_id: true,
  error_code: true,
  escalates_at: true,
  escalates_to: true,
  runbook_anchor: true,
});
export type IncidentFacts = z.infer<typeof IncidentFacts>;

/** One run with its incidents. */
export const ExecutionFacts = ExecutionDetailResponse.extend({ incidents: z.array(IncidentRow), titles: Titles });
