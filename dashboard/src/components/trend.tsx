/** The drawing's own units; the style sheet stretches it over the tile. */
const HEIGHT = 24, WIDTH = 10, BAR = 7, SHORTEST = 1;

/** A bar of each value from `from` to `until`, both shares of the height. */
const bar = (index: number, from: number, until: number): string => {
  const height = Math.max((until - from) * HEIGHT, SHORTEST);
  return `M${index * WIDTH} ${HEIGHT - from * HEIGHT}v${-height}h${BAR}v${height}z`;
};

/** The hourly values of a figure as bars, the newest at the right; of a share also the part that is missing to 1, in red. */
export function Trend({ values, top, isShare = false, isBad = false }: {
  values: (number | null)[];
  /** The value of a bar as high as the drawing; the highest value when it is not given. */
  top?: number;
  isShare?: boolean;
  isBad?: boolean;
}) {
  const highest = top ?? Math.max(...values.map((value) => value ?? 0), 0);
  const bars = values.flatMap((value, index) => value === null || !highest || !value ? [] : [bar(index, 0, value / highest)]);
  const missing = isShare ? values.flatMap((value, index) => value === null || value >= 1 ? [] : [bar(index, value, 1)]) : [];
  return (
    <svg
      class={`trend${isShare ? " share" : isBad ? " bad" : ""}`}
      viewBox={`0 0 ${Math.max(values.length, 1) * WIDTH - (WIDTH - BAR)} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={`M0 ${HEIGHT}h${values.length * WIDTH}`} class="base" />
      <path d={bars.join("")} />
      {missing.length > 0 && <path d={missing.join("")} class="missing" />}
    </svg>
  );
}
