import { Link } from "wouter-preact";
import { type AlertRule, RuleListResponse } from "../../../types/alerts.ts";
import type { AlertSummary } from "../../../types/monitoring.ts";
import { Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Severity, Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { RuleIncidents } from "../components/rule-incidents.tsx";
import { RuleSentence } from "../components/rule-sentence.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Moment } from "../components/time.tsx";
import { counted } from "../format.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";
import { useRead } from "../queries.ts";
import { useUser } from "../session.ts";

const OnOff = ({ of: { is_active } }: { of: AlertRule }) => is_active ? <span class="muted">On</span> : <Status of="IDLE" label="Off" />;

/** Why a rule cannot be measured, and its live incidents. */
const Now = ({ rule, incidents }: { rule: AlertRule; incidents: AlertSummary[] }) => (
  <>
    {rule.broken_since !== null && (
      <>
        <Status of="BROKEN" label="Broken" /> since <Moment at={rule.broken_since} />
        <p class="under">{rule.broken_reason}</p>
      </>
    )}
    <RuleIncidents of={incidents} />
  </>
);

export default function Rules() {
  const rules = useRead("sync-admin/alert-rules", RuleListResponse, {
    every: 30_000,
  });
  const { can } = useUser();
  const nameOf = useNames();
  const incidents = Map.groupBy(useOverview().data?.active_alerts ?? [], ({ rule_id }) => rule_id);
  const columns: Column<AlertRule>[] = [
    {
      name: "Rule",
      isHead: true,
      cell: (rule) => (
        <>
          <Link href={`/alerts/rules/${rule.id}`}>{rule.name}</Link>
          <p class="under">
            <RuleSentence of={rule} isBrief />
          </p>
        </>
      ),
    },
    {
      name: "Severity",
      card: "state",
      cell: (rule) => (
        <>
          <Severity of={rule.severity} />{" "}
          <div class="in-card">
            <OnOff of={rule} />
          </div>
        </>
      ),
    },
    { name: "State", card: "none", cell: (rule) => <OnOff of={rule} /> },
    {
      name: "Now",
      card: "head",
      cell: (rule) => {
        const live = incidents.get(rule.id) ?? [];
        return rule.broken_since === null && !live.length ? null : <Now rule={rule} incidents={live} />;
      },
    },
  ];
  return (
    <Page
      title="Alert rules"
      acts={can("admin") && <Link href="/alerts/rules/new" role="button" class="primary">New rule</Link>}
    >
      <AlertTabs at="/alerts/rules" />
      <Reading of={rules}>
        {({ rules }) =>
          rules.length
            ? (
              <Table
                caption="Alert rules"
                columns={columns}
                rows={rules}
                keyOf={({ id }) => id}
                groupOf={({ entity_type }) => nameOf(entity_type)}
                groupHead={(name, { length }) => (
                  <>
                    {name} <span class="under">{counted(length, "rule")}</span>
                  </>
                )}
              />
            )
            : <Empty>There is no rule.</Empty>}
      </Reading>
    </Page>
  );
}
