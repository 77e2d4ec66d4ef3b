import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import { z } from "zod";
import { number } from "../format.ts";
import type { Incident } from "./incident.ts";

/** The evidence of a burn-rate rule; a rate is null without an event in its window. */
const BurnEvidence = z.object({
  objective_id: z.string(),
  objective: z.string(),
  events: z.number().nullish(),
  bad_events: z.number().nullish(),
  long_window: z.string().nullish(),
  short_window: z.string().nullish(),
  long_rate: z.number().nullish(),
  short_rate: z.number().nullish(),
});

/** The evidence of an incident of a burn-rate rule; null for other incidents. */
export const burnOf = ({ metric, evidence }: Pick<Incident, "metric" | "evidence">): z.infer<typeof BurnEvidence> | null =>
  metric === "burn_rate" ? BurnEvidence.safeParse(evidence).data ?? null : null;

const rate = (value: number): string => `${number(Math.round(value * 100) / 100)} ×`;

/** The details of an incident of a burn-rate rule: its objective, and the rates in both windows. */
export function burnRows(incident: Pick<Incident, "metric" | "evidence">): [name: string, value: ComponentChildren][] {
  const burn = burnOf(incident);
  if (!burn) return [];
  const rows: [string, ComponentChildren][] = [["Objective", <Link href={`/objectives/${burn.objective_id}`}>{burn.objective}</Link>]];
  if (burn.long_window && typeof burn.long_rate === "number") rows.push([`Rate in ${burn.long_window}`, rate(burn.long_rate)]);
  if (burn.short_window && typeof burn.short_rate === "number") rows.push([`Rate in ${burn.short_window}`, rate(burn.short_rate)]);
  if (typeof burn.events === "number") {
    rows.push(["Bad events", `${number(burn.bad_events)} of ${number(burn.events)} in ${burn.long_window}`]);
  }
  return rows;
}
