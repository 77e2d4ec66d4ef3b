import { useQuery } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { PreviewRuleResponse } from "../../../types/admin.ts";
import { ALERT_METRICS, type Metric, TOURNAMENTS_OF_NOW } from "../../../types/alerts.ts";
import type { Backtest, PastIncident } from "../../../types/backtest.ts";
import { useApi } from "../api.ts";
import { counted, inZoneShort, largestUnit, number } from "../format.ts";
import { describeError } from "../queries.ts";
import { type Fields, isShare, shown, thresholdIn } from "../rule-fields.ts";
import { valueOf } from "../rule-text.ts";
import { useSettled } from "../settled.ts";
import { ThresholdLine } from "./threshold-line.tsx";

const HOUR_MS = 3_600_000, DAY_MS = 24 * HOUR_MS, DAYS = 30;
/** The units of the drawing, which the style sheet stretches over its box. */
const WIDTH = 1_000, HEIGHT = 100, BAND = 10, GAP = 5;

/** A replay of the rule of the form over the last 30 days, beside the recorded incidents, with the threshold as a movable line. */
export function RuleBacktest({ path, request, fields, set }: {
  path: string;
  request: object;
  fields: Fields;
  set: (changes: Partial<Fields>) => void;
}) {
  const { metric, scope } = fields;
  const { lost_past }: Metric = ALERT_METRICS[metric];
  const reason = scope === "TOURNAMENT" ? TOURNAMENTS_OF_NOW : lost_past;
  const threshold = thresholdIn(fields.threshold, metric);
  if (reason) return <Card>The past of this rule cannot be shown: {reason}.</Card>;
  if (typeof threshold !== "number") return <Card>The threshold must be a number.</Card>;
  return (
    <Replayed
      path={path}
      request={request}
      fields={fields}
      threshold={threshold}
      onMove={(value) => set({ threshold: shown(value, metric) })}
    />
  );
}

/** The period of a replay in words; the requested period before the replay is known. */
function periodOf(backtest: Backtest | undefined): string {
  const length = backtest ? Date.parse(backtest.until) - Date.parse(backtest.from) : DAYS * DAY_MS, days = Math.round(length / DAY_MS);
  if (days >= DAYS) return `In the last ${DAYS} days`;
  return `In the last ${days >= 1 ? counted(days, "day").replace(/^1 /, "") : largestUnit(length)}, all that can be measured`;
}

/** The card of a replay, or of a sentence without one. */
const Card = ({ of: backtest, children }: { of?: Backtest; children: ComponentChildren }) => (
  <section class="card pad backtest">
    <h2>{periodOf(backtest)}</h2>
    {backtest ? children : <p class="muted">{children}</p>}
  </section>
);

function Replayed({ path, request, fields: { metric }, threshold, onMove }: {
  path: string;
  request: object;
  fields: Fields;
  threshold: number;
  onMove: (value: number) => void;
}) {
  const api = useApi();
  // The period is fixed when the view opens, so that the request stays the same.
  const [since] = useState(() => new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS - DAYS * DAY_MS).toISOString());
  const body = useSettled(JSON.stringify(replayedFields(request)));
  const { data, error, isFetching } = useQuery<PreviewRuleResponse>({
    queryKey: [path, since, body],
    queryFn: () =>
      api.send({ method: "POST", path: `${path}?since=${encodeURIComponent(since)}`, body: JSON.parse(body) }, PreviewRuleResponse),
    placeholderData: (previous) => previous,
  });
  const backtest = data?.backtest;
  if (error) return <Card>The past cannot be shown. {describeError(error).message}</Card>;
  if (!backtest) return <Card>Replaying …</Card>;
  const values = backtest.values.flatMap(({ value }) => value ?? []);
  const top = topOf(Math.max(0, ...values), metric);
  return (
    <Card of={backtest}>
      <p role="status" aria-busy={isFetching}>{inWords(backtest)}</p>
      <div class="replayed">
        <p class="values">
          <span>{valueOf(top, metric)}</span> <span>{valueOf(top / 2, metric)}</span> <span>0</span>
        </p>
        <div class="drawing">
          <Drawing backtest={backtest} top={top} />
          <ThresholdLine value={threshold} metric={metric} top={top} onMove={onMove} />
        </div>
        <p class="axis">
          <span>{inZoneShort(backtest.from)}</span> <span>now</span>
        </p>
      </div>
      <ul class="legend">
        <li class="would">Would have fired</li>
        {backtest.actual && <li class="really">Really fired</li>}
      </ul>
    </Card>
  );
}

/** The fields of a replay, without name and description, so that typing them repeats no replay and an empty name is allowed. */
const replayedFields = (request: object): object => ({
  ...request,
  ..."name" in request ? { name: "Replayed rule" } : {},
  description: undefined,
  runbook_url: undefined,
});

/** The end of the scale, a value whose half is also round; a person can drag a threshold above it back into the scale. */
function topOf(highest: number, metric: Fields["metric"]): number {
  if (isShare(metric)) return 1;
  const { min, max }: Metric = ALERT_METRICS[metric];
  const needed = Math.max(highest * 1.25, min * 5), magnitude = 10 ** Math.floor(Math.log10(needed));
  const top = [1, 2, 4, 6, 10].map((factor) => factor * magnitude).find((each) => each >= needed) ?? needed;
  return Math.min(top, max);
}

/** The numbers of a replay as a sentence, followed by the recorded numbers. */
function inWords({ incidents, notifications, actual }: Backtest): string {
  const would = `Would have opened ${counted(incidents.length, "incident")} and sent ${counted(notifications.total, "notification")}`;
  const real = actual ? `; the stored rule had ${number(actual.incidents.length)} and ${number(actual.notifications)}` : "";
  return `${would}${real}.`;
}

/** The value as a stepped line over the replayed incidents; the recorded incidents are bars below it. */
function Drawing({ backtest, top }: { backtest: Backtest; top: number }) {
  const from = Date.parse(backtest.from), until = Date.parse(backtest.until);
  const x = (at: string): number => Math.round((Date.parse(at) - from) / Math.max(until - from, 1) * WIDTH * 10) / 10;
  const y = (value: number): number => Math.round((1 - Math.min(value / top, 1)) * HEIGHT * 10) / 10;
  const line = backtest.values.map(({ at, value }, index, { [index + 1]: next }) =>
    value === null
      ? ""
      : `${backtest.values[index - 1]?.value === null || index === 0 ? "M" : "L"}${x(at)} ${y(value)}H${next ? x(next.at) : WIDTH}`
  ).join("");
  const bars = (incidents: PastIncident[], kind: string, rest: { y: number; height: number }) =>
    incidents.map(({ opened_at, resolved_at }) => {
      const left = Math.max(x(opened_at), 0), right = resolved_at ? Math.max(x(resolved_at), left) : WIDTH;
      return <rect key={`${kind} ${opened_at}`} class={kind} x={left} width={Math.max(right - left, 3)} {...rest} />;
    });
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + GAP + BAND}`} preserveAspectRatio="none" aria-hidden="true">
      {bars(backtest.incidents, "would", { y: 0, height: HEIGHT })}
      {bars(backtest.actual?.incidents ?? [], "really", { y: HEIGHT + GAP, height: BAND })}
      <path d={`M0 ${HEIGHT}H${WIDTH}`} class="base" />
      <path d={line} class="value" />
    </svg>
  );
}
