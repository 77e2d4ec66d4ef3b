import type { ComponentChildren } from "preact";
import { INDICATORS, type Objective } from "../../../types/objectives.ts";
import { Facts } from "../components/page.tsx";
import { Moment } from "../components/time.tsx";
import { number, percent, span } from "../format.ts";
import { budgetText, eventsText, shareText } from "./budget.ts";

const Value = ({ is, more }: { is: ComponentChildren; more: ComponentChildren }) => (
  <>
    {is} <small>{more}</small>
  </>
);

/** The figures of an objective in its window. */
export function ObjectiveHead({ of: objective }: { of: Objective }) {
  const { attainment, target, events, bad_events, burn_rate, rolling_window } = objective;
  return (
    <div class="card pad now">
      <Facts
        class="facts"
        of={[
          ["Attainment", <Value is={shareText(attainment)} more={`target ${shareText(target)}`} />],
          ["Bad events", <Value is={number(bad_events)} more={`of ${eventsText(events, objective)}`} />],
          ["Budget left", <BudgetLeft of={objective} />],
          [
            "Burn rate",
            <Value is={burn_rate === null ? number(null) : `${number(Math.round(burn_rate * 10) / 10)} ×`} more="in the last day" />,
          ],
          ["Runs out", <End of={objective} window={rolling_window} />],
        ]}
      />
    </div>
  );
}

/** The number of events that can still be bad, of all bad events that the budget allows. */
function BudgetLeft({ of: objective }: { of: Objective }) {
  const { budget_events, budget_left_events: left, budget_left: share, indicator } = objective;
  if (share === null) return <Value is={number(null)} more={`no ${INDICATORS[indicator].events}`} />;
  if (left < 0) return <Value is={<span class="late">{percent(share)}</span>} more={budgetText(objective)} />;
  const all = Math.floor(budget_events);
  const rest = all === 0
    ? `too few ${INDICATORS[indicator].events} for a bad one`
    : `${number(Math.floor(left))} of ${eventsText(all, objective)}`;
  return <Value is={percent(share)} more={rest} />;
}

/** The end of the budget at the rate of the last day. */
function End({ of: { status, budget_left_events: left, runs_out_at, until }, window }: { of: Objective; window: string }) {
  if (status === "NO_DATA") return <Value is={number(null)} more="nothing to spend" />;
  if (left < 0) return <Value is="spent" more={`in the last ${window}`} />;
  if (runs_out_at === null) return <Value is="not soon" more="at the rate of the last day" />;
  const ms = Date.parse(runs_out_at) - Date.parse(until);
  return <Value is={ms < 60_000 ? "now" : `in ${span(ms)}`} more={<Moment at={runs_out_at} />} />;
}
