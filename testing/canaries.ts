import { createApp } from "../supabase/functions/sync-admin/app.ts";
import { createAccess } from "../supabase/functions/_shared/access.ts";
import { evaluateRules } from "../supabase/functions/sync-alert-processor/alert-processor.ts";
import { textOf } from "../supabase/functions/sync-alert-processor/message.ts";
import { linksOf } from "../supabase/functions/sync-alert-processor/links.ts";
import { createChannels, deliverDue } from "../supabase/functions/sync-alert-processor/notification-service.ts";
import { readEnv } from "../services/env.ts";
import { SecretKeys } from "../services/secret-keys.ts";
import type { Answer } from "../services/contract/index.ts";
import { TestClock } from "./clock.ts";
import { type TestDatabase, USER } from "./database.ts";
import { testEnv } from "./env.ts";

const DASHBOARD_URL = "https://page.test/";
const CONFIGS = {
  webhook: { config: { url: "https://hook.test/" }, secret: null },
  slack: { config: {}, secret: "https://team.test/" },
  pagerduty: { config: { host: "events.pagerduty.com" }, secret: "k".repeat(32) },
  email: { config: { to: ["reader@example.com"] }, secret: null },
};
/** The name and the kind of a channel, and the interval of its canaries. */
type Channel = [name: string, kind: keyof typeof CONFIGS, every: string | null];

/** Whether each part of the monitoring works in a minute of a test; true by default. */
interface Working {
  cron?: boolean;
  evaluates?: boolean;
  delivers?: boolean;
}

/**
 * Sets up the cron job, the alert processor and the API with the clock of the test. The first canary of each channel is due, and only the
 * rules about channels are active.
 */
export async function setUpCanaries(db: TestDatabase, channels: Channel[]) {
  await db.reset();
  await db.query("truncate alert_incidents, alert_evaluations, alert_notifications, alert_silences, notification_destinations cascade");
  await db.query("delete from notification_channels where name <> 'dashboard'");
  for (const [name, kind, every] of channels) {
    await db.query(
      `insert into notification_channels (name, kind, config, secret, canary_every, created_at, updated_at)
      values ($1, $2, $3, $4, $5, '2026-05-01T00:00:00Z', '2026-05-01T00:00:00Z')`,
      [name, kind, CONFIGS[kind].config, CONFIGS[kind].secret, every],
    );
  }
  await db.query("update alert_rules set for_duration = '0', is_active = metric in ('canary', 'canary_failed', 'undelivered_age')");
  const clock = new TestClock("2026-06-10T12:00:00.000Z"), env = testEnv({ DASHBOARD_URL, SUPABASE_SERVICE_ROLE_KEY: db.keys.secret });
  const answers = new Map<string, number>(), requests: { at: string; url: string; body: string }[] = [];
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(input as string, init), { host } = new URL(request.url);
    requests.push({ at: clock.asOf(), url: request.url, body: await request.text() });
    return new Response(null, { status: answers.get(host.replace(".test", "")) ?? 200 });
  };
  const network = { fetch: fetch as typeof globalThis.fetch, resolve: () => Promise.resolve(["93.184.216.34"]) };
  const senders = createChannels(env, clock, network), mails: string[] = [];
  senders.messages.email = (message) => {
    mails.push(textOf({ ...message, hourly_limit: 60 }, linksOf(env)));
    return Promise.resolve({ outcome: "SENT", is_answered: true });
  };
  const access = createAccess(readEnv(), new SecretKeys(env.secretKeys, { fetch: db.fetch }));
  const app = createApp({ rpc: db.rpc, clock, log: () => {}, env, waitUntil: () => {}, access });
  const cron = () => db.query("select private.run_canaries($1)", [clock.asOf()]);
  const deliver = () => deliverDue(db.rpc, clock, () => {}, senders);
  return {
    clock,
    answers,
    requests,
    mails,
    cron,
    deliver,
    evaluate: () => evaluateRules(db.rpc, clock, () => {}, "cron"),
    /** Advances the clock by minutes; in each minute the working parts of the monitoring run once. */
    wait: async (minutes: number, { cron: runs = true, evaluates = true, delivers = true }: Working = {}) => {
      for (let minute = 0; minute < minutes; minute++) {
        clock.advance(60_000);
        if (runs) await cron();
        if (evaluates) await evaluateRules(db.rpc, clock, () => {}, "cron");
        if (delivers) await deliver();
      }
    },
    call: async (method: string, path: string, role: string | null, body?: object, user = USER) => {
      const headers = { authorization: `Bearer ${await db.token(role, { user })}`, "content-type": "application/json" };
      return await app.fetch(
        new Request(`http://functions.test/sync-admin${path}`, { method, headers, ...body && { body: JSON.stringify(body) } }),
      );
    },
    /** The last proof of a channel, and the failure of its last canary. */
    canaryOf: async (name: string) => {
      const listed = (await db.rpc("list_notification_channels", {})).find((channel) => channel.name === name);
      return listed?.canary as Answer<"list_notification_channels">[number]["canary"];
    },
    /** The messages about failed canaries, each as `channel KIND`. */
    notified: async () =>
      (await db.query<{ line: string }>(
        `select n.channel || ' ' || (n.item ->> 'kind') as line from alert_notifications n join alert_incidents i on i.id = n.incident_id
        where i.metric = 'canary_failed' order by n.seq`,
      )).map(({ line }) => line),
  };
}
