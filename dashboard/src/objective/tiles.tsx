import { Link } from "wouter-preact";
import type { Objective } from "../../../types/objectives.ts";
import { Reading, Skeleton } from "../components/states.tsx";
import { Icon } from "../components/status.tsx";
import { isInTrouble, shareText, STATUSES, worstFirst } from "./budget.ts";
import { useObjectives } from "./list.ts";
import { BudgetBar, BudgetWords, TopCause } from "./parts.tsx";

/** A tile for each objective, the worst first. */
export function ObjectiveTiles() {
  const list = useObjectives();
  if (list.data?.objectives.length === 0) return null;
  return (
    <section aria-labelledby="objectives">
      <header class="section">
        <h2 id="objectives">Objectives</h2>
        <Link href="/objectives">All objectives</Link>
      </header>
      {list.isPending ? <Skeleton blocks={1} /> : (
        <Reading of={list}>
          {({ objectives }) => (
            <ul class="tiles">
              {worstFirst(objectives).map((objective) => <Tile key={objective.id} objective={objective} />)}
            </ul>
          )}
        </Reading>
      )}
    </section>
  );
}

function Tile({ objective }: { objective: Objective }) {
  const { id, name, status, attainment, target, rolling_window } = objective;
  return (
    <li data-status={status}>
      <p class="name">
        {isInTrouble(objective) && (
          <>
            <Icon of={STATUSES[status].of} />
            <span class="unseen">{STATUSES[status].name}:</span>
            {" "}
          </>
        )}
        <Link href={`/objectives/${id}`}>{name}</Link>
      </p>
      <p class="attained">
        <strong>{shareText(attainment)}</strong> <small>target {shareText(target)}, {rolling_window}</small>
      </p>
      <BudgetBar of={objective} />
      <p class="words">
        <BudgetWords of={objective} />
      </p>
      <TopCause of={objective} />
    </li>
  );
}
