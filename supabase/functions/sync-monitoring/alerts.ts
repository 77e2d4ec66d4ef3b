import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import { AppError } from "../../../services/errors.ts";
import { describeIncident, escalationOf, nameIn, runbookAnchorOf } from "../../../services/incident-view.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { AlertDetailResponse, type AlertListResponse, INCIDENT_STATES } from "../../../types/alerts.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { cursor, nextCursor } from "../../../types/cursor.ts";

/** The filters of `GET /alerts`; a page has 50 incidents by default, 200 at most. */
export const AlertQuery = z.strictObject({
  state: z.enum(INCIDENT_STATES).optional(),
  severity: z.enum(SEVERITIES).optional(),
  entity: z.string().regex(/^[a-z][a-z0-9_]{1,62}$/, "must be an entity type").optional(),
  tournament_no: z.string().regex(/^\d{1,10}$/, "must be a tournament number").optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: cursor.optional(),
});

/** A page of incidents, newest first, with the mean times of the last 30 days. @throws DatabaseError */
export async function listAlerts(
  rpc: Rpc<"list_alert_incidents">,
  clock: Clock,
  query: z.infer<typeof AlertQuery>,
): Promise<z.infer<typeof AlertListResponse>> {
  const { entity, limit, cursor: after, ...filters } = query;
  // One row more than the limit shows whether a next page exists.
  const p = { ...filters, entity_type: entity, ...after, limit: limit + 1 };
  const { alerts: found, mean_times, titles } = await rpc("list_alert_incidents", { p, as_of: clock.asOf() });
  const alerts = found.slice(0, limit);
  const last = alerts.at(-1);
  return {
    alerts: alerts.map((row) => describeIncident(row, nameIn(titles))),
    mean_times,
    next_cursor: found.length > limit && last ? nextCursor(last.opened_at, last.id) : null,
  };
}

/** One incident with its timeline. @throws AppError NOT_FOUND */
export async function readAlert(rpc: Rpc<"get_alert_incident">, clock: Clock, id: string): Promise<z.infer<typeof AlertDetailResponse>> {
  const found = await rpc("get_alert_incident", { p: { id }, as_of: clock.asOf() });
  if (!found) throw new AppError("NOT_FOUND", `there is no alert ${id}`);
  const nameOf = nameIn(found.titles);
  // The schema removes the fields that only the words need.
  return AlertDetailResponse.parse({
    ...describeIncident(found, nameOf),
    ...escalationOf(found),
    children: found.children.map((child) => describeIncident(child, nameOf)),
    parent: found.parent && describeIncident(found.parent, nameOf),
    runbook_anchor: runbookAnchorOf(found, found.rule?.runbook_url ?? null),
  });
}
