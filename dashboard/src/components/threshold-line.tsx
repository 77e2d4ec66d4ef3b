import { ALERT_METRICS, type AlertMetric, type Metric } from "../../../types/alerts.ts";
import { isShare } from "../rule-fields.ts";
import { valueOf } from "../rule-text.ts";

const round = (value: number, step: number): number => Number((Math.round(value / step) * step).toFixed(6));

/** The step between two thresholds for a pointer or a key: one percent, or a round part of the scale. */
function stepOf(metric: AlertMetric, top: number): number {
  if (isShare(metric)) return 0.01;
  const rough = top / 100, magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((each) => each >= rough) ?? magnitude;
  return metric === "error_rate" ? step : Math.max(step, 1);
}

/** A threshold as a line over a chart from 0 to `top`, which a pointer drags and the arrow keys move. */
export function ThresholdLine({ value, metric, top, onMove }: {
  value: number;
  metric: AlertMetric;
  top: number;
  onMove: (value: number) => void;
}) {
  const { min, max }: Metric = ALERT_METRICS[metric], step = stepOf(metric, top), highest = Math.min(max, top);
  const move = (to: number): void => {
    const chosen = Math.min(Math.max(round(to, step), min), max);
    if (chosen !== value) onMove(chosen);
  };
  const keys: Record<string, number> = {
    ArrowUp: value + step,
    ArrowRight: value + step,
    ArrowDown: value - step,
    ArrowLeft: value - step,
    PageUp: value + 10 * step,
    PageDown: value - 10 * step,
    Home: min,
    End: highest,
  };
  return (
    <div class="threshold-area">
      <div
        class="threshold-line"
        role="slider"
        tabIndex={0}
        aria-label="Line of the threshold"
        aria-orientation="vertical"
        aria-valuemin={min}
        aria-valuemax={Math.max(highest, value)}
        aria-valuenow={value}
        aria-valuetext={valueOf(value, metric)}
        style={{ bottom: `${Math.min(Math.max(value / top, 0), 1) * 100}%` }}
        onKeyDown={(event) => {
          const to = keys[event.key];
          if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          move(to);
        }}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
          const area = event.currentTarget.parentElement?.getBoundingClientRect();
          if (area) move((1 - (event.clientY - area.top) / area.height) * top);
        }}
      >
        <span>{valueOf(value, metric)}</span>
      </div>
    </div>
  );
}
