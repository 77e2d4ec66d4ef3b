import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { type AlertRule, RuleListResponse } from "../../../types/alerts.ts";
import type { AlertSummary } from "../../../types/monitoring.ts";
import { TextField } from "../components/fields.tsx";
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

/** A list of more rules than these has a filter. */
const FEW = 20;
const FIRING = "Firing now";

const Off = () => <Status of="IDLE" label="Off" />;

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
  const [filter, setFilter] = useState("");
  const isNamed = ({ name }: AlertRule) => name.toLowerCase().includes(filter.trim().toLowerCase());
  const incidents = Map.groupBy(useOverview().data?.active_alerts ?? [], ({ rule_id }) => rule_id);
  const isFiring = ({ id }: AlertRule) =>
    incidents.get(id)?.some(({ state, muted_by }) => state === "FIRING" && muted_by !== "PARENT") ?? false;
  const columns: Column<AlertRule>[] = [
    {
      name: "Rule",
      isHead: true,
      cell: (rule) => (
        <>
          <Link href={`/alerts/rules/${rule.id}`}>{rule.name}</Link>
          <p class="under one-line">
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
          <Severity of={rule.severity} /> {!rule.is_active && (
            <div class="in-card">
              <Off />
            </div>
          )}
        </>
      ),
    },
    ...rules.data?.rules.some(({ is_active }) => !is_active)
      ? [{ name: "State", card: "none" as const, cell: (rule: AlertRule) => !rule.is_active && <Off /> }]
      : [],
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
        {({ rules }) => {
          const shown = rules.filter(isNamed).sort((a, b) => Number(isFiring(b)) - Number(isFiring(a)));
          return (
            <>
              {rules.length > FEW && (
                <div class="filters" role="search">
                  <TextField label="Filter" type="search" placeholder="Name" value={filter} onChange={setFilter} />
                </div>
              )}
              {shown.length > 0
                ? (
                  <Table
                    caption="Alert rules"
                    columns={columns}
                    rows={shown}
                    keyOf={({ id }) => id}
                    groupOf={(rule) => isFiring(rule) ? FIRING : nameOf(rule.entity_type)}
                    groupHead={(name, { length }) => (
                      <>
                        {name} <span class="under">{counted(length, "rule")}</span>
                      </>
                    )}
                  />
                )
                : <Empty>{rules.length ? "No rule matches the filter." : "There is no rule."}</Empty>}
            </>
          );
        }}
      </Reading>
    </Page>
  );
}
