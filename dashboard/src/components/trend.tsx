/** The units of the drawing, which the style sheet stretches over the tile. */
const HEIGHT = 24, WIDTH = 10, BAR = 7, SHORTEST = 1;

/** The path of a bar from `from` to `until`, both as shares of the height. */
const bar = (index: number, from: number, until: number): string => {
  const height = Math.max((until - from) * HEIGHT, SHORTEST);
  return `M${index * WIDTH} ${HEIGHT - from * HEIGHT}v${-height}h${BAR}v${height}z`;
};

/** The hourly values of a figure as bars, the newest at the right; for a share, the part up to 1 is red. */
export function Trend({ values, top, isShare = false, isBad = false }: {
  values: (number | null)[];
  /** The value of a bar of full height; by default the highest value. */
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
