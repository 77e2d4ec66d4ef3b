import { Link } from "wouter-preact";
import type { Objective } from "../../../types/objectives.ts";
import { capitalised } from "../format.ts";
import { useUser } from "../session.ts";
import { budgetText, causeAddress, causeText, endText, isInTrouble } from "./budget.ts";

/** The remaining share of the budget as a bar; the bar of an overspent budget is a hatched track. */
export const BudgetBar = ({ of: { budget_left, status } }: { of: Objective }) => (
  <svg class="budget-bar" data-status={status} aria-hidden="true">
    {budget_left !== null && budget_left > 0 && <rect width={`${budget_left * 100}%`} height="100%" />}
  </svg>
);

/** The remaining budget in words, and its end when that is near. */
export function BudgetWords({ of: objective }: { of: Objective }) {
  const end = objective.status === "AT_RISK" ? endText(objective) : null;
  return <>{capitalised(end === null ? budgetText(objective) : `${budgetText(objective)}, ${end}`)}</>;
}

/** A cause as a link to its view. */
export function CauseLink({ of: cause }: { of: Objective["causes"][number] }) {
  const { can } = useUser();
  const address = causeAddress(cause, can("admin")), { text } = causeText(cause);
  return address ? <Link href={address}>{text}</Link> : <>{text}</>;
}

/** The cause that spent most of a budget that is at risk or spent; empty without a known cause. */
export function TopCause({ of: objective }: { of: Objective }) {
  const top = objective.causes.find(({ fingerprint, channel }) => fingerprint !== null || channel !== null);
  if (!isInTrouble(objective) || !top) return null;
  return (
    <p class="top-cause">
      <span class="muted">Top cause:</span> <CauseLink of={top} />
    </p>
  );
}
