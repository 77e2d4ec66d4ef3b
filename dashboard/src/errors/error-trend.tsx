import { useMemo } from "preact/hooks";
import { PERIODS } from "../../../types/history.ts";
import { barsOf } from "../charts/bars.ts";
import { number } from "../format.ts";
import { Chart } from "../components/chart.tsx";
import { useNarrow } from "../narrow.ts";
import type { Analytics } from "../components/error-analytics.tsx";

const secondsOf = (moment: string): number => Date.parse(moment) / 1000;

/** The errors of a period over time. */
export function ErrorTrend({ data }: { data: Analytics }) {
  const range: [number, number] = [secondsOf(data.from), secondsOf(data.until)];
  const isNarrow = useNarrow();
  const drawn = useMemo(() => {
    const bars = barsOf(
      data.trend.map(({ timestamp }) => secondsOf(timestamp)),
      data.trend.map(({ count }) => count),
      range,
      isNarrow ? 48 : 120,
    );
    return {
      times: bars.times,
      series: [{ name: "Errors", colour: "--bad-fill", values: bars.values, isBars: true }],
      bands: [],
      marks: [],
    };
  }, [data, isNarrow]);
  return <Chart title={`Errors in ${PERIODS[data.period].span}`} {...drawn} range={range} format={number} least={1} />;
}
