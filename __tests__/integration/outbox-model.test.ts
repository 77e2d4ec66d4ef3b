import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ClaimedGroup } from "../../services/contract/alerts.ts";
import { openTestDatabase } from "../../testing/database.ts";
import { CHANNELS, type Outbox, outboxHistories, playHistory, RECIPIENTS, type Row } from "../../testing/outbox-model.ts";

const START = Date.parse("2026-06-10T12:00:00Z");
const db = await openTestDatabase();
const at = (now: number) => new Date(now).toISOString();
const actor = {
  name: "operator@example.com",
  id: null,
  role: "operator",
  request_id: "model",
  correlation_id: null,
  address: null,
  address_is_claimed: true,
};

/** The outbox of the database. */
const stored: Outbox = {
  async create({ id, group, severity }, now) {
    await db.query(
      `insert into alert_incidents (id, rule_name, metric, entity_type, state, severity, threshold, message, began_at, opened_at, fired_at, notified_at, updated_at)
      values ($1, $2, 'consecutive_failures', 'matches_schedule', 'FIRING', $3, 3, 'model', $4, $4, $4, $4, $4)`,
      [id, group, severity, at(now)],
    );
  },
  async queue(channel, { id, severity, state }, item, now) {
    await db.query(
      "update alert_incidents set message = $5, severity = $2, state = $3::text, resolved_at = case $3::text when 'RESOLVED' then $4::timestamptz end where id = $1",
      [
        id,
        severity,
        state,
        at(now),
        item.message,
      ],
    );
    await db.query(
      `select private.queue_notification(i, jsonb_build_object('channel', $1::text, 'recipient', r.recipient, 'kind', $3::text, 'reason', 'model'), $4)
      from alert_incidents i cross join lateral (
        select d.recipient from notification_destinations d join alert_notifications n on n.destination_id = d.id
        where n.incident_id = i.id and d.channel = $1
        union
        select private.recipients(c, i.severity) from notification_channels c where c.name = $1 and c.is_active and $3 <> 'RESOLVED'
      ) r where i.id = $2`,
      [channel, id, item.kind, at(now)],
    );
  },
  claim: (now) => db.value<ClaimedGroup[]>("select claim_alert_notifications('{\"limit\": 100}', $1)", [at(now)]),
  record: (outcome, now) => db.value<boolean>("select record_alert_delivery($1, $2)", [outcome, at(now)]),
  rows: () =>
    db.query<Row & Record<string, unknown>>(`
      select n.id, n.incident_id, coalesce(nullif(d.recipient, ''), d.channel) as destination, n.item ->> 'kind' as kind, n.status,
        n.discarded_by is not null as is_discarded
      from alert_notifications n join notification_destinations d on d.id = n.destination_id order by n.seq`),
  async change(action, id, now) {
    return await db.query("select change_alert_notification($1, $2)", [{ id, action, actor }, at(now)]).then(() => true, () => false);
  },
  async activate(channel, isActive) {
    await db.query("update notification_channels set is_active = $2 where name = $1", [channel, isActive]);
  },
};

async function empty(): Promise<Outbox> {
  await db.query("truncate alert_incidents, alert_notifications cascade");
  await db.query("delete from notification_channels");
  await db.query(
    `insert into notification_channels (name, kind, config, secret, group_window) values
      ('mail', 'email', $1, null, '0'), ('hook', 'webhook', '{"url": "https://receiver.test"}', 'whsec_x', '0')`,
    [{ to: ["nobody@example.com"], by_severity: RECIPIENTS }],
  );
  return stored;
}

Deno.test("150 random histories of the outbox in the database keep the same rules", async () => {
  assertEquals([...CHANNELS].sort(), ["hook", "mail"]);
  await fc.assert(
    fc.asyncProperty(outboxHistories(30, 90), async (steps) => assertEquals(await playHistory(await empty(), steps, START), [])),
    { numRuns: 150, seed: 2, endOnFailure: true },
  );
});

Deno.test.afterAll(() => db.close());
