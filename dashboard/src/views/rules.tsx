import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { type AlertRule, RuleListResponse } from "../../../types/alerts.ts";
import type { AlertSummary } from "../../../types/monitoring.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { useFilters } from "../address.ts";
import { SelectField, TextField } from "../components/fields.tsx";
import { Filters } from "../components/filters.tsx";
import { Page } from "../components/page.tsx";
import { RuleIncidents } from "../components/rule-incidents.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Severity, Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Moment } from "../components/time.tsx";
import { counted, title } from "../format.ts";
import { useNames } from "../names.ts";
import { useObjectives } from "../objective/list.ts";
import { useOverview } from "../overview.ts";
import { useRead } from "../queries.ts";
import { isNotifying, RULE_STATES, ruleStateOf, summaryOf } from "../rule-state.ts";
import { conditionOf } from "../rule-text.ts";
import { useUser } from "../session.ts";

/** The number of rules above which the list has filters. */
const FEW = 20;
const FIRING = "Firing now";

/** The channels of a rule besides this page; empty for a rule that only this page shows. */
const notifiesOf = (rule: AlertRule): string => rule.notification_channels.filter((name) => name !== "dashboard").join(", ");

/** The reason why a rule cannot be measured, and its live incidents. */
const Now = ({ rule, incidents }: { rule: AlertRule; incidents: AlertSummary[] }) => (
  <>
    {rule.broken_since !== null && (
      <>
        <Status of="BROKEN" label="Broken" /> since <Moment at={rule.broken_since} />
        {rule.broken_reason && <p class="under cut" title={rule.broken_reason}>{rule.broken_reason}</p>}
      </>
    )}
    <RuleIncidents of={incidents} />
  </>
);

export default function Rules() {
  const rules = useRead("sync-admin/alert-rules", RuleListResponse, { every: 30_000 });
  const { can } = useUser();
  const nameOf = useNames();
  const objectives = useObjectives().data?.objectives;
  const [name, setName] = useState("");
  const [filters, change] = useFilters(["state", "severity", "channel"]);
  const incidents = Map.groupBy(useOverview().data?.active_alerts ?? [], ({ rule_id }) => rule_id);
  const stateOf = (rule: AlertRule) => ruleStateOf(rule, incidents.get(rule.id) ?? []);
  const set = Object.values(filters).filter(Boolean).length;
  const isShown = (rule: AlertRule) =>
    rule.name.toLowerCase().includes(name.trim().toLowerCase()) && (!filters.state || stateOf(rule) === filters.state) &&
    (!filters.severity || rule.severity === filters.severity) && (!filters.channel || isNotifying(rule, filters.channel));
  const columns: Column<AlertRule>[] = [
    {
      name: "Rule",
      isHead: true,
      cell: (rule) => <Link href={`/alerts/rules/${rule.id}`}>{rule.name}</Link>,
    },
    {
      name: "Condition",
      card: "wide",
      cell: (rule) => {
        const condition = conditionOf({ ...rule, objective: objectives?.find(({ id }) => id === rule.objective_id)?.name });
        return <p class="condition" title={condition}>{condition}</p>;
      },
    },
    {
      name: "Now",
      card: "head",
      cell: (rule) => {
        const live = incidents.get(rule.id) ?? [];
        if (!rule.is_active) return <Status of="IDLE" label="Off" />;
        return rule.broken_since === null && !live.length ? null : <Now rule={rule} incidents={live} />;
      },
    },
    // The column is omitted when no rule notifies another channel than this page.
    ...rules.data?.rules.some(notifiesOf) ? [{ name: "Notifies", card: "none", cell: notifiesOf } as const] : [],
    {
      name: "Severity",
      card: "state",
      // Only firing rules have the colour of their severity.
      cell: (rule) => stateOf(rule) === "FIRING" ? <Severity of={rule.severity} /> : <span class="pill">{title(rule.severity)}</span>,
    },
  ];
  return (
    <Page
      title="Alert rules"
      lead={rules.data && summaryOf(rules.data.rules.map(stateOf))}
      acts={can("admin") && <Link href="/alerts/rules/new" role="button" class="primary">New rule</Link>}
    >
      <AlertTabs at="/alerts/rules" />
      <Reading of={rules}>
        {({ rules }) => {
          const shown = rules.filter(isShown).sort((a, b) => Number(stateOf(b) === "FIRING") - Number(stateOf(a) === "FIRING"));
          const channels = [...new Set(rules.flatMap((rule) => [rule.notification_channels, ...rule.escalation_channels].flat()))].sort();
          return (
            <div class="stack rules">
              {(rules.length > FEW || set > 0) && (
                <Filters
                  first={<TextField label="Rule" type="search" placeholder="Part of its name" value={name} onChange={setName} />}
                  set={set}
                  onClear={() => change({ state: "", severity: "", channel: "" })}
                >
                  <SelectField
                    label="State"
                    value={filters.state}
                    options={[["", "any"], ...Object.entries(RULE_STATES).map(([state, { name }]) => [state, name] as const)]}
                    onChange={(state) => change({ state })}
                  />
                  <SelectField
                    label="Severity"
                    value={filters.severity}
                    options={[["", "any"], ...SEVERITIES.map((name) => [name, title(name)] as const)]}
                    onChange={(severity) => change({ severity })}
                  />
                  <SelectField
                    label="Channel"
                    value={filters.channel}
                    options={[["", "any"], ...channels.map((name) => [name, name] as const)]}
                    onChange={(channel) => change({ channel })}
                  />
                </Filters>
              )}
              {shown.length > 0
                ? (
                  <Table
                    caption="Alert rules"
                    columns={columns}
                    rows={shown}
                    keyOf={({ id }) => id}
                    groupOf={(rule) => stateOf(rule) === "FIRING" ? FIRING : nameOf(rule.entity_type)}
                    groupHead={(name, { length }) => (
                      <>
                        {name} <span class="under">{counted(length, "rule")}</span>
                      </>
                    )}
                  />
                )
                : <Empty>{rules.length ? "No rule matches the filters." : "There is no rule."}</Empty>}
            </div>
          );
        }}
      </Reading>
    </Page>
  );
}
