import { Link } from "wouter-preact";
import { AlertQualityResponse, QUALITY_PERIODS, type RuleQuality } from "../../../types/alert-quality.ts";
import { PERIODS } from "../../../types/history.ts";
import { useFilters } from "../address.ts";
import { Export } from "../components/export.tsx";
import { SelectField } from "../components/fields.tsx";
import { Headline } from "../components/headline.tsx";
import { Page, Section } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { type Column, Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Unknown } from "../components/time.tsx";
import { Suggestion } from "../incident/suggestion.tsx";
import { counted, largestUnit, number, percent } from "../format.ts";
import { useNames } from "../names.ts";
import { pathOf, useRead } from "../queries.ts";

const PATH = "sync-monitoring/alert-quality";
/** The number of incidents of a rule from which a suggestion is requested. */
const NOISY = 4;
/** The interval of the read, long because the incidents of a month change slowly. */
const EVERY_MS = 60_000;

export default function Quality() {
  const [filters, change] = useFilters(["period"]);
  const period = filters.period || "30d";
  const quality = useRead(pathOf(PATH, { period }), AlertQualityResponse, { every: EVERY_MS });
  return (
    <Page
      title="Alert quality"
      lead="The incidents and messages of each rule, and how useful they were."
      acts={
        <Export
          name={`alert-quality-${period}`}
          path={PATH}
          query={{ period }}
          schema={AlertQualityResponse}
          rowsOf={({ rules }) => rules}
          hasPages={false}
        />
      }
    >
      <AlertTabs at="/alerts/quality" />
      <div class="filters">
        <SelectField
          label="Period"
          value={period}
          options={QUALITY_PERIODS.map((name) => [name, PERIODS[name].span] as const)}
          onChange={(period) => change({ period })}
        />
      </div>
      <Reading of={quality}>{(data) => <Body quality={data} />}</Reading>
    </Page>
  );
}

const sumOf = (rules: RuleQuality[], field: "incidents" | "notifications" | "acknowledged" | "brief"): number =>
  rules.reduce((sum, rule) => sum + rule[field], 0);
const shareOf = (part: number, whole: number) => whole ? percent(part / whole) : <Unknown />;
/** A count; zero is muted. */
const Count = ({ of, unit }: { of: number; unit?: string }) => (
  <span class={of ? undefined : "muted"}>
    {number(of)} {unit && <span class="unit">{unit}</span>}
  </span>
);

function Body({ quality: { period, rules, objectives } }: { quality: AlertQualityResponse }) {
  const incidents = sumOf(rules, "incidents"), acknowledged = sumOf(rules, "acknowledged"), brief = sumOf(rules, "brief");
  const fired = rules.filter((rule) => rule.incidents > 0 || rule.notifications > 0);
  const silent = rules.filter((rule) => rule.is_active && !fired.includes(rule)).length;
  const messages = sumOf(rules, "notifications"), isUnheard = incidents > 0 && messages === 0;
  const isNoisy = incidents >= NOISY && brief * 2 >= incidents;
  return (
    <>
      <Headline
        of={isNoisy || isUnheard ? "PENDING" : "OK"}
        title={isNoisy
          ? `${number(brief)} of ${counted(incidents, "incident")} ended before anybody acted`
          : isUnheard
          ? "Nobody was notified outside this page"
          : `${counted(messages, "message")} about ${counted(incidents, "incident")}`}
        figures={[
          ["Incidents", number(incidents)],
          ["Acknowledged", number(acknowledged)],
          ["Over in 5 min", number(brief)],
        ]}
      >
        {counted(fired.length, "rule")} fired{silent > 0 && `, and ${number(silent)} did not`}.
      </Headline>
      <Section title="Rules">
        {fired.length ? <Rules of={fired} period={period} /> : <Empty>No rule fired in the period.</Empty>}
      </Section>
      <Section title="Budget spent while nothing fired">
        <Unnoticed of={objectives.filter(({ bad_events }) => bad_events > 0)} />
      </Section>
    </>
  );
}

function Rules({ of: rules, period }: { of: RuleQuality[]; period: AlertQualityResponse["period"] }) {
  const nameOf = useNames();
  const columns: Column<RuleQuality>[] = [
    {
      name: "Rule",
      isHead: true,
      cell: (rule) => (
        <>
          {rule.rule_id ? <Link href={`/alerts/rules/${rule.rule_id}`}>{rule.rule_name}</Link> : rule.rule_name}
          <p class="under">{rule.entity_type ? nameOf(rule.entity_type) : "deleted"}</p>
          {rule.rule_id && rule.incidents >= NOISY && <Suggestion of={rule} period={period} />}
        </>
      ),
    },
    { name: "Incidents", isNumber: true, card: "head", cell: (rule) => <Count of={rule.incidents} unit="fired" /> },
    { name: "Messages", isNumber: true, card: "head", cell: (rule) => <Count of={rule.notifications} unit="sent" /> },
    { name: "Acknowledged", isNumber: true, card: "head", cell: (rule) => <Count of={rule.acknowledged} unit="acknowledged" /> },
    { name: "Over in 5 min", isNumber: true, card: "none", cell: (rule) => <Count of={rule.brief} /> },
    ...rules.some(({ flapping }) => flapping)
      ? [{ name: "Flapping", isNumber: true, cell: (rule: RuleQuality) => <Count of={rule.flapping} /> }]
      : [],
    ...rules.some(({ useful, noise }) => useful + noise)
      ? [{
        name: "Labels",
        cell: ({ useful, noise }: RuleQuality) => useful + noise ? `${number(useful)} useful, ${number(noise)} noise` : <Unknown />,
      }]
      : [],
    {
      name: "To acknowledge",
      isNumber: true,
      isMinor: true,
      card: "head",
      cell: (rule) =>
        rule.acknowledge_ms === null ? <Unknown /> : (
          <>
            {largestUnit(rule.acknowledge_ms)} <span class="unit">to acknowledge</span>
          </>
        ),
    },
    {
      name: "To resolve",
      isNumber: true,
      isMinor: true,
      card: "head",
      cell: (rule) =>
        rule.resolve_ms === null ? <Unknown /> : (
          <>
            {largestUnit(rule.resolve_ms)} <span class="unit">to resolve</span>
          </>
        ),
    },
  ];
  return (
    <div class="quality">
      <Table
        caption="Rules that fired, the most messages first"
        columns={columns}
        rows={rules}
        keyOf={({ rule_id, rule_name }) => rule_id ?? rule_name}
      />
    </div>
  );
}

/** The bad events of each objective in hours without an incident, against the budget of the period. */
function Unnoticed({ of: objectives }: { of: AlertQualityResponse["objectives"] }) {
  if (!objectives.length) return <Empty>No objective had a bad event in the period.</Empty>;
  return (
    <Table
      caption="Objectives"
      rows={objectives}
      keyOf={({ id }) => id}
      columns={[
        { name: "Objective", isHead: true, cell: ({ id, name }) => <Link href={`/objectives/${id}`}>{name}</Link> },
        { name: "Bad events", isNumber: true, card: "head", cell: (objective) => <Count of={objective.bad_events} unit="bad" /> },
        {
          name: "Unnoticed",
          isNumber: true,
          card: "head",
          cell: (objective) => <Count of={objective.unnoticed_events} unit="unnoticed" />,
        },
        {
          name: "Of the budget",
          isNumber: true,
          card: "head",
          cell: (objective) => (
            <>
              {shareOf(objective.unnoticed_events, objective.budget_events)} <span class="unit">of the budget</span>
            </>
          ),
        },
      ]}
    />
  );
}
