import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import { AlertQualityResponse, QUALITY_PERIODS, type RuleQuality } from "../../../types/alert-quality.ts";
import { useFilters } from "../address.ts";
import { Export } from "../components/export.tsx";
import { Headline } from "../components/headline.tsx";
import { Page, Section } from "../components/page.tsx";
import { Segments } from "../components/segments.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { type Column, Table } from "../components/table.tsx";
import { AlertTabs } from "../components/tabs.tsx";
import { Unknown } from "../components/time.tsx";
import { Suggestion } from "../incident/suggestion.tsx";
import { counted, largestUnit, number, percent } from "../format.ts";
import { useNames } from "../names.ts";
import { useNarrow } from "../narrow.ts";
import { pathOf, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

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
      lead="Whether each rule was worth its notifications. Times are medians."
      acts={
        <>
          <Segments label="Period" names={QUALITY_PERIODS} chosen={period} onChoose={(period) => change({ period })} />
          <Export
            name={`alert-quality-${period}`}
            path={PATH}
            query={{ period }}
            schema={AlertQualityResponse}
            rowsOf={({ rules }) => rules}
            hasPages={false}
          />
        </>
      }
    >
      <AlertTabs at="/alerts/quality" />
      <Reading of={quality}>{(data) => <Body quality={data} />}</Reading>
    </Page>
  );
}

const sumOf = (rules: RuleQuality[], field: "incidents" | "notifications" | "acknowledged" | "brief"): number =>
  rules.reduce((sum, rule) => sum + rule[field], 0);
const isLost = (events: number, budget: number): boolean => budget > 0 && events * 2 >= budget;
/** The share of an error budget that events spent; half of it is a warning. */
const Share = ({ of: events, budget }: { of: number; budget: number }) =>
  budget
    ? (
      <span class={events >= budget ? "bad" : isLost(events, budget) ? "warn" : events ? undefined : "muted"}>
        {percent(events / budget)}
      </span>
    )
    : <Unknown />;
/** A count; zero is muted. */
const Count = ({ of }: { of: number }) => <span class={of ? undefined : "muted"}>{number(of)}</span>;
const BRIEF = "Ended in 5 min";
const isNoisy = (incidents: number, brief: number) => incidents >= NOISY && brief * 2 >= incidents;
/** The number of incidents that ended within five minutes without an act; a warning when it is at least half of many incidents. */
const Brief = ({ of: { incidents, brief } }: { of: RuleQuality }) =>
  isNoisy(incidents, brief) ? <strong class="warn">{number(brief)} of {number(incidents)}</strong> : <Count of={brief} />;
const labelsOf = ({ useful, noise }: RuleQuality) => useful + noise > 0 && `${number(useful)} useful, ${number(noise)} noise`;
const Time = ({ ms }: { ms: number | null }) => ms === null ? <Unknown /> : <>{largestUnit(ms)}</>;

/** The figures of a row on a narrow screen, which has no columns; false omits a figure. */
const Narrow = ({ of: figures }: { of: [name: string, value: ComponentChildren][] }) =>
  useNarrow()
    ? (
      <dl class="row-figures">
        {figures.filter(([, value]) => value !== false).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt> <dd>{value}</dd>
          </div>
        ))}
      </dl>
    )
    : null;

function Body({ quality: { period, rules, objectives: all } }: { quality: AlertQualityResponse }) {
  const objectives = all.filter(({ bad_events }) => bad_events > 0);
  const incidents = sumOf(rules, "incidents"), acknowledged = sumOf(rules, "acknowledged"), brief = sumOf(rules, "brief");
  const { can } = useUser();
  const fired = rules.filter((rule) => rule.incidents > 0 || rule.notifications > 0);
  const silent = rules.filter((rule) => rule.is_active && !fired.includes(rule)).length;
  const notifications = sumOf(rules, "notifications"), isUnheard = incidents > 0 && notifications === 0;
  const lost = objectives.filter(({ unnoticed_events, budget_events }) => isLost(unnoticed_events, budget_events)).length;
  const noisy = fired.filter((rule) => isNoisy(rule.incidents, rule.brief)).length;
  return (
    <>
      <Headline
        of={noisy > 0 || isUnheard ? "PENDING" : "OK"}
        title={noisy > 0
          ? `${number(noisy)} of ${counted(fired.length, "rule")} that fired ${noisy === 1 ? "is" : "are"} noisy`
          : isUnheard
          ? "Nobody was notified outside this page"
          : `${counted(notifications, "notification")} about ${counted(incidents, "incident")}`}
        figures={[
          ["Incidents", number(incidents)],
          ["Notifications", number(notifications), isUnheard ? "WARNING" : "OK"],
          ["Acknowledged", number(acknowledged)],
        ]}
        acts={isUnheard && can("admin") && <Link href="/alerts/channels">Open the channels</Link>}
      >
        {noisy > 0
          ? `${number(brief)} of ${counted(incidents, "incident")} ended within 5 minutes before anybody acted.`
          : `${counted(fired.length, "rule")} fired${silent > 0 ? `, and ${number(silent)} did not` : ""}.`}
        {lost > 0 && ` ${counted(lost, "objective")} lost at least half of the budget while nothing fired.`}
      </Headline>
      <div class="stack quality">
        <Section title="Suggested changes">
          <ul class="card suggestions">
            {fired.map((rule) => rule.rule_id && rule.incidents >= NOISY && <Suggestion key={rule.rule_id} of={rule} period={period} />)}
          </ul>
        </Section>
        <Section title="Rules">
          {fired.length ? <Rules of={fired} /> : <Empty>No rule fired in the period.</Empty>}
        </Section>
        <Section title="Budget spent while nothing fired">
          <Unnoticed of={objectives} />
        </Section>
      </div>
    </>
  );
}

function Rules({ of: rules }: { of: RuleQuality[] }) {
  const nameOf = useNames();
  const columns: Column<RuleQuality>[] = [
    {
      name: "Rule",
      isHead: true,
      cell: (rule) => (
        <>
          {rule.rule_id ? <Link href={`/alerts/rules/${rule.rule_id}`}>{rule.rule_name}</Link> : rule.rule_name}
          {isNoisy(rule.incidents, rule.brief) && (
            <>
              {" "}
              <span class="pill warn">Noisy</span>
            </>
          )}
          <p class="under">{rule.entity_type ? nameOf(rule.entity_type) : "deleted"}</p>
          <Narrow
            of={[
              ["Incidents", <Count of={rule.incidents} />],
              ["Notifications", <Count of={rule.notifications} />],
              ["Acknowledged", <Count of={rule.acknowledged} />],
              [BRIEF, rule.brief > 0 && <Brief of={rule} />],
              ["To acknowledge", rule.acknowledge_ms !== null && largestUnit(rule.acknowledge_ms)],
              ["To resolve", rule.resolve_ms !== null && largestUnit(rule.resolve_ms)],
              ["Flapping", rule.flapping > 0 && number(rule.flapping)],
              ["Labels", labelsOf(rule)],
            ]}
          />
        </>
      ),
    },
    { name: "Incidents", isNumber: true, card: "none", cell: (rule) => <Count of={rule.incidents} /> },
    { name: "Notifications", isNumber: true, card: "none", cell: (rule) => <Count of={rule.notifications} /> },
    { name: "Acknowledged", isNumber: true, card: "none", cell: (rule) => <Count of={rule.acknowledged} /> },
    { name: BRIEF, isNumber: true, card: "none", cell: (rule) => <Brief of={rule} /> },
    ...rules.some(({ flapping }) => flapping)
      ? [
        { name: "Flapping", isNumber: true, isMinor: true, card: "none", cell: (rule) => <Count of={rule.flapping} /> } satisfies Column<
          RuleQuality
        >,
      ]
      : [],
    ...rules.some(labelsOf)
      ? [
        { name: "Labels", isNumber: true, isMinor: true, card: "none", cell: (rule) => labelsOf(rule) || <Unknown /> } satisfies Column<
          RuleQuality
        >,
      ]
      : [],
    { name: "To acknowledge", isNumber: true, isMinor: true, card: "none", cell: (rule) => <Time ms={rule.acknowledge_ms} /> },
    { name: "To resolve", isNumber: true, isMinor: true, card: "none", cell: (rule) => <Time ms={rule.resolve_ms} /> },
  ];
  return (
    <Table
      caption="Rules that fired, the most notifications first"
      columns={columns}
      rows={rules}
      keyOf={({ rule_id, rule_name }) => rule_id ?? rule_name}
    />
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
        {
          name: "Objective",
          isHead: true,
          cell: ({ id, name, bad_events, unnoticed_events, budget_events }) => (
            <>
              <Link href={`/objectives/${id}`}>{name}</Link>
              <Narrow
                of={[
                  ["Bad events", <Count of={bad_events} />],
                  ["Unnoticed", <Count of={unnoticed_events} />],
                  ["Budget spent", <Share of={unnoticed_events} budget={budget_events} />],
                ]}
              />
            </>
          ),
        },
        { name: "Bad events", isNumber: true, card: "none", cell: ({ bad_events }) => <Count of={bad_events} /> },
        { name: "Unnoticed", isNumber: true, card: "none", cell: ({ unnoticed_events }) => <Count of={unnoticed_events} /> },
        {
          name: "Budget spent unnoticed",
          isNumber: true,
          card: "none",
          cell: ({ unnoticed_events, budget_events }) => <Share of={unnoticed_events} budget={budget_events} />,
        },
      ]}
    />
  );
}
