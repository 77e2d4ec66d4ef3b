import { assert, assertEquals, assertMatch } from "@std/assert";
import type { SetupFacts } from "../../../../services/contract/system.ts";
import type { SetupStep } from "../../../../types/admin.ts";
import { countPeople, type PeopleCount } from "../people.ts";
import { judgeSetup } from "../setup.ts";

const NOW = "2026-06-10T12:00:00Z", EARLIER = "2026-06-10T11:00:00Z";
const channel = {
  name: "ops-hook",
  updated_at: EARLIER,
  proven_at: EARLIER as string | null,
  last_error: null as string | null,
  last_delivery_at: null,
};
const COMPLETE: SetupFacts = {
  as_of: NOW,
  channels: [channel],
  rules: { active: 17, dashboard_only: 0 },
  scheduler: { jobs: 7, last_tick: NOW, is_late: false },
  cron_jobs: [],
  missing_secrets: [],
  last_evaluation: "2026-06-10T11:59:30Z",
  upstream: { backoff_until: null, last_answer: EARLIER },
};
const PEOPLE: PeopleCount = { admins: 1, operators: 1 };
const SETTINGS = { hasAuditKey: true, hasHeartbeatUrl: true };
const missing = (facts: SetupFacts, people: PeopleCount | null = PEOPLE, settings = SETTINGS) =>
  judgeSetup(facts, people, settings).steps.filter(({ is_done }) => !is_done);

Deno.test("a complete installation is ready, and each step says what was found", () => {
  const { is_ready, steps, as_of } = judgeSetup(COMPLETE, PEOPLE, SETTINGS);
  assertEquals([is_ready, as_of], [true, NOW]);
  assertEquals(new Set(steps.map(({ code }) => code)).size, 12);
  for (const { message, link } of steps) {
    assertMatch(message, /^\w.*[^.]$/);
    assertMatch(link, /^#\//);
  }
});

const CASES: [string, Partial<SetupFacts>, SetupStep["code"][], RegExp][] = [
  ["no channel beyond the dashboard", { channels: [] }, ["CHANNEL", "CHANNEL_PROVEN"], /the dashboard is the only active channel/],
  [
    "a channel without a delivery",
    { channels: [{ ...channel, proven_at: null }] },
    ["CHANNEL_PROVEN"],
    /ops-hook has delivered nothing yet/,
  ],
  [
    "a channel that was changed after its proof",
    { channels: [channel, { ...channel, name: "mail", updated_at: NOW }] },
    ["CHANNEL_PROVEN"],
    /^mail was changed after/,
  ],
  [
    "a channel whose last message failed",
    { channels: [{ ...channel, last_error: "HTTP 500" }] },
    ["CHANNEL_PROVEN"],
    /the last message to ops-hook failed: HTTP 500/,
  ],
  [
    "one rule that notifies only the dashboard",
    { rules: { active: 1, dashboard_only: 1 } },
    ["RULES"],
    /^1 of 1 active rule notifies only the dashboard$/,
  ],
  [
    "many rules that notify only the dashboard",
    { rules: { active: 17, dashboard_only: 12 } },
    ["RULES"],
    /^12 of 17 active rules notify only the dashboard$/,
  ],
  ["no active rule", { rules: { active: 0, dashboard_only: 0 } }, ["RULES"], /no rule is active/],
  [
    "pg_cron that stopped",
    { scheduler: { jobs: 7, last_tick: EARLIER, is_late: true } },
    ["SCHEDULES"],
    /pg_cron has started no job since/,
  ],
  ["no evaluation", { last_evaluation: null }, ["ALERT_PROCESSOR"], /never evaluated/],
  [
    "an evaluation five minutes ago",
    { last_evaluation: "2026-06-10T11:55:00Z" },
    ["ALERT_PROCESSOR"],
    /last evaluated at 2026-06-10T11:55:00Z/,
  ],
  ["no project URL", { missing_secrets: ["project_url"] }, ["FUNCTION_CALLS"], /Vault has no project_url:/],
  [
    "no watchdog",
    { missing_secrets: ["watchdog_secret", "watchdog_url"] },
    ["WATCHDOG"],
    /Vault has no watchdog_url and no watchdog_secret:/,
  ],
  ["a watchdog without its secret", { missing_secrets: ["watchdog_secret"] }, ["WATCHDOG"], /Vault has no watchdog_secret:/],
  ["no answer of VIS", { upstream: { backoff_until: null, last_answer: null } }, ["UPSTREAM"], /in the last 26 hours/],
  [
    "an upstream backoff",
    { upstream: { backoff_until: NOW, last_answer: EARLIER } },
    ["UPSTREAM"],
    /upstream backoff until 2026-06-10T12:00:00Z/,
  ],
];
for (const [what, facts, codes, message] of CASES) {
  Deno.test(`${what} leaves ${codes.join(" and ")} open`, () => {
    const steps = missing({ ...COMPLETE, ...facts });
    assertEquals(steps.map(({ code }) => code), codes);
    assertMatch(String(steps[0]?.message), message);
    assert(!judgeSetup({ ...COMPLETE, ...facts }, PEOPLE, SETTINGS).is_ready);
  });
}

for (
  const [people, codes] of [
    [{ admins: 0, operators: 2 }, ["ADMIN"]],
    [{ admins: 1, operators: 0 }, ["OPERATOR"]],
    [{ admins: 0, operators: 0 }, ["ADMIN", "OPERATOR"]],
    [{ admins: 2, operators: 0 }, []],
    [null, ["ADMIN", "OPERATOR"]],
  ] as [PeopleCount | null, string[]][]
) {
  Deno.test(`with ${JSON.stringify(people)} of people ${codes.join(" and ") || "nothing"} is open`, () => {
    assertEquals(missing(COMPLETE, people).map(({ code }) => code), codes);
  });
}

Deno.test("the settings of the functions are steps of their own", () => {
  const codes = missing(COMPLETE, PEOPLE, { hasAuditKey: false, hasHeartbeatUrl: false }).map(({ code }) => code);
  assertEquals(codes, ["HEARTBEAT", "AUDIT_KEY"]);
});

const person = (role: "viewer" | "operator" | "admin" | null, rest: object = {}) => ({
  id: crypto.randomUUID(),
  email: "ada@example.com",
  role,
  disabled: false,
  confirmed: true,
  last_sign_in_at: null,
  created_at: NOW,
  ...rest,
});

Deno.test("people count when they are confirmed and not disabled, over several pages, and no page is read in vain", async () => {
  const pages = [
    [person("admin", { disabled: true }), person("operator", { confirmed: false }), person(null), person("viewer")],
    [person("admin")],
    [person("operator")],
    [person("admin")],
  ];
  const read: number[] = [];
  const list = (page: number) => {
    read.push(page);
    return Promise.resolve({ people: pages[page - 1] ?? [], hasMore: page < pages.length });
  };
  assertEquals(await countPeople({ list }), { admins: 1, operators: 1 });
  assertEquals(read, [1, 2, 3]);
});
