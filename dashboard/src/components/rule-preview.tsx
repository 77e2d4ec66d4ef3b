import type { PreviewRuleResponse } from "../../../types/admin.ts";
import { ALERT_METRICS, type AlertMetric } from "../../../types/alerts.ts";
import { number, title, words } from "../format.ts";
import { EntityName } from "./entity-name.tsx";
import { Section } from "./page.tsx";
import { Empty } from "./states.tsx";
import { Status } from "./status.tsx";
import { Table } from "./table.tsx";

/** The current value of a rule in each of its scopes, and the transition that it would cause. */
export function RulePreview(
  { of: { scopes }, metric }: { of: PreviewRuleResponse; metric: AlertMetric },
) {
  return (
    <Section title="Preview">
      {scopes.length === 0 ? <Empty>The rule measures nothing now.</Empty> : (
        <Table
          caption="Current values and transitions"
          keyOf={({ entity_type, tournament_no }) => `${entity_type} ${tournament_no}`}
          rows={scopes}
          columns={[
            {
              name: "Scope",
              isHead: true,
              cell: (scope) => scope.tournament_no ? `Tournament ${scope.tournament_no}` : <EntityName of={scope.entity_type} />,
            },
            {
              name: `${title(metric)}, ${ALERT_METRICS[metric].unit}`,
              isNumber: true,
              cell: (scope) => number(scope.value),
            },
            {
              name: "Threshold",
              isNumber: true,
              cell: (scope) => number(scope.threshold),
            },
            { name: "Runs", isNumber: true, cell: (scope) => number(scope.runs) },
            {
              name: "Verdict",
              cell: (scope) => (
                <Status
                  of={{
                    BREACH: "FIRING",
                    RECOVERED: "OK",
                    BETWEEN: "PENDING",
                    UNKNOWN: "IDLE",
                  }[scope.verdict]}
                  label={title(scope.verdict)}
                />
              ),
            },
            {
              name: "Transition",
              cell: (scope) =>
                scope.would
                  ? `${words(scope.would.to_state)}, notifies ${
                    scope.would.notify ? scope.would.channels.join(", ") : "no channel"
                  }: ${scope.would.reason}`
                  : "no transition",
            },
          ]}
        />
      )}
    </Section>
  );
}
