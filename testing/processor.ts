import type { Rpc } from "../services/rpc.ts";
import { evaluateRules } from "../supabase/functions/sync-alert-processor/alert-processor.ts";
import { createChannels, deliverDue } from "../supabase/functions/sync-alert-processor/notification-service.ts";
import { TestClock } from "./clock.ts";
import type { TestDatabase } from "./database.ts";
import { testEnv } from "./env.ts";
import { aResult, aRun, aTournament } from "./factories.ts";

/** The secret of each webhook channel. */
const SECRET = `whsec_${btoa("a secret of twenty-four by")}`;

/** The answer of a receiver: a status, `lost` when the request arrives and its answer does not, `refused` without a connection. */
type Answer = number | Response | "lost" | "refused" | (() => Promise<Response>);

interface Alert {
  status: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  fingerprint: string;
}

/** A message that a receiver accepted. */
export interface Arrival {
  receiver: string;
  id: string;
  status: string;
  alerts: Alert[];
  /** The kind, severity and scope of each alert. */
  lines: string[];
}

/** A state in the outbox. */
interface State {
  id: string;
  channel: string;
  recipient: string;
  kind: string;
  severity: string;
  status: string;
  attempts: number;
  last_error: string | null;
}

const lineOf = ({ labels, annotations }: Alert): string =>
  [annotations.kind, annotations.severity?.toUpperCase(), labels.tournament_no ?? labels.entity_type].join(" ");

/** The outcome of a request with this answer. */
async function respond(answer: Answer): Promise<Response> {
  if (answer === "refused") throw new TypeError("error sending request", { cause: new Error("client error (Connect)") });
  if (answer === "lost") throw new TypeError("connection reset");
  if (typeof answer === "number") return new Response(null, { status: answer });
  return typeof answer === "function" ? await answer() : answer.clone();
}

/**
 * The alert processor on a clock of the test, with a webhook channel for each name, whose receiver gives the answer in `answers`, by
 * default 200. Each entity has a HIGH rule on three consecutive failures, which neither repeats within four hours nor escalates.
 */
export async function setUpProcessor(
  db: TestDatabase,
  { hooks = ["hook"], env = {} }: { hooks?: string[]; env?: Record<string, string> } = {},
) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  for (const name of hooks) {
    await db.query("insert into notification_channels (name, kind, config, secret) values ($1, 'webhook', $2, $3)", [
      name,
      { url: `https://${name}.test/` },
      SECRET,
    ]);
  }
  await db.query("delete from alert_rules where name like 'Test%'");
  const ruleChannels = JSON.stringify(hooks.length ? hooks : ["dashboard"]);
  await db.query(
    `update alert_rules set is_active = metric = 'consecutive_failures' and scope = 'ENTITY', notification_channels = $1, severity = 'HIGH',
      escalation_delay = null, escalation_channels = '[]', repeat_interval = '4 hours'`,
    [ruleChannels],
  );
  await db.query("update sync_status set notification_channels = null");
  const clock = new TestClock("2026-06-10T12:03:00.000Z");
  await db.query("update sync_status set last_attempt = $1", [clock.asOf()]);
  const answers = new Map<string, Answer>(), attempts: string[] = [], arrivals: Arrival[] = [];
  const receive = async (input: Request | string, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const receiver = new URL(request.url).host.replace(".test", ""), answer = answers.get(receiver) ?? 200;
    const { status, alerts }: { status: string; alerts: Alert[] } = await request.json();
    attempts.push(receiver);
    // A receiver whose answer is lost also has the message.
    const arrival = { receiver, id: String(request.headers.get("webhook-id")), status, alerts, lines: alerts.map(lineOf) };
    const response = respond(answer);
    const isReceived = answer === "lost" || await response.then(({ ok }) => ok, () => false);
    if (isReceived) arrivals.push(arrival);
    return await response;
  };
  const channels = createChannels(testEnv(env), clock, {
    fetch: receive as typeof fetch,
    resolve: () => Promise.resolve(["93.184.216.34"]),
  });
  const evaluate = () => evaluateRules(db.rpc, clock, () => {}, "cron");
  const deliver = (rpc: Rpc = db.rpc) => deliverDue(rpc, clock, () => {}, channels);
  const setFailures = (entity: string, count: number) =>
    db.query("update sync_status set consecutive_failures = $2 where entity_type = $1", [entity, count]);
  return {
    clock,
    channels,
    answers,
    /** The receiver of each request, accepted or not. */
    attempts,
    /** The messages that arrived. */
    arrivals,
    evaluate,
    deliver,
    /** Waits some seconds, evaluates the rules and delivers the due states; after five minutes, the clocks of incidents restart. */
    tick: async (seconds = 0) => {
      clock.advance(seconds * 1_000);
      await evaluate();
      return await deliver();
    },
    /** Waits some minutes, and evaluates the rules in each. */
    wait: async (minutes: number) => {
      for (let minute = 0; minute < minutes; minute++) {
        clock.advance(60_000);
        await evaluate();
      }
    },
    /** Waits until no destination is in a backoff. */
    waitForRetry: async () => {
      const retryAt = await db.value<string | null>("select max(retry_at) from notification_destinations");
      if (retryAt !== null) clock.moveTo(new Date(Math.max(Date.parse(retryAt) + 1, clock.now())).toISOString());
    },
    fail: (entity = "matches_schedule", count = 3) => setFailures(entity, count),
    recover: (entity = "matches_schedule") => setFailures(entity, 0),
    /** A rule with an incident for each tournament of `matches_schedule` whose last sync failed. */
    useTournamentRule: async (nos: string[], severity = "HIGH") => {
      await db.query("update alert_rules set is_active = false");
      await db.query(
        `insert into alert_rules (name, entity_type, scope, metric, threshold, evaluation_window, severity, notification_channels, no_data)
        values ('Test tournaments', 'matches_schedule', 'TOURNAMENT', 'consecutive_failures', 1, '6 hours', $1, $2, 'KEEP')`,
        [severity, ruleChannels],
      );
      for (const no of nos) await aTournament(db, { no });
    },
    /** Ends the sync of a tournament now. */
    syncTournament: async (tournament_no: string, success: boolean) => {
      const run = await aRun(db, { execution_start: clock.asOf(), status: success ? "SUCCEEDED" : "PARTIAL" });
      const error = success ? {} : { error_type: "API", error_fingerprint: `own ${tournament_no}` };
      await aResult(db, run, { tournament_no, ...error });
    },
    /** The states of the outbox in the order of their queueing. */
    states: () =>
      db.query<State & Record<string, unknown>>(
        `select n.id, n.channel, d.recipient, n.item ->> 'kind' as kind, n.item ->> 'severity' as severity, n.status, n.attempts, n.last_error
        from alert_notifications n left join notification_destinations d on d.id = n.destination_id order by n.seq`,
      ),
    /** The kind and the status of each state. */
    outbox: async () =>
      (await db.query<{ line: string }>("select (item ->> 'kind') || ' ' || status as line from alert_notifications order by seq"))
        .map(({ line }) => line),
  };
}
