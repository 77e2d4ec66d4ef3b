import { assertEquals, assertMatch } from "@std/assert";
import type { EntityFacts } from "../../../../services/contract/health.ts";
import { judgeEntity, worst } from "../health-checker.ts";
import { isoDuration } from "../iso-duration.ts";

const NOW = Date.parse("2026-06-10T12:03:00Z");
const ID = "00000000-0000-4000-8000-000000000001";
const RUN = {
  id: ID,
  status: "SUCCEEDED",
  status_reason: "10 tournaments done",
  execution_start: "2026-06-10T12:00:00Z",
  tournaments_failed: 0,
  tournaments_processed: 10,
  tournaments_total: 10,
  duration_ms: 20_000,
};
const RUNNING = {
  id: ID,
  execution_start: "2026-06-10T12:00:00Z",
  deadline: "2026-06-10T12:10:00Z",
  lease_expires_at: "2026-06-10T12:04:00Z",
  current_stage: null,
  tournaments_processed: 3,
  tournaments_total: 10,
};
const HEALTHY: EntityFacts = {
  entity_type: "matches_schedule",
  title: "Match Schedule",
  expected_within_ms: 1_200_000,
  is_paused: false,
  idle_since: null,
  paused_by: null,
  paused_at: null,
  paused_reason: null,
  created_at: "2026-06-01T00:00:00Z",
  last_successful_sync: "2026-06-10T12:00:00Z",
  last_attempt: "2026-06-10T12:00:00Z",
  next_sync: "2026-06-10T12:15:00Z",
  overdue_since: null,
  max_runtime_ms: 600_000,
  consecutive_failures: 0,
  failure_threshold: null,
  runs_24h: 96,
  success_rate_24h: 1,
  average_duration_ms: 20_000,
  p95_duration_ms: 30_000,
  records_processed_today: 100,
  cache_hits_24h: 1,
  cache_misses_24h: 1,
  api_calls_24h: 1,
  api_response_ms_24h: 100,
  peak_memory_mb_24h: 60,
  errors_24h: 0,
  latest_run: RUN,
  recent_runs: [],
  held_back: null,
  running: null,
};

const CASES: [string, Partial<EntityFacts>, string, string, RegExp][] = [
  [
    "has a reply that is held back",
    { held_back: { requests: ["tournament 8106"], since: "2026-06-10T12:00:00Z", warnings: ["REPLY_SHRANK"] } },
    "WARNING",
    "REPLY_HELD_BACK",
    /^the reply for tournament 8106 is held back for a second look since 2026-06-10T12:00:00Z: REPLY_SHRANK$/,
  ],
  ["runs on time and succeeds", {}, "HEALTHY", "OK", /on time/],
  [
    "is paused",
    { is_paused: true, paused_by: "a@example.com", paused_at: "x", consecutive_failures: 9 },
    "WARNING",
    "PAUSED",
    /paused by a@example.com/,
  ],
  [
    "is idle and never ran",
    { idle_since: "2026-06-10T06:00:00Z", last_attempt: null, latest_run: null },
    "HEALTHY",
    "IDLE",
    /^idle since 2026-06-10T06:00:00Z: no match is live or starts within 15 minutes$/,
  ],
  ["is idle after a failure", { idle_since: "x", consecutive_failures: 3 }, "CRITICAL", "FAILING", /3 runs failed/],
  ["never ran, not yet due", { last_attempt: null, latest_run: null }, "WARNING", "NEVER_RAN", /first run is due at 2026-06-10T12:15/],
  [
    "never ran and is overdue",
    { last_attempt: null, latest_run: null, overdue_since: "2026-06-10T12:00:00Z" },
    "CRITICAL",
    "NEVER_RAN",
    /overdue for 3 minutes$/,
  ],
  ["stopped running", { overdue_since: "2026-06-10T11:33:00Z" }, "CRITICAL", "OVERDUE", /30 minutes/],
  ["became overdue a minute ago", { overdue_since: "2026-06-10T12:02:00Z" }, "CRITICAL", "OVERDUE", /overdue for 1 minute$/],
  ["stopped running days ago", { overdue_since: "2026-06-08T00:03:00Z" }, "CRITICAL", "OVERDUE", /overdue for 2\.5 days$/],
  [
    "has a run past its lease",
    { running: { ...RUNNING, lease_expires_at: "2026-06-10T12:02:00Z" } },
    "CRITICAL",
    "STUCK",
    /past its lease/,
  ],
  ["has a run within its lease", { running: RUNNING }, "HEALTHY", "OK", /on time/],
  [
    "failed once",
    { consecutive_failures: 1, latest_run: { ...RUN, status: "FAILED", status_reason: "boom" } },
    "WARNING",
    "FAILING",
    /1 run failed since the last success: boom/,
  ],
  ["failed three times", { consecutive_failures: 3 }, "CRITICAL", "FAILING", /3 runs failed since the last success/],
  ["failed three times, with a threshold of five", { consecutive_failures: 3, failure_threshold: 5 }, "WARNING", "FAILING", /3 runs/],
  ["succeeds too rarely", { success_rate_24h: 0.9 }, "WARNING", "LOW_SUCCESS_RATE", /90 % over 96 runs.*below the threshold of 95 %/],
  ["succeeds far too rarely", { success_rate_24h: 0.5 }, "CRITICAL", "LOW_SUCCESS_RATE", /below the threshold of 80 %/],
  ["had only three runs, all failed", { success_rate_24h: 0, runs_24h: 3 }, "HEALTHY", "OK", /on time/],
  [
    "was partial",
    { latest_run: { ...RUN, status: "PARTIAL", tournaments_failed: 2, status_reason: "2 of 10 tournaments failed" } },
    "WARNING",
    "PARTIAL",
    /2 of 10/,
  ],
  ["was slow", { latest_run: { ...RUN, duration_ms: 500_000 } }, "WARNING", "SLOW", /8\.3 minutes of the 10 minutes allowed/],
];
for (const [description, facts, status, code, message] of CASES) {
  Deno.test(`an entity that ${description} is ${status} because of ${code}`, () => {
    const judged = judgeEntity({ ...HEALTHY, ...facts }, null, NOW);
    assertEquals([judged.status, judged.because[0]?.code], [status, code] as never);
    assertMatch(String(judged.because[0]?.message), message);
  });
}

Deno.test("judgeEntity returns every reason, the worst first, and an upstream backoff is one of them", () => {
  const facts = { ...HEALTHY, overdue_since: "2026-06-10T12:00:00Z", consecutive_failures: 1 };
  const { because } = judgeEntity(facts, { backoff_until: "2026-06-10T12:25:00Z", backoff_reason: "VIS answered HTTP 503" }, NOW);
  assertEquals(
    because.map((reason) => reason.code),
    ["OVERDUE", "FAILING", "UPSTREAM_BACKOFF"],
  );
});

Deno.test("the overall status is the worst one; without entities it is HEALTHY", () => {
  assertEquals(worst(["HEALTHY", "CRITICAL", "WARNING"]), "CRITICAL");
  assertEquals(worst([]), "HEALTHY");
});

Deno.test("durations are ISO 8601", () => {
  const expected: [number | null, string | null][] = [
    [null, null],
    [0, "PT0S"],
    [806, "PT0.806S"],
    [60_000, "PT1M"],
    [62_500, "PT1M2.5S"],
    [3_600_000, "PT1H"],
    [5_025_000, "PT1H23M45S"],
  ];
  for (const [ms, text] of expected) assertEquals(isoDuration(ms), text);
});
