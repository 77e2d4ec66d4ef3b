import { Link, useParams } from "wouter-preact";
import { EntityListResponse, type EntityWithPauses } from "../../../types/admin.ts";
import { PerformanceHistoryResponse, PERIODS } from "../../../types/history.ts";
import type { EntityHealthStatus } from "../../../types/monitoring.ts";
import { useFilters } from "../address.ts";
import { ActiveIncidents } from "../components/active-incidents.tsx";
import { Backoff } from "../components/backoff.tsx";
import { CopyMenu } from "../components/copy-menu.tsx";
import { ErrorAnalytics } from "../components/error-analytics.tsx";
import { History, Legend } from "../components/history.tsx";
import { NextRun } from "../components/next-run.tsx";
import { Facts, Page } from "../components/page.tsx";
import { Pause } from "../components/pause.tsx";
import { RangePicker } from "../components/range-picker.tsx";
import { Runs } from "../components/runs.tsx";
import { Segments } from "../components/segments.tsx";
import { Reading } from "../components/states.tsx";
import { Pill } from "../components/status.tsx";
import { Strip, StripKey } from "../components/strip.tsx";
import { Message, Moment, Since, useNow } from "../components/time.tsx";
import { isDataLate } from "../due.ts";
import { counted, duration, inZoneShort, msOf, number, percent, sentence, title } from "../format.ts";
import { healthOfSync } from "../health.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";
import { pathOf, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { countedOf } from "../tab.ts";

type PeriodName = keyof typeof PERIODS;
const NAMES = Object.keys(PERIODS) as PeriodName[];

const periodOf = (name: string): PeriodName => NAMES.find((known) => known === name) ?? "24h";

/** The shortest period that reaches back to a time, in seconds. */
const periodSince = (from: number): PeriodName =>
  NAMES.find((name) => Date.now() - from * 1000 <= (msOf(PERIODS[name].span) ?? 0)) ?? NAMES.at(-1) ?? "1y";

const secondsText = (seconds: number): string => inZoneShort(new Date(seconds * 1000).toISOString());

export default function EntityView() {
  const { type = "" } = useParams();
  const [{ period: chosen }] = useFilters(["period"]);
  const period = periodOf(chosen);
  const nameOf = useNames();
  const overview = useOverview().data;
  const health = overview?.sync_entities[type];
  const entity = useRead("sync-admin/entities", EntityListResponse, { every: 30_000 }).data?.entities
    .find(({ entity_type }) => entity_type === type);
  const { can } = useUser();
  // An incident of all syncs is shown at the sync whose run explains it.
  const isExplained = (runId: string | null) => health?.recent_runs.some(({ id }) => id === runId) ?? false;
  const alerts =
    overview?.active_alerts.filter(({ entity_type, execution_id }) =>
      entity_type === type || (entity_type === "all" && isExplained(execution_id))
    ) ?? [];
  const isFiring = countedOf(alerts).some(({ state }) => state === "FIRING");
  return (
    <Page
      key={type}
      title={nameOf(type)}
      crumb={<Link href="/">Overview</Link>}
      lead={health && (
        <>
          <Pill of={healthOfSync(health)} />
          <p>
            <Message of={health.because.map(({ message }) => sentence(message)).join(" ")} />
          </p>
        </>
      )}
      acts={
        <>
          <CopyMenu id={type} path={pathOf("sync-monitoring/performance-history", { period, entity: type })} />
          {can("admin") && entity && (
            <>
              <Link href={`/entities/${type}/settings`} role="button">Settings</Link>
              <Pause entity={entity} />
            </>
          )}
          {can("operator") && entity?.is_active && (
            // While an incident fires, its acknowledgement is the main act of the view.
            <Link href={pathOf("/sync", { entity: type })} role="button" class={isFiring ? undefined : "primary"}>Sync now</Link>
          )}
        </>
      }
    >
      {alerts.length > 0 && <ActiveIncidents alerts={alerts} />}
      {health && <Backoff entities={[health]} />}
      {entity?.paused_at && (
        <p class="notice" role="status">
          <Pill of="WARNING" label="Paused" />
          <span>
            by {entity.paused_by} since <Moment at={entity.paused_at} />: {entity.paused_reason}
          </span>
        </p>
      )}
      {health && <Now health={health} entity={entity} />}
      <Past type={type} />
      <div class="beside">
        <ErrorTypes type={type} period={period} />
        {entity && <Settings entity={entity} />}
      </div>
      <EntityRuns type={type} name={nameOf(type)} />
    </Page>
  );
}

/** The current state of the data, and the strip of the last runs. */
function Now({ health, entity }: { health: EntityHealthStatus; entity: EntityWithPauses | undefined }) {
  const now = useNow();
  const { last_successful_sync, expected_within_ms } = health;
  return (
    <div class="card pad stack now">
      <Facts
        class="facts"
        of={[
          [
            "Data is",
            <>
              {last_successful_sync === null ? "never read" : (
                <span class={isDataLate(health, now) ? "late" : undefined}>
                  <Since at={last_successful_sync} /> old
                </span>
              )} <small>expected within {duration(expected_within_ms)}</small>
            </>,
          ],
          [
            "Success, 24 h",
            <>
              {percent(health.success_rate_24h)} <small>of {counted(health.runs_24h, "run")}</small>
            </>,
          ],
          [
            "Last run",
            <>
              {duration(health.last_duration_ms)} <small>usually {duration(health.average_duration_ms)}</small>
            </>,
          ],
          [
            "Failures in a row",
            <>
              {number(health.consecutive_failures)} <small>full runs</small>
            </>,
          ],
          [
            "Next run",
            <>
              <NextRun health={health} /> {entity && <small>every {entity.sync_frequency}</small>}
            </>,
          ],
        ]}
      />
      <div>
        <Strip runs={health.recent_runs} entity={entity} now={now} />
        <StripKey />
      </div>
    </div>
  );
}

/** The charts of a period or of a chosen range, and the errors by type. */
function Past({ type }: { type: string }) {
  const [filters, change] = useFilters(["period", "from", "until", "runs_from", "runs_to"]);
  const period = periodOf(filters.period);
  const zoom: [number, number] | null = filters.from && filters.until ? [Number(filters.from), Number(filters.until)] : null;
  const history = useRead(
    pathOf("sync-monitoring/performance-history", { period, entity: type }),
    PerformanceHistoryResponse,
    { every: 15_000 },
  );
  const range: [number, number] = zoom ?? [Date.now() / 1000 - (msOf(PERIODS[period].span) ?? 0) / 1000, Date.now() / 1000];
  const open = (from: number, until: number) => {
    change({ runs_from: new Date(from * 1000).toISOString(), runs_to: new Date(until * 1000).toISOString() });
    document.getElementById("runs")?.scrollIntoView({ behavior: "smooth" });
  };
  return (
    <section aria-label="History">
      <div class="toolbar">
        <Segments
          label="Period"
          names={NAMES}
          chosen={zoom ? "" : period}
          onChoose={(name) => change({ period: name, from: "", until: "" })}
        />
        <RangePicker
          range={range}
          label={zoom ? `${secondsText(zoom[0])} – ${secondsText(zoom[1])}` : "From – to"}
          onChoose={(from, until) => change({ period: periodSince(from), from: String(from), until: String(until) })}
        />
        {zoom && <button type="button" onClick={() => change({ from: "", until: "" })}>Show the whole period</button>}
        <Legend />
      </div>
      <Reading of={history}>
        {(data) => (
          <History
            data={data}
            zoom={zoom}
            onZoom={(from, until) => change({ from: String(Math.round(from)), until: String(Math.round(until)) })}
            onOpen={open}
            type={type}
          />
        )}
      </Reading>
    </section>
  );
}

function EntityRuns({ type, name }: { type: string; name: string }) {
  const [{ runs_from, runs_to }, change] = useFilters(["runs_from", "runs_to"]);
  return (
    <section id="runs" aria-label="Runs">
      {runs_from && runs_to && (
        <p class="notice">
          <span>
            Only runs that started from <Moment at={runs_from} /> to <Moment at={runs_to} />.
          </span>
          <button type="button" class="small" onClick={() => change({ runs_from: "", runs_to: "" })}>Show all runs</button>
        </p>
      )}
      <Runs query={{ entity: type, from: runs_from, to: runs_to }} caption={`Runs of ${name}`} />
    </section>
  );
}

function Settings({ entity }: { entity: EntityWithPauses }) {
  const { sync_frequency, schedule_anchor, alert_threshold_failures: threshold, notification_channels: channels } = entity;
  return (
    <section class="card pad">
      <header class="section">
        <h2>Schedule</h2>
      </header>
      <Facts
        class="facts"
        of={[
          ["State", entity.is_active ? entity.paused_at ? "paused" : "active" : "inactive"],
          ["Every", sync_frequency],
          ["Anchor", <Moment at={schedule_anchor} />],
          ["Grace", entity.grace],
          ["Budget", entity.max_runtime],
          ["Alert after", threshold === null ? "as each rule says" : counted(threshold, "failure")],
          ["Channels", channels?.join(", ") ?? "as each rule says"],
        ]}
      />
    </section>
  );
}

function ErrorTypes({ type, period }: { type: string; period: string }) {
  return (
    <section class="card pad">
      <header class="section">
        <h2>Errors by type</h2>
        <Link href={pathOf("/errors", { entity: type, period })}>All errors</Link>
      </header>
      <ErrorAnalytics period={period} entity={type} every={15_000}>
        {({ by_type, total }) =>
          total === 0 ? <p class="muted">No error in this period.</p> : (
            <dl class="bars">
              {Object.entries(by_type).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a).map(([name, count]) => (
                <div key={name}>
                  <dt>{title(name)}</dt>
                  <dd>
                    <meter value={count} max={total} aria-label={title(name)} /> {number(count)} of {number(total)}
                  </dd>
                </div>
              ))}
            </dl>
          )}
      </ErrorAnalytics>
    </section>
  );
}
