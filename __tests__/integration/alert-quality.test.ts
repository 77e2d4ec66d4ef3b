import { assertEquals, assertObjectMatch } from "@std/assert";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { createApp as createMonitoring } from "../../supabase/functions/sync-monitoring/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { openTestDatabase, USER } from "../../testing/database.ts";
import { testEnv } from "../../testing/env.ts";
import { aNotification, insert } from "../../testing/factories.ts";
import { documented } from "../../testing/openapi.ts";
import { seeded } from "../../testing/random.ts";
import { requester } from "../../testing/requests.ts";
import { VALID_ROWS } from "../../testing/rows.ts";
import type { AlertQualityResponse, RuleQuality } from "../../types/alert-quality.ts";

const db = await openTestDatabase();
const NOW = "2026-06-10T12:00:00.000Z", MINUTE = 60_000, DAY = 1_440 * MINUTE;
const clock = new TestClock(NOW);
const deps = { rpc: db.rpc, clock, log: () => {}, env: testEnv(), waitUntil: () => {} };
const admin = requester(documented(createAdmin(deps)), "/sync-admin");
const monitoring = requester(documented(createMonitoring(deps)), "/sync-monitoring");
const as = async (role: string) => ({ authorization: `Bearer ${await db.token(role)}` });
const act = async (method: string, path: string, body: unknown, role = "operator") => await admin(method, path, body, await as(role));
const setTime = (ms: number) => clock.advance(ms - clock.now());
const iso = (ms: number) => new Date(ms).toISOString();

async function quality(period = "30d"): Promise<AlertQualityResponse> {
  setTime(Date.parse(NOW));
  const { body } = await monitoring("GET", `/alert-quality?period=${period}`, undefined, await as("viewer"));
  return body as AlertQualityResponse;
}

async function setUp(): Promise<string[]> {
  await db.reset();
  await db.query("truncate alert_incidents, alert_notifications, alert_silences cascade");
  await db.query("insert into notification_channels (name, kind, secret) values ('hook', 'slack', 'x') on conflict do nothing");
  return (await db.query<{ id: string }>("select id from alert_rules order by name limit 2")).map(({ id }) => id);
}

/** Inserts an incident of a rule that fired at a time and was notified a minute later. */
const fires = async (rule_id: string | null, at: number, row: object = {}): Promise<string> => {
  const times = { began_at: iso(at), opened_at: iso(at), fired_at: iso(at), updated_at: iso(at), notified_at: iso(at + MINUTE) };
  return String((await insert(db, "alert_incidents", { ...VALID_ROWS.alert_incidents, rule_id, rule_name: "Old", ...times, ...row })).id);
};
const resolves = (id: string, at: number) =>
  db.query("update alert_incidents set state = 'RESOLVED', resolved_at = $2 where id = $1", [id, iso(at)]);

const median = (values: number[]): number | null => {
  const sorted = values.toSorted((a, b) => a - b), low = sorted[(sorted.length - 1) >> 1], high = sorted[sorted.length >> 1];
  return low === undefined || high === undefined ? null : (low + high) / 2;
};
type Counts = Pick<RuleQuality, "incidents" | "acknowledged" | "brief" | "flapping" | "useful" | "noise" | "acknowledge_ms" | "resolve_ms">;

/** Inserts a random incident with acts of people, and returns its part in the counts of its rule; null when it is outside the period. */
async function randomIncident(rule: string, random: () => number, tournament_no: string) {
  const start = Date.parse(NOW) - Math.round(random() * 34 * DAY / MINUTE) * MINUTE, length = Math.ceil(random() * 12) * MINUTE;
  const is_flapping = random() < 0.2, isAcknowledged = random() < 0.4, isSilenced = random() < 0.2;
  const label = random() < 0.3 ? "USEFUL" : random() < 0.4 ? "NOISE" : null;
  const id = await fires(rule, start, { is_flapping, tournament_no });
  if (isAcknowledged) {
    setTime(start + 3 * MINUTE);
    await act("POST", `/alerts/${id}/acknowledge`, {});
  }
  if (isSilenced) {
    const silence = { incident_id: id, starts_at: iso(start), ends_at: iso(start + DAY), created_at: iso(start) };
    await insert(db, "alert_silences", { ...VALID_ROWS.alert_silences, entity_type: null, ...silence });
  }
  const isLive = random() < 0.1;
  if (!isLive) await resolves(id, start + length);
  if (label) await act("PUT", `/alerts/${id}/label`, { label });
  if (start < Date.parse(NOW) - 30 * DAY) return null;
  const isBrief = !isLive && length <= 5 * MINUTE && !isAcknowledged && !isSilenced;
  return { isAcknowledged, isBrief, is_flapping, label, length: isLive ? null : length };
}
type Outcome = Exclude<Awaited<ReturnType<typeof randomIncident>>, null>;

function countsOf(incidents: Outcome[]): Counts {
  const count = (has: (incident: Outcome) => boolean) => incidents.filter(has).length;
  return {
    incidents: incidents.length,
    acknowledged: count(({ isAcknowledged }) => isAcknowledged),
    brief: count(({ isBrief }) => isBrief),
    flapping: count(({ is_flapping }) => is_flapping),
    useful: count(({ label }) => label === "USEFUL"),
    noise: count(({ label }) => label === "NOISE"),
    acknowledge_ms: median(incidents.filter(({ isAcknowledged }) => isAcknowledged).map(() => 2 * MINUTE)),
    resolve_ms: median(incidents.flatMap(({ length }) => length ?? [])),
  };
}

Deno.test("the counts and medians of each rule equal a count of its incidents one by one, over random histories", async () => {
  for (const seed of [1, 2, 3]) {
    const random = seeded(seed);
    const rules = await setUp();
    const expected: Record<string, Outcome[]> = {};
    for (let index = 0; index < 40; index++) {
      const rule = rules[index % 2] ?? "";
      const outcome = await randomIncident(rule, random, String(index));
      if (outcome) (expected[rule] ??= []).push(outcome);
    }
    for (const found of (await quality()).rules.filter(({ rule_id }) => rules.includes(rule_id ?? ""))) {
      const { incidents, acknowledged, brief, flapping, useful, noise, acknowledge_ms, resolve_ms } = found;
      const counts = { incidents, acknowledged, brief, flapping, useful, noise, acknowledge_ms, resolve_ms };
      assertEquals(counts, countsOf(expected[found.rule_id ?? ""] ?? []), `seed ${seed}`);
    }
  }
});

Deno.test("a message counts once, for its rule and not for the dashboard; acknowledgements and what nobody received do not count", async () => {
  const [rule = ""] = await setUp();
  const incident_id = await fires(rule, Date.parse(NOW) - 60 * MINUTE);
  const message_id = crypto.randomUUID(), other = crypto.randomUUID();
  const sent = { incident_id, status: "SENT", created_at: "2026-06-10T11:00:00Z", sent_at: "2026-06-10T11:00:01Z" };
  for (const row of [{ message_id }, { message_id }, { message_id: other }]) await aNotification(db, { ...sent, channel: "hook", ...row });
  await aNotification(db, { ...sent, channel: "dashboard", message_id: crypto.randomUUID() });
  await aNotification(db, {
    incident_id,
    status: "DEAD",
    channel: "hook",
    created_at: "2026-06-10T11:00:00Z",
    message_id: crypto.randomUUID(),
  });
  await aNotification(db, { ...sent, channel: "hook", created_at: "2026-06-01T11:00:00Z", message_id: crypto.randomUUID() });
  const ofRule = (found: AlertQualityResponse) => found.rules.find(({ rule_id }) => rule_id === rule);
  assertEquals(ofRule(await quality("7d"))?.notifications, 2);
  assertEquals((await quality("30d")).rules[0], ofRule(await quality("30d")));
  assertEquals(ofRule(await quality("30d"))?.notifications, 3);
});

Deno.test("a rule that never fired and a deleted rule are listed", async () => {
  const [rule] = await setUp();
  await fires(null, Date.parse(NOW) - 60 * MINUTE, { rule_name: "Gone" });
  const { rules } = await quality();
  assertObjectMatch(rules.find(({ rule_name }) => rule_name === "Gone") ?? {}, { rule_id: null, incidents: 1, is_active: false });
  assertObjectMatch(rules.find(({ rule_id }) => rule_id === rule) ?? {}, { incidents: 0, acknowledge_ms: null, resolve_ms: null });
});

Deno.test("an incident of missed runs, which is reported after its end, is not brief", async () => {
  const [rule = ""] = await setUp();
  const fired = Date.parse(NOW) - 60 * MINUTE;
  await fires(rule, fired, { state: "RESOLVED", missed_due_at: iso(fired - 30 * MINUTE), resolved_at: iso(fired - 10 * MINUTE) });
  assertObjectMatch((await quality()).rules.find(({ rule_id }) => rule_id === rule) ?? {}, { incidents: 1, brief: 0 });
});

Deno.test("bad events are unnoticed in the hours in which no incident of their sync fired", async () => {
  await setUp();
  await db.query("update private.indicator_rollup set rolled_until = '2026-06-10T10:00:00Z'");
  for (const [hour, entity_type, bad_events] of [["05", "tournaments", 3], ["06", "tournaments", 5], ["06", "matches_schedule", 7]]) {
    const bucket = `2026-06-10T${hour}:00:00Z`;
    await insert(db, "sync_indicators", {
      indicator: "sync_success",
      entity_type,
      bucket,
      events: 100,
      bad_events,
      causes: { "": bad_events },
    });
  }
  const id = await fires(null, Date.parse("2026-06-10T06:59:00Z"), { entity_type: "tournaments" });
  await resolves(id, Date.parse("2026-06-10T07:30:00Z"));
  const found = (await quality("7d")).objectives.find(({ name }) => name === "Tournament results");
  assertObjectMatch(found ?? {}, { events: 300, bad_events: 15, unnoticed_events: 10 });
  assertEquals(found?.budget_events.toFixed(6), "3.000000");
});

Deno.test("an operator labels an incident and takes the label back; a viewer, a pending incident and another word are refused", async () => {
  const [rule = ""] = await setUp();
  setTime(Date.parse(NOW));
  const id = await fires(rule, Date.parse(NOW) - MINUTE), path = `/alerts/${id}/label`;
  const { body } = await act("PUT", path, { label: "NOISE" });
  assertObjectMatch(body as object, { label: "NOISE", labelled_by: USER.email });
  assertObjectMatch((await act("PUT", path, { label: null })).body as object, { label: null, labelled_by: null });
  assertEquals((await act("PUT", path, { label: "NOISE" }, "viewer")).status, 403);
  assertEquals((await act("PUT", path, { label: "BAD" })).status, 400);
  assertEquals((await act("PUT", `/alerts/${crypto.randomUUID()}/label`, { label: "NOISE" })).status, 404);
  await db.query("update alert_incidents set state = 'PENDING', fired_at = null where id = $1", [id]);
  assertEquals((await act("PUT", path, { label: "NOISE" })).status, 409);
});

Deno.test("a period that the read does not have is refused by name", async () => {
  const { status, body } = await monitoring("GET", "/alert-quality?period=24h", undefined, await as("viewer"));
  assertEquals([status, JSON.stringify(body).includes("period")], [400, true]);
});

Deno.test("a suggestion says why a rule cannot be replayed, and is none for a rule without incidents", async () => {
  await setUp();
  const suggestion = async (rule: string) => {
    const id = rule.length === 36 ? rule : await db.value("select id from alert_rules where name = $1", [rule]);
    return await monitoring("GET", `/alert-quality/${id}?period=7d`, undefined, await as("viewer"));
  };
  assertObjectMatch(await suggestion("Match Schedule Duration Exceeded"), {
    status: 200,
    body: { suggestion: null, reason: null, period: "7d" },
  });
  assertObjectMatch(await suggestion("Sync Queue Waiting"), {
    status: 200,
    body: { suggestion: null, reason: "the database does not keep which jobs could start at a past time" },
  });
  assertEquals((await suggestion(crypto.randomUUID())).status, 404);
});
