import { useMemo } from "preact/hooks";
import type { ObjectiveDetailResponse } from "../../../types/objectives.ts";
import { Chart } from "../components/chart.tsx";
import { percent } from "../format.ts";
import { bandsOf, courseOf, ticksDownTo } from "./course.ts";

const HEIGHT = 240;

/** The remaining budget over the window, with the line of a spent budget, and the incidents. */
export function BudgetChart({ objective }: { objective: ObjectiveDetailResponse }) {
  const plot = useMemo(() => {
    const { times, values } = courseOf(objective);
    const [start = 0, end = 0] = [times[0], times.at(-1)];
    return {
      times,
      series: [
        { name: "Left", colour: "--text", values, hasEnd: true },
        { name: "All spent", colour: "--bad-fill", values: times.map(() => 0), isDashed: true },
      ],
      bands: bandsOf(objective),
      marks: [],
      range: [start, end + (end - start) * 0.01] as [number, number],
      ticks: ticksDownTo(Math.min(...values)),
      top: 1,
      height: HEIGHT,
      format: percent,
    };
  }, [objective]);
  return <Chart title="Budget left by UTC day" totals={[["now", percent(objective.budget_left)]]} {...plot} />;
}
