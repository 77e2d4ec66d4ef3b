import type { TestDatabase } from "../testing/database.ts";
import { seeded } from "../testing/random.ts";
import { LONE, SHARED } from "../testing/simulated-runs.ts";
import { type Act, MINUTE, prepareSimulation, simulate } from "../testing/simulation.ts";
import { ALIKE, DAYS, DURATION, FAILURES, OVERDUE } from "./scripted-days.ts";

const START = Date.parse("2026-06-01T00:00:00.000Z");
const TICKS_A_DAY = 96;

/** Simulates the scripted days with two evaluators, and compares every notification and incident with the script. */
export async function simulateScriptedMonth(
  db: TestDatabase,
): Promise<{ runs: number; incidents: number; notifications: number; differences: string[] }> {
  await prepareSimulation(db);
  await db.query("update alert_rules set is_active = entity_type in ('matches_schedule', 'all', 'system')");
  // The simulation evaluates every 4 or 15 minutes, so delays of a few minutes need other values; all other settings are the defaults.
  await db.query("update alert_rules set threshold = 1200 where metric = 'processor_late'");
  await db.query("update alert_rules set escalation_delay = '16 minutes' where name = $1", [FAILURES]);
  await db.query("update alert_rules set escalation_delay = '14 minutes' where name = $1", [OVERDUE]);
  await db.query("update alert_rules set escalation_delay = '30 minutes' where name = $1", [ALIKE]);
  await db.query(
    "insert into notification_channels (name, kind, config, secret) values ('hook', 'webhook', '{\"url\": \"https://receiver.test/\"}', 'whsec_bmV2ZXIgdXNlZCBhbnl3aGVyZSBlbHNl') on conflict do nothing",
  );
  await db.query('update alert_rules set notification_channels = \'["dashboard", "hook"]\' where name = $1', [DURATION]);
  for (const no of [...SHARED, LONE]) {
    await db.query(
      "insert into tournaments (no, name, season, status, start_date, end_date) values ($1, 'Example', '2026', 6, '2026-06-01', '2026-07-01')",
      [no],
    );
  }
  const startOf = (day: number) => START + day * TICKS_A_DAY * 15 * MINUTE;
  const faults = DAYS.flatMap((day, index) => day.faults.map((fault) => ({ ...fault, tick: index * TICKS_A_DAY + 8 + fault.tick })));
  const acts: Act[] = DAYS.flatMap((day, index) =>
    (day.acts ?? []).map(({ minute, call }) => {
      const at = startOf(index) + (120 + minute) * MINUTE;
      return { at, act: () => call(db, new Date(at).toISOString()) };
    })
  );
  const ticks = DAYS.length * TICKS_A_DAY;
  const { incidents, received, runs } = await simulate(db, {
    start: new Date(START).toISOString(),
    ticks,
    faults,
    acts,
    random: seeded(30),
    // In the hours with faults, evaluations are less than five minutes apart, because a longer gap restarts the clocks of incidents.
    evaluateAt: (tick) => tick % TICKS_A_DAY < 32 ? [0, 4, 8, 12] : [8],
    hasResults: true,
  });
  const notifications = received.flatMap(({ at, recipient, items }) =>
    items.map(({ kind, rule_name, tournament_no }) => ({
      at,
      recipient,
      kind,
      rule: [rule_name, ...tournament_no ? [tournament_no] : []].join(" "),
    }))
  );
  // The messages of one evaluation are about different rules and are sent in no particular order.
  const ruleOf = (line: string) => line.slice(line.indexOf(" "));
  const byRule = (lines: string[]) => lines.toSorted((a, b) => ruleOf(a).localeCompare(ruleOf(b)));
  const within = (day: number) => (at: number) => at >= startOf(day) && at < startOf(day + 1);
  const differences = DAYS.flatMap((day, index) => {
    const isToday = within(index);
    const sent = notifications.filter(({ recipient, at }) => recipient === "dashboard" && isToday(at)).map(({ kind, rule }) =>
      `${kind} ${rule}`
    );
    const opened = incidents.filter((incident) => isToday(incident.opened)).map(({ rule, parent }) =>
      parent === null ? rule : `${rule} < ${parent}`
    );
    const differ = (actual: string[], expected: string[], what: string) =>
      actual.join("; ") === expected.join("; ")
        ? []
        : [`${day.name}: ${what} were [${actual.join("; ")}], expected [${expected.join("; ")}]`];
    return [...differ(byRule(sent), byRule(day.notifications), "notifications"), ...differ(opened, day.incidents, "incidents")];
  });
  const open = incidents.filter(({ resolved }) => resolved === null).map(({ rule }) => `${rule} was not resolved`);
  return { runs: runs.length, incidents: incidents.length, notifications: notifications.length, differences: [...differences, ...open] };
}
