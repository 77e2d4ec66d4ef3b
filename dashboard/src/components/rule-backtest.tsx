import { useQuery } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { PreviewRuleResponse } from "../../../types/admin.ts";
import { ALERT_METRICS, type Metric, TOURNAMENTS_OF_NOW } from "../../../types/alerts.ts";
import type { Backtest, PastIncident } from "../../../types/backtest.ts";
import { useApi } from "../api.ts";
import { counted, inZoneShort, largestUnit, number } from "../format.ts";
import { describeError } from "../queries.ts";
import { type Fields, isShare, shown, thresholdIn } from "../rule-fields.ts";
import { useSettled } from "../settled.ts";
import { ThresholdLine } from "./threshold-line.tsx";

const HOUR_MS = 3_600_000, DAYS = 30;
/** The drawing's own units; the style sheet stretches it over its box. */
const WIDTH = 1_000, HEIGHT = 100;

/** What the rule of the form would have done in the last 30 days, beside what it did, with its threshold as a line that can be moved. */
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
  return (
    <section class="card pad backtest">
      <h2>In the last {DAYS} days</h2>
      {reason
        ? <p class="muted">The past of this rule cannot be shown: {reason}.</p>
        : typeof threshold !== "number"
        ? <p class="muted">The threshold must be a number.</p>
        : (
          <Replayed
            path={path}
            request={request}
            fields={fields}
            threshold={threshold}
            onMove={(value) => set({ threshold: shown(value, metric) })}
          />
        )}
    </section>
  );
}

function Replayed({ path, request, fields: { metric }, threshold, onMove }: {
  path: string;
  request: object;
  fields: Fields;
  threshold: number;
  onMove: (value: number) => void;
}) {
  const api = useApi();
  // A page that is open for hours asks for the same period.
  const [since] = useState(() => new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS - DAYS * 24 * HOUR_MS).toISOString());
  const body = useSettled(JSON.stringify(replayedFields(request)));
  const { data, error, isFetching } = useQuery<PreviewRuleResponse>({
    queryKey: [path, since, body],
    queryFn: () =>
      api.send({ method: "POST", path: `${path}?since=${encodeURIComponent(since)}`, body: JSON.parse(body) }, PreviewRuleResponse),
    placeholderData: (previous) => previous,
  });
  const backtest = data?.backtest;
  if (error) return <p class="muted">The past cannot be shown. {describeError(error).message}</p>;
  if (!backtest) return <p class="muted">Replaying …</p>;
  const values = backtest.values.flatMap(({ value }) => value ?? []);
  const top = topOf(Math.max(0, ...values), metric);
  return (
    <div aria-busy={isFetching}>
      <p role="status">{inWords(backtest)}</p>
      <div class="replayed">
        <Drawing backtest={backtest} top={top} />
        <ThresholdLine value={threshold} metric={metric} top={top} onMove={onMove} />
      </div>
      <p class="axis">
        <span>{inZoneShort(backtest.from)}</span> <span>now</span>
      </p>
      <ul class="legend">
        <li class="shaded">Would have fired</li>
        {backtest.actual && <li class="real">Really fired</li>}
      </ul>
    </div>
  );
}

/** The fields that a replay needs: a typed name or description is no reason to repeat it, and a rule without a name has a past too. */
const replayedFields = (request: object): object => ({
  ...request,
  ..."name" in request ? { name: "Replayed rule" } : {},
  description: undefined,
  runbook_url: undefined,
});

/** The end of the scale; a threshold above it is moved back into it by hand. */
function topOf(highest: number, metric: Fields["metric"]): number {
  if (isShare(metric)) return 1;
  const { min, max }: Metric = ALERT_METRICS[metric];
  return Math.min(Math.max(highest * 1.25, min * 5), max);
}

/** The numbers of a replay as a sentence, with the real ones behind it. */
function inWords({ from, until, incidents, notifications, actual }: Backtest): string {
  const length = Date.parse(until) - Date.parse(from), days = Math.round(length / (24 * HOUR_MS));
  const period = days >= 1 ? counted(days, "day") : largestUnit(length);
  const would = `Would have opened ${counted(incidents.length, "incident")} and sent ${counted(notifications.total, "notification")}`;
  const real = actual ? `; really ${number(actual.incidents.length)} and ${number(actual.notifications)}` : "";
  return `${would} in ${period}${real}.`;
}

/** The value as a stepped line over the incidents that the rule would have had; the real ones are bars below it. */
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
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 10}`} preserveAspectRatio="none" aria-hidden="true">
      {bars(backtest.incidents, "would", { y: 0, height: HEIGHT })}
      {bars(backtest.actual?.incidents ?? [], "really", { y: HEIGHT + 4, height: 6 })}
      <path d={`M0 ${HEIGHT}H${WIDTH}`} class="base" />
      <path d={line} class="value" />
    </svg>
  );
}
