import fc from "fast-check";
import type { ClaimedGroup, Measurement, Measurements } from "../services/contract/alerts.ts";
import { messageId, planMessage } from "../services/outbox.ts";
import { parseAnswer, type Rpc } from "../services/rpc.ts";
import { evaluateRules } from "../supabase/functions/sync-alert-processor/alert-processor.ts";
import { TestClock } from "./clock.ts";
import { openTestDatabase, type TestDatabase } from "./database.ts";
import { measureWorld } from "./incident-measure.ts";
import { histories, playHistory } from "./incident-model.ts";
import { destinationKey, scopeKey, type Snapshot } from "./incident-snapshot.ts";
import type { Act, Answer, Decided, IncidentStore, Received } from "./incident-store.ts";
import { MAIL, MINUTE, type Run, START, TOURNAMENTS, TTL, World } from "./incident-world.ts";

const ACTOR = { name: "operator@example.com", id: null, role: "operator", request_id: "model", address: null };
const TABLES = [
  ...["alert_incidents", "alert_evaluations", "alert_silences", "alert_rules", "notification_channels", "sync_execution_history"],
  ...["sync_error_log", "sync_metrics", "tournaments", "net.http_request_queue", "private.call_log", "entity_pauses"],
];
const at = (now: number): string => new Date(now).toISOString();
const interval = (ms: number | null): string | null => ms === null ? null : `${ms / 1000} seconds`;

/** The rules, incidents and outbox of the database; each measurement is compared with that of the {@link World}. */
class PostgresStore implements IncidentStore {
  #evaluated: { at: number; since: number } | null = null;

  private constructor(private readonly db: TestDatabase) {}

  /** Empties the database and inserts the rules, channels and tournaments of a new world. */
  static async empty(db: TestDatabase): Promise<PostgresStore> {
    await db.query(
      "update sync_status set is_active = entity_type <> 'matches_live', paused_at = null, consecutive_failures = 0, last_attempt = $1",
      [
        at(START),
      ],
    );
    // The tables have few rows, so deleting the rows is faster than truncating the tables.
    for (const table of TABLES) await db.query(`delete from ${table}`);
    await db.query(
      `insert into notification_channels (name, kind, config, secret, group_window) values
        ('mail', 'email', $1, null, '0'), ('hook', 'webhook', '{"url": "https://hook.test"}', 'whsec_x', '0'),
        ('pager', 'webhook', '{"url": "https://pager.test"}', 'whsec_x', '0')`,
      [MAIL],
    );
    await db.query(
      `insert into tournaments (no, name, season, status, start_date, end_date)
      select no, no, '2026', 6, '2026-06-01', '2026-06-30' from jsonb_array_elements_text($1) no`,
      [TOURNAMENTS],
    );
    const rules = new World(START).rules.map(({ window_ms, for_ms, escalation_ms, repeat_ms, channels, ...rule }) => ({
      ...rule,
      description: "",
      created_at: at(START),
      updated_at: at(START),
      notification_channels: channels,
      evaluation_window: interval(window_ms),
      for_duration: interval(for_ms),
      escalation_delay: interval(escalation_ms),
      repeat_interval: interval(repeat_ms),
    }));
    await db.query("insert into alert_rules select * from jsonb_populate_recordset(null::alert_rules, $1)", [rules]);
    return new PostgresStore(db);
  }

  async perform(act: Act, { now, entities, rules, vanished, inBreak, activeChannels }: World): Promise<void> {
    switch (act.kind) {
      case "run":
        return await this.#run(act.run);
      case "silence": {
        const { starts_at, ends_at, recurs_every, lasts, ...silence } = act.silence;
        const times = { starts_at: at(starts_at), ends_at: at(ends_at), recurs_every: interval(recurs_every), lasts: interval(lasts) };
        const row = { ...silence, ...times, created_by: "model", created_at: at(starts_at), reason: "model" };
        return await this.#write(
          `insert into alert_silences select * from jsonb_populate_record(null::alert_silences, $1)
          on conflict (id) do update set ends_at = excluded.ends_at`,
          row,
        );
      }
      case "pause": {
        const changes = { is_paused: entities[act.entity_type]?.is_paused };
        return await this.#act("change_entity", { entity_type: act.entity_type, changes, actor: ACTOR }, now);
      }
      case "activity":
        return await this.#write(
          `update sync_status set is_active = ($1::jsonb ->> 'is_active')::boolean, updated_at = ($1::jsonb ->> 'now')::timestamptz
          where entity_type = $1::jsonb ->> 'entity_type'`,
          { entity_type: act.entity_type, is_active: entities[act.entity_type]?.is_active, now: at(now) },
        );
      case "tournament":
        // A tournament in a break has only matches on later days.
        return await this.#write(
          `with tournament as (
            update tournaments set vanished_at = ($1::jsonb ->> 'vanished_at')::timestamptz where no = $1::jsonb ->> 'no' returning no
          )
          insert into matches (no, tournament_no, local_date, vanished_at)
          select no, no, '2026-06-30', ($1::jsonb ->> 'match_vanished_at')::timestamptz from tournament
          on conflict (no) do update set vanished_at = excluded.vanished_at`,
          {
            no: act.no,
            vanished_at: vanished.has(act.no) ? at(now) : null,
            match_vanished_at: inBreak.has(act.no) ? null : at(now),
          },
        );
      case "channel":
        return await this.#write(
          "update notification_channels set is_active = ($1::jsonb ->> 'is_active')::boolean where name = $1::jsonb ->> 'name'",
          { name: act.name, is_active: activeChannels.has(act.name) },
        );
      case "rule": {
        const { severity, channels, threshold, recovery_threshold, is_active } = rules.find(({ id }) => id === act.id) ?? {};
        const rule = { severity, notification_channels: channels, threshold, recovery_threshold, is_active };
        return await this.#act("save_alert_rule", { id: act.id, rule, actor: ACTOR }, now);
      }
      case "discard":
        return await this.#act("change_alert_notification", { id: act.id, action: "discard", actor: ACTOR }, now);
      default: {
        const { kind, id, until } = act;
        return await this.#act("change_alert_incident", { id, action: kind, ...(until ? { until: at(until) } : {}), actor: ACTOR }, now);
      }
    }
  }
  async #write(sql: string, p: object): Promise<void> {
    await this.db.query(sql, [p]);
  }
  async #act(fn: string, p: object, now: number): Promise<void> {
    await this.db.query(`select ${fn}($1, $2)`, [p, at(now)]);
  }
  async #run({ id, entity_type, status, results, error, start, end }: Run): Promise<void> {
    const failed = results.filter(({ fingerprint }) => fingerprint !== null).length;
    const started = { execution_id: id, entity_type, trigger: "CRON", wall_clock_ms: 600_000 };
    const finished = {
      execution_id: id,
      status,
      reason: "model",
      counters: { tournaments_processed: results.length, tournaments_failed: failed },
      results: results.map(({ tournament_no, fingerprint }) => ({
        tournament_no,
        duration_ms: 1_000,
        ...(fingerprint === null ? {} : { error_type: "API", error_message: fingerprint, error_fingerprint: fingerprint }),
      })),
      errors: error === null ? [] : [{
        id: crypto.randomUUID(),
        error_type: "API",
        error_code: "VIS_UNAVAILABLE",
        error_severity: "HIGH",
        retryable: true,
        error_message: error,
        fingerprint: error,
        occurred_at: at(end),
      }],
    };
    const sql = "select start_sync_execution($1, $2), finish_sync_execution($3, $4)";
    await this.db.query(sql, [started, at(start), finished, at(end)]);
    const read = results.filter(({ fingerprint }) => fingerprint === null).map(({ tournament_no }) => tournament_no);
    if (read.length === 0) return;
    const fresh = "update tournament_sync_state set synced_at = $1, ttl = $2 where tournament_no = any ($3)";
    await this.db.query(fresh, [at(start), interval(TTL), read]);
  }

  async measure(world: World): Promise<Measurements> {
    const as_of = at(world.now);
    const measured = parseAnswer("measure_alert_rules", await this.db.value("select measure_alert_rules($1)", [as_of]));
    const last = this.#evaluated;
    const since = last === null ? null : last.at <= world.now - 5 * MINUTE ? world.now : last.since;
    const expected = measureWorld(world, await this.snapshot(), since), differences = differencesOf(measured, expected);
    if (differences.length > 0) throw new Error(`the database measures ${differences.join(", ")}`);
    return measured;
  }
  async apply({ measured }: Decided, { now }: World): Promise<void> {
    const clock = new TestClock(at(now));
    const rpc =
      (async (fn: string, { p, as_of }: { p?: unknown; as_of?: string }) =>
        fn === "measure_alert_rules" ? { ...measured, broken: [] } : await this.db.value(`select ${fn}($1, $2)`, [p, as_of])) as Rpc;
    await evaluateRules(rpc, clock, () => {}, "model");
    this.#evaluated = { at: now, since: measured.evaluated_since === null ? now : Date.parse(measured.evaluated_since) };
    const broken = await this.db.value("select string_agg(broken_reason, ', ') from alert_rules where broken_since is not null");
    if (broken !== null) throw new Error(`a rule is broken: ${broken}`);
  }
  async deliver(answerOf: (destination: string) => Answer, { now }: World): Promise<Received[]> {
    const received: Received[] = [];
    for (;;) {
      const claimed = await this.db.value<ClaimedGroup[]>("select claim_alert_notifications('{\"limit\": 100}', $1)", [at(now)]);
      if (claimed.length === 0) return received;
      for (const group of claimed) {
        const destination = destinationKey({ channel: group.channel, recipient: group.recipient ?? "" });
        const plan = planMessage(group), answer = answerOf(destination);
        if (answer === "ok" || answer === "lost") received.push({ destination, items: plan.items });
        await this.#act("record_alert_delivery", {
          token: group.token,
          message_id: await messageId(group, plan),
          reported: plan.reported,
          outcome: answer === "ok" ? "SENT" : answer === "gone" ? "DEAD" : "RETRY",
          is_answered: answer !== "lost",
          duration_ms: 1,
        }, now);
      }
    }
  }
  async snapshot(): Promise<Snapshot> {
    return await this.db.value<Snapshot>(`select jsonb_build_object(
      'incidents', (select coalesce(jsonb_agg(to_jsonb(i) order by i.opened_at, i.id), '[]') from alert_incidents i),
      'coverage', (select coalesce(jsonb_agg(to_jsonb(c)), '[]') from alert_coverage c),
      'rows', (select coalesce(jsonb_agg(jsonb_build_object(
        'id', n.id, 'seq', n.seq, 'incident_id', n.incident_id, 'channel', n.channel, 'recipient', d.recipient, 'kind', n.item -> 'kind',
        'severity', n.item -> 'severity', 'cause', n.item -> 'cause', 'status', n.status
      ) order by n.seq), '[]') from alert_notifications n join notification_destinations d on d.id = n.destination_id))`);
  }
}

const time = (value: string | null): number | null => value === null ? null : Date.parse(value);
const round = (value: number | null): number | null => value === null ? null : Math.round(value * 1e6) / 1e6;

/** The fields of a measurement on which decisions depend, with times in ms. */
function comparable(m: Measurement): Record<string, unknown> {
  const sorted = <T extends { channel: string; recipient: string }>(list: T[]) =>
    list.toSorted((a, b) => destinationKey(a) < destinationKey(b) ? -1 : 1);
  const { metric, severity, threshold, recovery_threshold, minimum_runs, no_data, for_ms, escalation_ms, escalation_channels } = m;
  const { runs, execution_id, fingerprint, is_sole_cause, is_stale, is_paused, ended, closed_incident, resolved_recently } = m;
  return {
    ...{ metric, severity, threshold, recovery_threshold, minimum_runs, no_data, for_ms, escalation_ms, escalation_channels },
    ...{ runs, execution_id, fingerprint, is_sole_cause, is_stale, is_paused, ended, closed_incident, resolved_recently },
    ...{ repeat_ms: m.repeat_ms, flap_ms: m.flap_ms, channels: m.channels, silenced_by: m.silenced_by, is_named: m.is_silenced_by_name },
    value: round(m.value),
    since: time(m.since),
    bad_runs: m.bad_runs.map((bad) => [bad.entity_type, time(bad.first_run_at), time(bad.last_run_at)]),
    uncovered: sorted(m.uncovered).map((one) => [one.channel, one.recipient, round(one.value), one.runs]),
    incident: m.incident && [m.incident.id, m.incident.version, m.incident.parent, sorted(m.incident.destinations)],
  };
}

function differencesOf(measured: Measurements, expected: Measurements): string[] {
  const differences: string[] = [];
  const byScope = new Map(expected.measurements.map((m) => [scopeKey(m), comparable(m)]));
  if (measured.measurements.length !== byScope.size) differences.push(`${measured.measurements.length} scopes instead of ${byScope.size}`);
  if (time(measured.evaluated_since) !== time(expected.evaluated_since)) differences.push(`since ${measured.evaluated_since}`);
  if (canonical(measured.recipients) !== canonical(expected.recipients)) differences.push("other recipients");
  for (const m of measured.measurements) {
    const own = byScope.get(scopeKey(m)) ?? {};
    for (const [name, value] of Object.entries(comparable(m))) {
      if (canonical(value) === canonical(own[name])) continue;
      differences.push(`${m.rule_name} ${m.tournament_no ?? ""} ${name} ${canonical(value)} instead of ${canonical(own[name])}`);
    }
  }
  return differences;
}

/** JSON with sorted keys and sorted strings, so that two equal values have the same text. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part) => {
    if (Array.isArray(part) && part.every((one) => typeof one === "string")) return part.toSorted();
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1));
  }) ?? "nothing";

/** Plays random histories on a new database, and returns the violations of the first history with a violation. */
export async function playHistories(count: number, seed: number): Promise<{ histories: number; violations: string[] }> {
  const db = await openTestDatabase();
  try {
    for (const [index, steps] of fc.sample(histories(10, 30), { numRuns: count, seed }).entries()) {
      const violations = await playHistory(await PostgresStore.empty(db), steps);
      if (violations.length > 0) return { histories: index + 1, violations };
    }
    return { histories: count, violations: [] };
  } finally {
    await db.close();
  }
}
