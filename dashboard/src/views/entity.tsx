import { Link, useParams } from "wouter-preact";
import { EntityListResponse, type EntityWithPauses } from "../../../types/admin.ts";
import { PerformanceHistoryResponse, PERIODS } from "../../../types/history.ts";
import { useFilters } from "../address.ts";
import { ErrorAnalytics } from "../components/error-analytics.tsx";
import { SelectField } from "../components/fields.tsx";
import { History } from "../components/history.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { NextRun } from "../components/next-run.tsx";
import { Pause } from "../components/pause.tsx";
import { Runs } from "../components/runs.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { inUtc, number, title } from "../format.ts";
import { pathOf, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { useOverview } from "../overview.ts";

const PERIOD_NAMES = Object.entries(PERIODS).map(([period, { span }]) => [period, span] as const);

export default function EntityView() {
  const { type = "" } = useParams();
  const [filters, change] = useFilters(["period", "from", "until"]);
  const period = filters.period in PERIODS ? filters.period : "24h";
  const health = useOverview().data?.sync_entities[type];
  const entity = useRead("sync-admin/entities", EntityListResponse, {
    every: 30_000,
  }).data?.entities.find(({ entity_type }) => entity_type === type);
  const history = useRead(
    pathOf("sync-monitoring/performance-history", { period, entity: type }),
    PerformanceHistoryResponse,
    { every: 15_000 },
  );
  const { can } = useUser();
  return (
    <Page
      title={title(type)}
      lead={health && (
        <>
          <Status of={health.status} /> {health.because.map(({ message }) => message).join("; ")}
        </>
      )}
      acts={
        <>
          {can("operator") && entity?.is_active && (
            <Link href={pathOf("/sync", { entity: type })} role="button">
              Sync now
            </Link>
          )}
          {can("admin") && entity && (
            <>
              <Pause entity={entity} />
              <Link href={`/entities/${type}/settings`} role="button">Settings</Link>
            </>
          )}
        </>
      }
    >
      {entity?.paused_at && (
        <p role="status">
          <Status of="WARNING" label="Paused" /> by {entity.paused_by} since <Moment at={entity.paused_at} />: {entity.paused_reason}
        </p>
      )}
      {health && (
        <Facts
          of={[
            [
              "Next run",
              <NextRun health={health} />,
            ],
            ["Fresh as of", <Distance at={health.last_successful_sync} />],
            ["Failures in a row", number(health.consecutive_failures)],
          ]}
        />
      )}
      {entity && <Settings entity={entity} />}
      <div class="filters">
        <SelectField
          label="Period"
          value={period}
          options={PERIOD_NAMES}
          onChange={(value) => change({ period: value, from: "", until: "" })}
        />
        {filters.from && (
          <button
            type="button"
            onClick={() => change({ from: "", until: "" })}
          >
            Show the whole period
          </button>
        )}
      </div>
      <Reading of={history}>
        {(data) => (
          <History
            data={data}
            zoom={filters.from && filters.until ? [Number(filters.from), Number(filters.until)] : null}
            onZoom={(from, until) =>
              change({
                from: String(Math.round(from)),
                until: String(Math.round(until)),
              })}
            type={type}
          />
        )}
      </Reading>
      <Section
        title="Errors by type"
        acts={
          <Link href={pathOf("/errors", { entity: type, period })}>
            All errors
          </Link>
        }
      >
        <ErrorTypes type={type} period={period} />
      </Section>
      <Section title="Runs">
        <Runs query={{ entity: type }} caption={`Runs of ${title(type)}`} />
      </Section>
    </Page>
  );
}

function Settings({ entity }: { entity: EntityWithPauses }) {
  const { sync_frequency, schedule_anchor, alert_threshold_failures: threshold, notification_channels: channels } = entity;
  return (
    <Facts
      of={[
        ["State", entity.is_active ? entity.paused_at ? "paused" : "active" : "inactive"],
        ["Every", sync_frequency],
        ["Anchor", inUtc(schedule_anchor)],
        ["Grace", entity.grace],
        ["Budget", entity.max_runtime],
        ["Failures before an alert", threshold === null ? "as each rule says" : number(threshold)],
        ["Channels", channels?.join(", ") ?? "as each rule says"],
      ]}
    />
  );
}

function ErrorTypes({ type, period }: { type: string; period: string }) {
  return (
    <ErrorAnalytics period={period} entity={type} every={15_000}>
      {({ by_type, total }) =>
        total === 0 ? <Empty>No error in this period.</Empty> : (
          <dl class="bars">
            {Object.entries(by_type).filter(([, count]) => count > 0).sort((
              [, a],
              [, b],
            ) => b - a).map(([name, count]) => (
              <div key={name}>
                <dt>{title(name)}</dt>
                <dd>
                  <meter value={count} max={total} aria-label={title(name)} /> {number(count)}
                </dd>
              </div>
            ))}
          </dl>
        )}
    </ErrorAnalytics>
  );
}
