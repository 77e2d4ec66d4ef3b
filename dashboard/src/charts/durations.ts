interface Point {
  p50_duration_ms: number | null;
  p95_duration_ms: number | null;
}

interface Line {
  name: string;
  colour: string;
  values: (number | null)[];
  isDashed?: boolean;
  area?: string;
}

/** The lines of the durations: p95 and p50 when they differ in most buckets, and one line when most buckets have a single run. */
export function durationLines(points: Point[]): Line[] {
  const p95 = points.map((point) => point.p95_duration_ms);
  const known = points.filter((point) => point.p50_duration_ms !== null);
  const differing = known.filter((point) => point.p50_duration_ms !== point.p95_duration_ms);
  if (differing.length * 2 <= known.length) return [{ name: "Duration", colour: "--accent", values: p95 }];
  return [
    { name: "p95", colour: "--muted", values: p95, isDashed: true, area: "--accent-soft" },
    { name: "p50", colour: "--accent", values: points.map((point) => point.p50_duration_ms) },
  ];
}
