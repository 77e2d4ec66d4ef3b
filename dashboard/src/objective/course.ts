import type { ObjectiveDetailResponse } from "../../../types/objectives.ts";

const DAY_S = 86_400;
const secondsOf = (moment: string): number => Date.parse(moment) / 1_000;

/** The remaining share of the budget at the start of the window, at the end of each of its UTC days, and now. */
export function courseOf({ from, until, course }: Pick<ObjectiveDetailResponse, "from" | "until" | "course">) {
  const start = secondsOf(from), end = secondsOf(until), known = new Map(course.map((day) => [secondsOf(day.from), day.budget_left]));
  const times = [start], values = [1];
  for (let day = Math.floor(start / DAY_S) * DAY_S; day < end; day += DAY_S) {
    times.push(Math.min(day + DAY_S, end));
    // A day without an event spends nothing.
    values.push(known.get(day) ?? values.at(-1) ?? 1);
  }
  return { times, values };
}

const MOST_TICKS = 5;

/** The ticks of the axis, from a round value at or below every point to at most 100 %. */
export function ticksDownTo(lowest: number): number[] {
  const power = 10 ** Math.floor(Math.log10(Math.max(1 - lowest, 1)));
  const step = [0.25, 0.5, 1, 2, 5].map((factor) => factor * power).find((step) => (1 - lowest) / step <= MOST_TICKS) ?? 10 * power;
  const first = Math.floor(Math.min(lowest, 0) / step);
  return Array.from({ length: Math.floor(1 / step) - first + 1 }, (_, index) => (first + index) * step);
}

/** The incidents as bands; an inhibited incident has no band of its own. */
export const bandsOf = ({ incidents, until }: Pick<ObjectiveDetailResponse, "incidents" | "until">) =>
  incidents.filter(({ parent_id }) => parent_id === null).map(({ id, rule_name, began_at, resolved_at }) => ({
    from: secondsOf(began_at),
    until: secondsOf(resolved_at ?? until),
    label: rule_name,
    href: `#/alerts/${id}`,
  }));
