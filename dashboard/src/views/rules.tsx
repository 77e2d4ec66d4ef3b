import { Link } from "wouter-preact";
import { type AlertRule, RuleListResponse } from "../../../types/alerts.ts";
import { Page, Section } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Severity, Status } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { RuleSentence } from "../components/rule-sentence.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Moment } from "../components/time.tsx";
import { useNames } from "../names.ts";
import { useRead } from "../queries.ts";
import { useUser } from "../session.ts";

const COLUMNS: Column<AlertRule>[] = [
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
  { name: "Severity", card: "head", cell: (rule) => <Severity of={rule.severity} /> },
  { name: "Scope", card: "head", cell: (rule) => rule.scope === "TOURNAMENT" && "each tournament" },
  {
    name: "State",
    card: "state",
    cell: (rule) =>
      !rule.is_active ? <Status of="IDLE" label="Off" /> : rule.broken_since !== null && (
        <>
          <Status of="BROKEN" label="Broken" /> since <Moment at={rule.broken_since} />
          <p class="under">{rule.broken_reason}</p>
        </>
      ),
  },
];

export default function Rules() {
  const rules = useRead("sync-admin/alert-rules", RuleListResponse, {
    every: 30_000,
  });
  const { can } = useUser();
  const nameOf = useNames();
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
              <div class="rules stack">
                {[...Map.groupBy(rules, ({ entity_type }) => nameOf(entity_type))].map(([name, rules]) => (
                  <Section key={name} title={name}>
                    <Table caption={`Alert rules, ${name}`} columns={COLUMNS} rows={rules} keyOf={(rule) => rule.id} />
                  </Section>
                ))}
              </div>
            )
            : <Empty>There is no rule.</Empty>}
      </Reading>
    </Page>
  );
}
