import type { Clock } from "../../../services/clock.ts";
import type { PrometheusFacts } from "../../../services/contract/metrics.ts";
import type { Rpc } from "../../../services/rpc.ts";

type Sample = [labels: Record<string, string>, value: number | null | undefined, suffix?: string];

/** Escapes the three characters that text format 0.0.4 escapes in the value of a label. */
const escape = (value: string): string => value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");

function family(name: string, type: "counter" | "gauge" | "histogram", help: string, samples: Sample[]): string {
  const lines = samples.filter(([, value]) => value !== null && value !== undefined).map(([labels, value, suffix = ""]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`).join(",");
    return `${name}${suffix}${pairs ? `{${pairs}}` : ""} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join("\n");
}

/** The metrics in text format 0.0.4. Labels have few values: entities, statuses, states, severities, priorities and objectives. */
function render(facts: PrometheusFacts): string {
  const { entities, queue } = facts;
  const each = (value: (entity: PrometheusFacts["entities"][number]) => number | null | undefined): Sample[] =>
    entities.map((entity) => [{ entity_type: entity.entity_type }, value(entity)]);
  const objectives = (value: (objective: PrometheusFacts["objectives"][number]) => number | null | undefined): Sample[] =>
    facts.objectives.map((objective) => [
      { objective: objective.name, indicator: objective.indicator, entity_type: objective.entity_type },
      value(objective),
    ]);
  const statuses = ["succeeded", "partial", "failed", "timed_out", "cancelled", "skipped"] as const;
  return [
    family(
      "sync_runs_total",
      "counter",
      "Ended runs, by status.",
      entities.flatMap((entity) =>
        statuses.map((status): Sample => [{ entity_type: entity.entity_type, status }, entity[`runs_${status}`] ?? 0])
      ),
    ),
    family(
      "sync_run_duration_seconds",
      "histogram",
      "Duration of full runs that ended SUCCEEDED, PARTIAL, FAILED or TIMED_OUT.",
      entities.flatMap(({ entity_type, duration_buckets, duration_ms_total, counted_runs }): Sample[] => [
        ...(duration_buckets ?? []).map(({ le_s, runs }): Sample => [{ entity_type, le: String(le_s) }, runs, "_bucket"]),
        [{ entity_type, le: "+Inf" }, counted_runs ?? 0, "_bucket"],
        [{ entity_type }, (duration_ms_total ?? 0) / 1000, "_sum"],
        [{ entity_type }, counted_runs ?? 0, "_count"],
      ]),
    ),
    family(
      "sync_records_processed_total",
      "counter",
      "Records written or unchanged.",
      each((entity) => entity.records_processed ?? 0),
    ),
    family(
      "sync_records_rejected_total",
      "counter",
      "Records rejected because they could not be read.",
      each((entity) => entity.records_rejected ?? 0),
    ),
    family("sync_api_calls_total", "counter", "Requests to the upstream.", each((entity) => entity.api_calls ?? 0)),
    family("sync_api_errors_total", "counter", "Failed requests to the upstream.", each((entity) => entity.api_errors ?? 0)),
    family(
      "sync_api_fallbacks_total",
      "counter",
      "Requests that were a retry, a forced full read or answered in XML; one of several kinds counts once.",
      each((entity) => entity.api_fallbacks ?? 0),
    ),
    family("sync_api_retries_total", "counter", "Retried requests.", each((entity) => entity.api_retries ?? 0)),
    family("sync_api_full_reads_total", "counter", "Forced full reads.", each((entity) => entity.api_full_reads ?? 0)),
    family("sync_api_xml_replies_total", "counter", "Requests for JSON answered in XML.", each((entity) => entity.api_xml_replies ?? 0)),
    family(
      "sync_api_unchanged_replies_total",
      "counter",
      "Requests that were answered without rows, because nothing changed.",
      each((entity) => entity.api_unchanged_replies ?? 0),
    ),
    family("sync_api_bytes_total", "counter", "Bytes of replies.", each((entity) => entity.api_bytes ?? 0)),
    family(
      "sync_api_bytes_saved_total",
      "counter",
      "Bytes of full replies that were not transferred.",
      each((entity) => entity.api_bytes_saved ?? 0),
    ),
    family("sync_cache_hits_total", "counter", "Tournaments that were fresh.", each((entity) => entity.cache_hits ?? 0)),
    family("sync_cache_misses_total", "counter", "Tournaments that were not fresh.", each((entity) => entity.cache_misses ?? 0)),
    family("sync_database_calls_total", "counter", "Calls of the database by runs.", each((entity) => entity.database_calls ?? 0)),
    family("sync_errors_total", "counter", "Recorded errors.", each((entity) => entity.errors ?? 0)),
    family("sync_consecutive_failures", "gauge", "Consecutive failed full runs.", each((entity) => entity.consecutive_failures)),
    family(
      "sync_last_success_timestamp_seconds",
      "gauge",
      "Start time of the last successful full run.",
      each((entity) => entity.last_success_s),
    ),
    family("sync_overdue_seconds", "gauge", "Time since due time plus grace; 0 unless overdue.", each((entity) => entity.overdue_s)),
    family("sync_running", "gauge", "Runs in progress.", each((entity) => entity.running)),
    family("sync_paused", "gauge", "1 while the entity is paused.", each((entity) => Number(entity.is_paused))),
    family(
      "sync_last_memory_bytes",
      "gauge",
      "Peak memory of the last run.",
      each((entity) => entity.last_memory_mb && entity.last_memory_mb * 1_048_576),
    ),
    family(
      "sync_incidents",
      "gauge",
      "Firing and acknowledged incidents.",
      facts.incidents.map(({ severity, state, count }) => [{ severity: severity.toLowerCase(), state: state.toLowerCase() }, count]),
    ),
    family("sync_objective_target_ratio", "gauge", "The share of good events to have.", objectives(({ target }) => target)),
    family(
      "sync_objective_attainment_ratio",
      "gauge",
      "The share of good events in the window.",
      objectives(({ attainment }) => attainment),
    ),
    family(
      "sync_objective_budget_left_ratio",
      "gauge",
      "The share of the error budget that is left; negative when overspent.",
      objectives(({ budget_left }) => budget_left),
    ),
    family(
      "sync_objective_burn_rate",
      "gauge",
      "The burn rate of the last day; at 1 the budget lasts as long as the window.",
      objectives(({ burn_rate }) => burn_rate),
    ),
    family("sync_alert_evaluation_timestamp_seconds", "gauge", "Time of the last rule evaluation.", [[{}, facts.evaluated_s]]),
    family("sync_notifications_dead", "gauge", "Notifications of the last 24 hours that are DEAD.", [[{}, facts.dead_notifications]]),
    family("sync_notifications_undelivered_seconds", "gauge", "Age of the oldest state that an active channel did not deliver.", [[
      {},
      facts.system.undelivered_age,
    ]]),
    family("sync_channels_not_proven", "gauge", "Active channels whose last canary failed.", [[{}, facts.system.canary_failed]]),
    family("sync_upstream_backoff", "gauge", "1 during an upstream backoff.", [[{}, facts.upstream_backoff]]),
    family(
      "sync_queue_jobs",
      "gauge",
      "Waiting jobs, by priority.",
      Object.entries(queue.waiting).map(([priority, count]) => [{ priority: priority.toLowerCase() }, count]),
    ),
    family("sync_queue_running", "gauge", "Running jobs.", [[{}, queue.running.length]]),
    family("sync_queue_oldest_wait_seconds", "gauge", "Longest wait of a job that may start.", [[{}, facts.system.queue_age]]),
  ].join("\n") + "\n";
}

/** Reads the metrics and renders them as text. @throws DatabaseError */
export async function scrape(rpc: Rpc<"get_prometheus_facts">, clock: Clock): Promise<string> {
  return render(await rpc("get_prometheus_facts", { as_of: clock.asOf() }));
}
