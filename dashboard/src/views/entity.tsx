import { useMemo, useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import type { z } from "zod";
import { type Entity, EntityListResponse } from "../../../types/admin.ts";
import { AlertListResponse } from "../../../types/alerts.ts";
import { ErrorAnalyticsResponse, PerformanceHistoryResponse, PERIODS } from "../../../types/history.ts";
import { useFilters } from "../address.ts";
import { Chart } from "../components/chart.tsx";
import { Dialog } from "../components/dialog.tsx";
import { LongTextField, SelectField } from "../components/fields.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Runs } from "../components/runs.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { duration, number, percent, title } from "../format.ts";
import { Anything, pathOf, useAct, useRead, wordsOf } from "../queries.ts";
import { useUser } from "../session.ts";
import { useOverview } from "../shell.tsx";

const PERIOD_NAMES = Object.entries(PERIODS).map(([period, { span }]) => [period, span] as const);

export default function EntityView() {
  const { type = "" } = useParams();
  const [filters, change] = useFilters(["period", "from", "until"]);
  const period = filters.period in PERIODS ? filters.period : "24h";
  const health = useOverview().data?.sync_entities[type];
  const entity = useRead("sync-admin/entities", EntityListResponse, {
    every: 30_000,
  }).data?.entities.find((one) => one.entity_type === type);
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
          {can("operator") && (
            <Link href={pathOf("/sync", { entity: type })} role="button">
              Sync now
            </Link>
          )}
          {can("admin") && entity && <Pause entity={entity} />}
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
              health.is_paused ? "paused" : <Distance at={health.next_sync} />,
            ],
            ["Fresh as of", <Distance at={health.last_successful_sync} />],
            ["Every", entity?.sync_frequency ?? "–"],
            ["Grace", entity?.grace ?? "–"],
            ["Failures in a row", number(health.consecutive_failures)],
          ]}
        />
      )}
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
            class="secondary"
            onClick={() => change({ from: "", until: "" })}
          >
            Show the whole period
          </button>
        )}
      </div>
      <Reading of={history}>
        {(data) => (
          <Charts
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

const secondsOf = (moment: string): number => Date.parse(moment) / 1000;

/** What a period looked like; a stretch drawn on one chart is zoomed into on all. */
function Charts({ data, zoom, onZoom, type }: {
  data: z.infer<typeof PerformanceHistoryResponse>;
  zoom: [number, number] | null;
  onZoom: (from: number, until: number) => void;
  type: string;
}) {
  const alerts = useRead(
    pathOf("sync-monitoring/alerts", { entity: type, limit: 100 }),
    AlertListResponse,
    { every: 15_000 },
  ).data?.alerts;
  const bands = useMemo(
    () =>
      (alerts ?? []).filter(({ state }) => state !== "PENDING").map((
        { began_at, resolved_at },
      ) => ({
        from: secondsOf(began_at),
        until: resolved_at ? secondsOf(resolved_at) : secondsOf(data.until),
      })),
    [alerts, data.until],
  );
  const plots = useMemo(() => {
    const values = (
      pick: (point: typeof data.data_points[number]) => number | null,
    ) => data.data_points.map(pick);
    return {
      times: data.data_points.map(({ timestamp }) => secondsOf(timestamp)),
      marks: data.data_points.filter(({ runs_missed }) => (runs_missed ?? 0) > 0).map(({ timestamp }) => secondsOf(timestamp)),
      duration: [
        {
          name: "Duration, p50",
          colour: "--line",
          values: values((point) => point.p50_duration_ms),
        },
        {
          name: "Duration, p95",
          colour: "--line-2",
          values: values((point) => point.p95_duration_ms),
          isDashed: true,
        },
      ],
      success: [{
        name: "Success",
        colour: "--line-good",
        values: values((point) => point.success_rate),
      }],
      records: [{
        name: "Records",
        colour: "--line",
        values: values((point) => point.records_processed),
        isBars: true,
      }],
      errors: [{
        name: "Errors",
        colour: "--bad",
        values: values((point) => point.error_count),
        isBars: true,
      }],
      memory: [{
        name: "Memory, MiB",
        colour: "--line-2",
        values: values((point) => point.memory_usage_mb),
      }],
      cache: [{
        name: "Cache hits",
        colour: "--line-good",
        values: values((point) => point.cache_hit_ratio),
      }],
    };
  }, [data]);
  const sum = data.aggregated_metrics;
  const range: [number, number] = zoom ??
    [secondsOf(data.from), secondsOf(data.until)];
  const shared = {
    times: plots.times,
    bands,
    marks: plots.marks,
    range,
    onZoom,
  };
  return (
    <>
      <Facts
        of={[
          ["Runs", number(sum.runs)],
          ["Missed", number(sum.runs_missed)],
          ["Success", percent(sum.success_rate)],
          [
            "Duration p50 / p95 / p99",
            `${duration(sum.p50_duration_ms)} / ${duration(sum.p95_duration_ms)} / ${duration(sum.p99_duration_ms)}`,
          ],
          ["Records", number(sum.records_processed)],
          ["Errors", number(sum.error_count)],
          [
            "Peak memory",
            sum.peak_memory_mb === null ? "–" : `${number(sum.peak_memory_mb)} MiB`,
          ],
          ["Cache hits", percent(sum.cache_hit_ratio)],
        ]}
      />
      {bands.length > 0 && (
        <p class="legend">
          <span class="band-key" aria-hidden="true" /> shaded: an incident lasted; red marks below: a run was due and none came
        </p>
      )}
      <div class="charts">
        <Chart
          title="Duration"
          series={plots.duration}
          format={duration}
          {...shared}
        />
        <Chart
          title="Success"
          series={plots.success}
          format={percent}
          top={1}
          {...shared}
        />
        <Chart
          title="Records"
          series={plots.records}
          format={number}
          {...shared}
        />
        <Chart
          title="Errors"
          series={plots.errors}
          format={number}
          {...shared}
        />
        <Chart
          title="Memory"
          series={plots.memory}
          format={(value) => `${number(Math.round(value))} MiB`}
          {...shared}
        />
        <Chart
          title="Cache hits"
          series={plots.cache}
          format={percent}
          top={1}
          {...shared}
        />
      </div>
    </>
  );
}

function ErrorTypes({ type, period }: { type: string; period: string }) {
  const analytics = useRead(
    pathOf("sync-monitoring/error-analytics", { period, entity: type }),
    ErrorAnalyticsResponse,
    { every: 15_000 },
  );
  return (
    <Reading of={analytics}>
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
    </Reading>
  );
}

/** Stops the schedule of an entity, or lets it go on, for a reason. */
function Pause({ entity }: { entity: Entity }) {
  const [isOpen, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const isPaused = entity.paused_at !== null;
  const act = useAct(
    () => ({
      method: "PATCH",
      path: `sync-admin/entities/${entity.entity_type}`,
      body: { is_paused: !isPaused, reason },
    }),
    Anything,
    () => setOpen(false),
  );
  return (
    <>
      <button type="button" class="secondary" onClick={() => setOpen(true)}>
        {isPaused ? "Resume" : "Pause"}
      </button>
      {isOpen && (
        <Dialog
          title={isPaused ? "Resume the schedule" : "Pause the schedule"}
          onClose={() => setOpen(false)}
        >
          <form
            onSubmit={(event) => {
              event.preventDefault();
              act.mutate();
            }}
          >
            <LongTextField
              label="Reason"
              help="It is kept in the audit."
              required
              value={reason}
              onChange={setReason}
              error={wordsOf(act.error).fields.reason}
            />
            <Refusal error={act.error} />
            <button
              type="submit"
              aria-busy={act.isPending}
              disabled={act.isPending}
            >
              {isPaused ? "Resume" : "Pause"}
            </button>
          </form>
        </Dialog>
      )}
    </>
  );
}
