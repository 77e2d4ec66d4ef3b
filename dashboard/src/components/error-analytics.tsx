import type { ComponentChildren } from "preact";
import type { z } from "zod";
import { ErrorAnalyticsResponse, PERIODS } from "../../../types/history.ts";
import { ApiError } from "../api.ts";
import { msOf, sentence } from "../format.ts";
import { pathOf, useRead } from "../queries.ts";
import { Reading } from "./states.tsx";

export type Analytics = z.infer<typeof ErrorAnalyticsResponse>;

/** The longest period with stored errors, from the message that refuses a longer one: `errors are kept for 90 days; …`. */
function longestPeriod(refusal: string): [period: string, span: string] | undefined {
  const kept = msOf(/\d+ \w+/.exec(refusal)?.[0] ?? "") ?? 0;
  return Object.entries(PERIODS).map(([period, { span }]) => [period, span] as [string, string])
    .findLast(([, span]) => (msOf(span) ?? Infinity) <= kept);
}

/** Reads the errors of a period; a period beyond the retention of errors is replaced by the longest possible one. */
export function ErrorAnalytics({ period, entity, filters, every, children }: {
  period: string;
  entity: string;
  /** Further filters of the API. */
  filters?: Record<string, string>;
  every: number;
  children: (data: Analytics) => ComponentChildren;
}) {
  const pathFor = (period: string) => pathOf("sync-monitoring/error-analytics", { period, entity, ...filters });
  const asked = useRead(pathFor(period), ErrorAnalyticsResponse, { every });
  const refusal = asked.error instanceof ApiError ? asked.error.fields.period : undefined;
  const [shorter, span] = (refusal && longestPeriod(refusal)) || [];
  const shown = useRead(pathFor(shorter ?? period), ErrorAnalyticsResponse, { every, isEnabled: shorter !== undefined });
  if (!refusal) return <Reading of={asked}>{children}</Reading>;
  if (!shorter) return <p class="muted">{sentence(refusal)}</p>;
  return (
    <>
      <p class="muted">{sentence(`${refusal.split(";")[0]}; this shows the last ${span}`)}</p>
      <Reading of={shown}>{children}</Reading>
    </>
  );
}
