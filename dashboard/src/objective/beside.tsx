import { Link } from "wouter-preact";
import { INDICATORS, type ObjectiveDetailResponse } from "../../../types/objectives.ts";
import { Facts } from "../components/page.tsx";
import { Severity } from "../components/status.tsx";
import { capitalised, number } from "../format.ts";
import { useNames } from "../names.ts";
import { shareText } from "./budget.ts";

/** The events of the objective, its target, and its owner. */
export function Definition(
  { of: { indicator, entity_type, target, rolling_window, owner, description } }: { of: ObjectiveDetailResponse },
) {
  const nameOf = useNames();
  const sync = ["all", "system"].includes(entity_type)
    ? nameOf(entity_type)
    : <Link href={`/entities/${entity_type}`}>{nameOf(entity_type)}</Link>;
  return (
    <section class="card pad">
      <h2>What counts</h2>
      {description && <p class="muted">{description}</p>}
      <Facts
        class="pairs"
        of={[
          ["Good events", capitalised(INDICATORS[indicator].label)],
          ["Sync", sync],
          ["Target", shareText(target)],
          ["Window", `the last ${rolling_window}`],
          ["Owner", owner || "nobody is named"],
        ]}
      />
    </section>
  );
}

/** The burn-rate rules of the objective. */
export function BurnRules({ of: { rules } }: { of: ObjectiveDetailResponse }) {
  return (
    <section class="card pad">
      <h2>Burn-rate rules</h2>
      {rules.length === 0 ? <p class="muted">No rule watches this budget.</p> : (
        <ul class="links">
          {rules.map(({ id, name, threshold, evaluation_window, severity, is_active }) => (
            <li key={id}>
              <Link href={`/alerts/rules/${id}`}>{name}</Link>
              <p>
                <Severity of={severity} /> <small>{number(threshold)} × in {evaluation_window}{!is_active && ", off"}</small>
              </p>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
