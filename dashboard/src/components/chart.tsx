import { Table2 } from "lucide-preact";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Drawing, Plot } from "../charts/plot.ts";
import { inZoneShort } from "../format.ts";
import { useTheme } from "../theme.ts";

/** The first time with a value, in seconds, when most of the range before it is empty; else null. */
function beginOf({ times, series, range: [from, until] }: Plot): number | null {
  const begin = times.find((_, index) => series.some(({ values, isBars }) => isBars || (values[index] ?? null) !== null));
  return begin !== undefined && begin - from > (until - from) / 2 ? begin : null;
}

/**
 * A chart, whose library is loaded on demand, and whose figures can be shown as a table; `totals` are labelled figures of the whole period,
 * and `children` are beside the plot.
 */
export function Chart({ title, totals = [], children, ...plot }: Plot & {
  title: string;
  totals?: [label: string, value: string][];
  children?: ComponentChildren;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [theme] = useTheme();
  const [isOpen, setOpen] = useState(false);
  const [point, setPoint] = useState("");
  const drawing = useRef<Drawing | null>(null);
  const latest = useRef(plot);
  latest.current = plot;
  // The library draws a fixed list of lines, so a new list needs a new drawing.
  const names = plot.series.map(({ name }) => name).join();
  useEffect(() => {
    let isUnmounted = false;
    void import("../charts/plot.ts").then(({ draw }) => {
      if (!isUnmounted && box.current) drawing.current = draw(box.current, latest.current);
    });
    return () => {
      isUnmounted = true;
      drawing.current?.remove();
      drawing.current = null;
    };
  }, [theme, names]);
  useEffect(() => {
    // Each chart updates in its own task, so that the update of all charts does not block a scroll.
    const task = setTimeout(() => drawing.current?.update(plot));
    return () => clearTimeout(task);
  }, [plot.times, plot.series, plot.bands, plot.range[0], plot.range[1]]);
  const since = beginOf(plot);
  const isKnown = plot.series.some(({ values }) => values.some((value) => value !== null));
  return (
    <figure class="chart">
      <figcaption>
        <span class="title">{title}</span> {totals.map(([label, value]) => (
          <span key={label}>
            <small>{label}</small> {value}
          </span>
        ))}
        <button
          type="button"
          class="plain"
          aria-expanded={isOpen}
          aria-label={`Figures of ${title}`}
          title="Figures"
          onClick={() => setOpen(!isOpen)}
        >
          <Table2 aria-hidden="true" />
        </button>
      </figcaption>
      {since !== null && <p class="since">No data before {inZoneShort(new Date(since * 1000).toISOString())}</p>}
      {!isKnown && <p class="empty">No value in this period.</p>}
      <div
        ref={box}
        class="plot"
        hidden={!isKnown}
        style={{ minHeight: `${plot.height ?? 180}px` }}
        role="group"
        tabIndex={0}
        aria-label={`${title}: ${plot.series.map(({ name }) => name).join(", ")}. Arrow keys move between the points${
          plot.onOpen ? ", Enter shows the runs of a point" : ""
        }. The button before shows the figures as a table.`}
        onKeyDown={(event) => {
          // Links inside the chart handle their own keys.
          if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
          const words = drawing.current?.press(event.key);
          if (!words) return;
          event.preventDefault();
          setPoint(words);
        }}
        onBlur={() => drawing.current?.leave()}
      />
      {children}
      <span class="unseen" role="status">{point}</span>
      {isOpen && <Figures {...plot} title={title} />}
    </figure>
  );
}

function Figures({ title, times, series, format }: Plot & { title: string }) {
  const rows = times.map((time, index) => ({
    time,
    values: series.map(({ values }) => values[index] ?? null),
  }))
    .filter(({ values }) => values.some((value) => value !== null)).slice(-100);
  return (
    <div
      class="scroll"
      role="region"
      aria-label={`${title}, figures`}
      tabIndex={0}
    >
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {series.map(({ name }) => <th key={name} scope="col" class="number">{name}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ time, values }) => (
            <tr key={time}>
              <th scope="row">
                {inZoneShort(new Date(time * 1000).toISOString())}
              </th>
              {values.map((value, index) => (
                <td key={index} class="number">
                  {value === null ? "–" : format(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
