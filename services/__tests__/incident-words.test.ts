import { assert, assertEquals, assertMatch } from "@std/assert";
import { aMeasurement, anEvaluation } from "../../testing/alerts.ts";
import { messageItem } from "../../testing/messages.ts";
import { ALERT_METRICS, type AlertMetric } from "../../types/alerts.ts";
import { decideAll } from "../alert-evaluation.ts";
import { withUnit } from "../alert-words.ts";
import { codeOf } from "../error-words.ts";
import { causeOf, peakOf, scopeOf, titleOf } from "../incident-words.ts";

const FINGERPRINT = { fingerprint: "VIS_UNAVAILABLE:vis answered http #" };
/** For each metric the value in words, the evidence, the cause while it fires, and the cause after the end. */
const CAUSES: Record<AlertMetric, [value: string, evidence: Record<string, unknown>, firing: string, ended: string][]> = {
  success_rate: [
    ["50 %", {}, "success rate fell to 50 %", "success rate fell"],
    [
      "50 %",
      FINGERPRINT,
      "success rate fell to 50 %, last failure: VIS is unavailable",
      "success rate fell, last failure: VIS is unavailable",
    ],
    ["90 %", { lowest: "tournaments" }, "success rate of tournaments fell to 90 %", "success rate of tournaments fell"],
  ],
  consecutive_failures: [
    ["3 runs", FINGERPRINT, "VIS is unavailable: 3 runs failed in a row", "VIS is unavailable: several runs failed in a row"],
    ["3 runs", {}, "3 runs failed in a row", "several runs failed in a row"],
    [
      "3 runs",
      { ...FINGERPRINT, tournament: "Gstaad", error: "VIS answered HTTP 500." },
      "VIS answered HTTP 500: 3 runs failed in a row",
      "VIS answered HTTP 500: several runs failed in a row",
    ],
    ["3 runs", { fingerprint: "NEW_CODE:x" }, "NEW_CODE: 3 runs failed in a row", "NEW_CODE: several runs failed in a row"],
  ],
  duration_exceeded: [["3 minutes", {}, "a run took 3 minutes", "a run took too long"]],
  memory_usage: [["220 MiB", {}, "a run used 220 MiB of memory", "a run used too much memory"]],
  sync_overdue: [
    ["26 hours", {}, "no run started, overdue by 26 hours", "no run started when due"],
    [
      "26 hours",
      FINGERPRINT,
      "VIS is unavailable: no run started, overdue by 26 hours",
      "VIS is unavailable: no run started when due",
    ],
  ],
  error_rate: [
    [
      "2.5 errors per run",
      FINGERPRINT,
      "2.5 errors per run, last failure: VIS is unavailable",
      "too many errors per run, last failure: VIS is unavailable",
    ],
    ["2.5 errors per run", {}, "2.5 errors per run", "too many errors per run"],
  ],
  records_collapse: [["80 %", {}, "records per request fell by 80 %", "records per request fell"]],
  cache_hit_ratio: [["20 %", {}, "cache hit ratio fell to 20 %", "cache hit ratio fell"]],
  api_response_time: [["4200 ms", {}, "VIS took 4200 ms to answer on average", "VIS answered slowly"]],
  api_fallback_ratio: [[
    "30 %",
    {},
    "30 % of the requests to VIS were retries, forced full reads or answered in XML",
    "too many of the requests to VIS were retries, forced full reads or answered in XML",
  ]],
  tournament_staleness: [
    ["50 minutes", {}, "the matches were due for 50 minutes and not read", "the matches were due and not read"],
    [
      "50 minutes",
      { error: "VIS answered HTTP 500" },
      "VIS answered HTTP 500: the matches were due for 50 minutes and not read",
      "VIS answered HTTP 500: the matches were due and not read",
    ],
  ],
  stuck_execution: [["10 minutes", {}, "a run sent no heartbeat for 10 minutes", "a run sent no heartbeat"]],
  shared_failure: [
    [
      "10 tournaments",
      { error: "VIS answers HTTP 500", tournaments: 10, of: 10 },
      "VIS answers HTTP 500: 10 of 10 tournaments",
      "VIS answers HTTP 500: several tournaments",
    ],
    ["4 tournaments", FINGERPRINT, "VIS is unavailable: 4 tournaments", "VIS is unavailable: several tournaments"],
    ["4 tournaments", {}, "4 tournaments failed alike", "several tournaments failed alike"],
  ],
  undelivered_age: [
    [
      "20 minutes",
      { channels: { hook: 2, mail: 1 } },
      "notifications were not delivered for 20 minutes (hook 2, mail 1)",
      "notifications were not delivered (hook 2, mail 1)",
    ],
    ["1 day", {}, "notifications were not delivered for 1 day", "notifications were not delivered"],
  ],
  processor_late: [["10 minutes", {}, "no rules were evaluated for 10 minutes", "no rules were evaluated for some time"]],
  queue_age: [["35 minutes", { waiting: 4 }, "a job waited in the queue for 35 minutes", "a job waited too long in the queue"]],
  unconfirmed_replies: [
    [
      "2 replies",
      { requests: ["season 2026", "tournament 8106"] },
      "2 replies held back and not confirmed: season 2026, tournament 8106",
      "some replies held back and not confirmed: season 2026, tournament 8106",
    ],
    ["1 reply", {}, "1 reply held back and not confirmed", "some replies held back and not confirmed"],
  ],
  burn_rate: [
    [
      "14 ×",
      { objective: "Match runs on time" },
      "the error budget of Match runs on time burns at 14 × its even rate",
      "the error budget of Match runs on time burns too fast",
    ],
    [
      "14 ×",
      { ...FINGERPRINT, objective: "Tournament results" },
      "VIS is unavailable: the error budget of Tournament results burns at 14 × its even rate",
      "VIS is unavailable: the error budget of Tournament results burns too fast",
    ],
  ],
  canary: [[
    "1 channel",
    {},
    "this is a test of the channel: nothing is wrong, and nothing must be done",
    "this is a test of the channel: nothing is wrong, and nothing must be done",
  ]],
  canary_failed: [
    [
      "2 channels",
      {
        failed: {
          hook: { stage: "CHANNEL", error: "the receiver answered 500" },
          mail: { stage: "READER", error: "nobody followed the link" },
        },
      },
      "hook is not proven (stage CHANNEL: the receiver answered 500), mail is not proven (stage READER: nobody followed the link)",
      "hook is not proven (stage CHANNEL: the receiver answered 500), mail is not proven (stage READER: nobody followed the link)",
    ],
    ["1 channel", {}, "1 channel not proven", "a channel is not proven"],
  ],
  broken_rules: [
    [
      "2 rules",
      { rules: ["Slow answers", "Too few\nrecords"] },
      "2 rules cannot be measured: Slow answers, Too few records",
      "some rules cannot be measured: Slow answers, Too few records",
    ],
    ["1 rule", {}, "1 rule cannot be measured", "some rules cannot be measured"],
  ],
};

for (const [metric, cases] of Object.entries(CAUSES)) {
  for (const [value, evidence, firing, ended] of cases) {
    const { label } = ALERT_METRICS[metric as AlertMetric];
    const message = `${label} of all syncs: ${value}, at or above the threshold of 1`;
    Deno.test(`the cause of a ${metric} incident with ${JSON.stringify(evidence)} is "${firing}", and of its end "${ended}"`, () => {
      assertEquals(causeOf(messageItem({ metric, message, evidence })), firing);
      const end = { metric, evidence, kind: "RESOLVED", resolved_at: "2026-06-10T12:25:00Z" } as const;
      assertEquals(causeOf(messageItem({ ...end, message: `${label} of all syncs: 0, below the threshold of 1` })), ended);
    });
  }
  Deno.test(`a ${metric} incident without data says so`, () => {
    const { label } = ALERT_METRICS[metric as AlertMetric];
    const item = messageItem({ metric, message: `${label} of all syncs: unknown (no data)`, evidence: {} });
    assertEquals(causeOf(item), `no data for the ${label}`);
  });
}

// The message of a canary has no value, because a canary reports no fault.
for (const [metric, { direction }] of Object.entries(ALERT_METRICS).filter(([metric]) => metric !== "canary")) {
  Deno.test(`the cause has the value of the message that the evaluator writes about ${metric}`, () => {
    const [value, threshold] = direction === "above" ? [0.75, 0.5] : [0.25, 0.5];
    const transition = decideAll(anEvaluation([aMeasurement({ metric: metric as AlertMetric, value, threshold })])).transitions[0];
    const cause = causeOf(messageItem({ metric, message: String(transition?.message), evidence: {} }));
    assert(cause.includes(withUnit(value, metric as AlertMetric)), cause);
  });
}

const END = { kind: "RESOLVED", resolved_at: "2026-06-10T12:25:00Z" } as const;

Deno.test("the end of a shared failure names the error and the tournaments of its worst value, and not of the failures that were left", () => {
  const at_peak = { error: "VIS answered HTTP 500", tournaments: 10, of: 10 };
  const evidence = { error: "another error", tournaments: 1, of: 12, peak: 10, at_peak };
  assertEquals(causeOf(messageItem({ ...END, evidence })), "VIS answered HTTP 500: 10 of 10 tournaments");
  assertEquals(causeOf(messageItem({ evidence })), "another error: 1 of 12 tournaments");
  const recovering = { ...messageItem({ evidence }), recovered_at: "2026-06-10T12:20:00Z" };
  assertEquals(causeOf(recovering), "VIS answered HTTP 500: 10 of 10 tournaments");
});

for (
  const [metric, peak, cause] of [
    ["success_rate", 0.5, "success rate fell to 50 %, last failure: VIS is unavailable"],
    ["consecutive_failures", 4, "VIS is unavailable: 4 runs failed in a row"],
    ["sync_overdue", 7_200, "VIS is unavailable: no run started, overdue by 2 hours"],
    ["error_rate", 2.5, "2.5 errors per run, last failure: VIS is unavailable"],
    ["undelivered_age", 1_800, "notifications were not delivered for 30 minutes (hook 1)"],
  ] as const
) {
  Deno.test(`the cause of the end of a ${metric} incident with the peak ${peak} is "${cause}"`, () => {
    const at_peak = { channels: { hook: 1 }, ...FINGERPRINT };
    assertEquals(causeOf(messageItem({ metric, ...END, evidence: { peak, at_peak } })), cause);
  });
}

const TITLES: Record<string, string> = { tournaments: "Tournament Sync" };
const nameOf = (entity_type: string) => TITLES[entity_type] ?? entity_type;

for (const [metric, cases] of Object.entries(CAUSES)) {
  for (const [value, evidence] of cases) {
    Deno.test(`the title of a ${metric} incident with ${JSON.stringify(evidence)} is one sentence that begins with a capital letter or a digit`, () => {
      const item = messageItem({ metric, message: `x: ${value}, at or above the threshold of 1`, evidence });
      for (const title of [titleOf(item, nameOf), titleOf({ ...item, ...END }, nameOf)]) {
        assertMatch(title, /^[A-Z0-9].*[^.:,;\s]$/);
        assert(!title.includes("_") || title.startsWith("NEW_CODE"), title);
      }
    });
  }
}

Deno.test("the title of a live success rate has its threshold, and that of an ended one its worst value", () => {
  const live = { metric: "success_rate", message: "x: 90 %, below the threshold of 95 %", evidence: { lowest: "tournaments" } };
  assertEquals(titleOf(messageItem(live), nameOf), "Success rate of Tournament Sync fell below 95 %");
  const ended = messageItem({ ...live, ...END, evidence: { peak: 0.5, at_peak: live.evidence } });
  assertEquals(titleOf(ended, nameOf), "Success rate of Tournament Sync fell to 50 %");
});

Deno.test("a title and its scope name entities as people do, and a test keeps its words", () => {
  const scoped = messageItem({ entity_type: "tournaments", tournament_no: "8104", evidence: { tournament: "Gstaad" } });
  assertEquals(scopeOf(scoped, nameOf), "Tournament Sync, tournament 8104 Gstaad");
  assertEquals(titleOf(messageItem({ metric: "test", message: "this is a test." }), nameOf), "This is a test");
});

Deno.test("missed runs and a test have causes of their own", () => {
  const missed = (times: string[]) => causeOf(messageItem({ kind: "MISSED", metric: "sync_overdue", evidence: { missed: times } }));
  assertEquals(missed(["2026-06-10T00:00:00Z"]), "1 run did not start when due");
  assertEquals(missed(["2026-06-10T00:00:00Z", "2026-06-10T06:00:00Z"]), "2 runs did not start when due");
  assertEquals(
    causeOf(messageItem({ metric: "test", message: "This is a test;\nnothing is wrong." })),
    "This is a test; nothing is wrong.",
  );
});

for (
  const [changes, scope] of [
    [{ entity_type: "all" }, "all syncs"],
    [{ entity_type: "system" }, null],
    [{ entity_type: "matches_schedule" }, "matches_schedule"],
    [{ entity_type: "matches_schedule", tournament_no: "8104", evidence: {} }, "matches_schedule, tournament 8104"],
    [
      { entity_type: "matches_schedule", tournament_no: "8104", evidence: { tournament: "Gstaad" } },
      "matches_schedule, tournament 8104 Gstaad",
    ],
  ] as const
) {
  Deno.test(`the scope of ${JSON.stringify(changes)} is ${scope}`, () => assertEquals(scopeOf(messageItem(changes)), scope));
}

for (
  const [metric, evidence, peak] of [
    ["shared_failure", { peak: 10, of: 10 }, "10 of 10 tournaments"],
    ["shared_failure", { peak: 10, of: 4 }, "10 tournaments"],
    ["shared_failure", { peak: 1 }, "1 tournament"],
    ["sync_overdue", { peak: 7_200 }, "2 hours"],
    ["success_rate", { peak: 0.5 }, "50 %"],
    ["memory_usage", {}, null],
    ["memory_usage", { peak: "220" }, null],
    ["test", { peak: 1 }, null],
  ] as const
) {
  Deno.test(`the peak of ${metric} with ${JSON.stringify(evidence)} is ${peak}`, () => {
    assertEquals(peakOf(messageItem({ metric, evidence })), peak);
  });
}

Deno.test("a fingerprint begins with its code", () => {
  assertEquals(["VIS_LATER:x", "VIS_LATER", "words: VIS", ""].map(codeOf), ["VIS_LATER", "VIS_LATER", null, null]);
});
