const WIDTH = 96, HEIGHT = 20;

/** Counts over time as small bars; the highest bar has the full height. */
export function Spark({ counts, label }: { counts: number[]; label: string }) {
  const highest = Math.max(...counts, 1);
  const step = WIDTH / counts.length;
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <path class="ground" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      {counts.map((count, index) => {
        // A bar of one error is visible beside a bar of hundreds.
        const height = count && Math.max(2, (count / highest) * (HEIGHT - 1));
        return count > 0 && <rect key={index} x={index * step} y={HEIGHT - height} width={step - 1} height={height} />;
      })}
    </svg>
  );
}
