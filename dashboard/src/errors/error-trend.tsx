import { useMemo } from "preact/hooks";
import { PERIODS } from "../../../types/history.ts";
import { Chart } from "../components/chart.tsx";
import type { Analytics } from "../components/error-analytics.tsx";
import { number } from "../format.ts";
import { useNarrow } from "../narrow.ts";
import { errorParts, type Part, stackOf } from "./by-code.ts";

const secondsOf = (moment: string): number => Date.parse(moment) / 1000;

/** The errors of a period over time by code; with `onCode`, the codes are beside the chart, and each one is a filter. */
export function ErrorTrend({ data, onCode }: { data: Analytics; onCode?: (code: string) => void }) {
  const range: [number, number] = [secondsOf(data.from), secondsOf(data.until)];
  const isNarrow = useNarrow();
  const drawn = useMemo(() => {
    const parts = errorParts(data);
    const times = data.trend.map(({ timestamp }) => secondsOf(timestamp));
    return { parts, ...stackOf(parts, times, range, isNarrow ? 48 : 120), bands: [], marks: [] };
  }, [data, isNarrow]);
  const { parts, ...plot } = drawn;
  return (
    <Chart title={`Errors in ${PERIODS[data.period].span}`} {...plot} range={range} format={number} least={1} isAlone>
      {onCode && <Parts of={parts} onCode={onCode} />}
    </Chart>
  );
}

/** The codes with their colour in the chart and their count. */
const Parts = ({ of: parts, onCode }: { of: Part[]; onCode: (code: string) => void }) => (
  <ul class="parts" aria-label="Legend of the chart">
    {parts.map(({ code, count, colour }) => (
      <li key={code}>
        <span class={`swatch ${colour.slice(2)}`} />
        {code === null
          ? <span>Other codes</span>
          : <button type="button" class="plain" aria-label={`Filter by ${code}`} onClick={() => onCode(code)}>{code}</button>}{" "}
        <span class="number">{number(count)}</span>
      </li>
    ))}
  </ul>
);
