import type { PreviewRuleResponse } from "../../../types/admin.ts";
import { ALERT_METRICS, type AlertMetric } from "../../../types/alerts.ts";
import { number, title, words } from "../format.ts";
import { Section } from "./page.tsx";
import { Empty } from "./states.tsx";
import { Status } from "./status.tsx";
import { Table } from "./table.tsx";

/** What a rule measures now in each of its scopes, and what it would do. */
export function RulePreview(
  { of: { scopes }, metric }: { of: PreviewRuleResponse; metric: AlertMetric },
) {
  return (
    <Section title="What it would do now">
      {scopes.length === 0 ? <Empty>It has nothing to measure now.</Empty> : (
        <Table
          caption="What the rule measures, and would do"
          keyOf={(one) => `${one.entity_type} ${one.tournament_no}`}
          rows={scopes}
          columns={[
            {
              name: "About",
              isHead: true,
              cell: (one) => one.tournament_no ? `Tournament ${one.tournament_no}` : title(one.entity_type),
            },
            {
              name: `${title(metric)}, ${ALERT_METRICS[metric].unit}`,
              isNumber: true,
              cell: (one) => number(one.value),
            },
            {
              name: "Limit",
              isNumber: true,
              cell: (one) => number(one.threshold),
            },
            { name: "Runs", isNumber: true, cell: (one) => number(one.runs) },
            {
              name: "Verdict",
              cell: (one) => (
                <Status
                  of={{
                    BREACH: "FIRING",
                    RECOVERED: "OK",
                    BETWEEN: "PENDING",
                    UNKNOWN: "IDLE",
                  }[one.verdict]}
                  label={title(one.verdict)}
                />
              ),
            },
            {
              name: "Would",
              cell: (one) =>
                one.would
                  ? `${words(one.would.to_state)}, tell ${one.would.notify ? one.would.channels.join(", ") : "nobody"}: ${one.would.reason}`
                  : "leave everything as it is",
            },
          ]}
        />
      )}
    </Section>
  );
}
