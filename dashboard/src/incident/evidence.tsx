import { Link } from "wouter-preact";
import type { ComponentChildren } from "preact";
import { inZone, number, title, words } from "../format.ts";
import { shareText } from "../objective/budget.ts";

const isTime = (value: unknown): value is string =>
  typeof value === "string" && /^\d{4}-\d{2}-\d{2}[T ]\d{2}:/.test(value) && Number.isFinite(Date.parse(value));

/** A value of the evidence in words. */
function plain(value: unknown): string {
  if (typeof value === "number") return number(value);
  if (isTime(value)) return inZone(value);
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([name, part]) => `${words(name)} ${plain(part)}`).join(", ");
  }
  return String(value);
}

function cell(name: string, value: unknown): ComponentChildren {
  if (name === "execution_id") return <Link href={`/runs/${value}`}>Open the run</Link>;
  if (name === "fingerprint") return <Link href={`/errors/${encodeURIComponent(String(value))}`}>{String(value)}</Link>;
  if (name === "objective_id") return <Link href={`/objectives/${value}`}>Open the objective</Link>;
  if (name === "target" && typeof value === "number") return shareText(value);
  if (["long_rate", "short_rate"].includes(name) && typeof value === "number") return `${number(value)} ×`;
  return plain(value);
}

/** The labels of the evidence of a burn-rate rule. */
const LABELS: Record<string, string> = {
  long_rate: "Burn rate in the long window",
  short_rate: "Burn rate in the short window",
  events: "Events in the long window",
  bad_events: "Bad events in the long window",
};

/** The evidence that other parts of the view show. */
const ELSEWHERE = ["at_peak", "objective", "of", "peak", "tournament"];

/** The evidence as a table, with the JSON of the API below. */
export function Evidence({ of: evidence }: { of: Record<string, unknown> }) {
  const rows = Object.entries(evidence).filter(([name, value]) => value !== null && value !== undefined && !ELSEWHERE.includes(name));
  if (!rows.length) return null;
  return (
    <details>
      <summary>Evidence</summary>
      <dl class="pairs">
        {rows.map((
          [name, value],
        ) => [
          <dt key={name}>{LABELS[name] ?? title(name.replace(/_id$/, ""))}</dt>,
          " ",
          <dd key={`${name} value`}>{cell(name, value)}</dd>,
        ])}
      </dl>
      <details>
        <summary>As JSON</summary>
        <pre tabIndex={0}>{JSON.stringify(evidence, null, 2)}</pre>
      </details>
    </details>
  );
}
