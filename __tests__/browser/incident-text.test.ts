import { assertEquals } from "@std/assert";
import { timelineOf } from "../../dashboard/src/incident/timeline.ts";
import { resolved, sectionsOf, stepsFor, stepsOf } from "../../dashboard/src/runbook-text.ts";
import { sentenceOf } from "../../dashboard/src/rule-text.ts";
import type { AlertRule } from "../../types/alerts.ts";

type Incident = Parameters<typeof timelineOf>[0];
const at = (time: string) => `2026-06-10T${time}:00Z`;
const run = (time: string, status: string, failed = 0) => ({
  id: time,
  entity_type: "matches_schedule",
  status,
  status_reason: failed ? "VIS_SERVER_ERROR" : null,
  execution_start: at(time),
  duration_ms: 1_000,
  tournaments_failed: failed,
  tournaments_total: 10,
});
const event = (time: string, from_state: string | null, to_state: string, reason: string) => ({
  at: at(time),
  from_state,
  to_state,
  severity: "HIGH",
  reason,
});
const notification = (time: string, kind: string, channel: string, status = "SENT") => ({
  kind,
  channel,
  status,
  created_at: at(time),
  sent_at: status === "SENT" ? at(time) : null,
});
const linesOf = (parts: object) =>
  timelineOf({ runs: [], events: [], notifications: [], ...parts } as unknown as Incident).map(({ text, count }) => `${count} × ${text}`);

Deno.test("runs in a row that failed alike are one line of the timeline, and another reason or a success begins a new one", () => {
  const runs = [run("10:00", "SUCCEEDED"), run("10:15", "FAILED", 10), run("10:30", "FAILED", 10), run("10:45", "PARTIAL", 1)];
  assertEquals(linesOf({ runs }), [
    "1 × Run succeeded",
    "2 × Run failed: 10 of 10 tournaments failed",
    "1 × Run partial: 1 of 10 tournaments failed",
  ]);
});

Deno.test("twelve repeats are one line of the timeline, and the channels of one moment share a line", () => {
  const repeats = Array.from({ length: 12 }, (_, index) => notification(`${10 + index}:30`, "REPEAT", "ops-hook"));
  const opening = ["ops-hook", "mail"].map((channel) => notification("10:00", "FIRING", channel));
  assertEquals(linesOf({ notifications: [...opening, ...repeats] }), ["1 × Notified ops-hook, mail", "12 × Repeat: notified ops-hook"]);
});

Deno.test("a notification that was not delivered says so, and a replaced one is no line", () => {
  const notifications = [
    notification("10:00", "FIRING", "mail", "DEAD"),
    notification("10:01", "FIRING", "hook", "PENDING"),
    notification("10:02", "FIRING", "hook", "SUPERSEDED"),
  ];
  assertEquals(linesOf({ notifications }), ["1 × Could not notify mail", "1 × Notified hook (waits)"]);
});

Deno.test("changes of state keep their place between the runs", () => {
  const events = [
    event("10:16", null, "FIRING", "3 tournaments"),
    event("10:20", "FIRING", "ACKNOWLEDGED", "acknowledged by ada@example.com"),
  ];
  const runs = [run("10:15", "FAILED", 10), run("10:30", "FAILED", 10)];
  assertEquals(linesOf({ runs, events }), [
    "1 × Run failed: 10 of 10 tournaments failed",
    "1 × Firing with severity High: 3 tournaments",
    "1 × Acknowledged by ada@example.com",
    "1 × Run failed: 10 of 10 tournaments failed",
  ]);
});

Deno.test("a change of state has its value and threshold without the scope, and begins with a capital letter", () => {
  const events = [
    event(
      "10:16",
      null,
      "FIRING",
      "consecutive failures of tournament 8104 in matches_schedule: 2 runs, at or above the threshold of 2 runs",
    ),
    event("10:20", "FIRING", "FIRING", "the cause changed: VIS answered HTTP 503"),
  ];
  const notifications = [notification("10:21", "ESCALATED", "ops-hook"), notification("10:30", "RESOLVED", "ops-hook")];
  assertEquals(linesOf({ events, notifications }), [
    "1 × Firing with severity High: 2 runs, at or above the threshold of 2 runs",
    "1 × The cause changed: VIS answered HTTP 503",
    "1 × Escalation: notified ops-hook",
    "1 × Resolution: notified ops-hook",
  ]);
});

Deno.test("an escalation says what it raised, in whole minutes, and each entry has the icon of its kind", () => {
  const unacknowledged = event("10:46", "FIRING", "FIRING", "not acknowledged for 30.1 minutes");
  const events = [event("10:16", null, "FIRING", "3 tournaments"), { ...unacknowledged, severity: "CRITICAL" }, {
    ...unacknowledged,
    at: at("11:16"),
    severity: "CRITICAL",
  }];
  const parts = { runs: [run("10:15", "FAILED", 10)], events, notifications: [notification("11:17", "ESCALATED", "ops-hook")] };
  const lines = timelineOf(parts as unknown as Incident);
  assertEquals(lines.map(({ kind, text }) => `${kind}: ${text}`), [
    "run: Run failed: 10 of 10 tournaments failed",
    "state: Firing with severity High: 3 tournaments",
    "escalation: Raised to Critical: not acknowledged for 30 minutes",
    "escalation: Escalated: not acknowledged for 30 minutes",
    "notification: Escalation: notified ops-hook",
  ]);
});

const RULE = {
  metric: "consecutive_failures",
  scope: "ENTITY",
  threshold: 3,
  evaluation_window: "1 hour",
  for_duration: "00:00:00",
  lowest_priority: null,
  severity: "MEDIUM",
  notification_channels: ["dashboard", "ops-hook", "mail"],
  escalation_delay: null,
  escalation_channels: [],
} as unknown as AlertRule;
const sentence = (changes: Partial<AlertRule>) =>
  sentenceOf({ ...RULE, ...changes }).map((part) => typeof part === "string" ? part : part.channel).join("");

Deno.test("a rule is a sentence with its condition, its channels and its escalation", () => {
  assertEquals(sentence({ for_duration: "0 seconds" }), "When 3 full runs in a row fail, notify ops-hook and mail.");
  assertEquals(
    sentence({ for_duration: "5 minutes", escalation_delay: "30 minutes", escalation_channels: [["pager"]] }),
    "When 3 full runs in a row fail for 5 minutes, notify ops-hook and mail; after 30 minutes without acknowledgement raise to High and " +
      "add pager.",
  );
  assertEquals(
    sentence({ metric: "sync_overdue", threshold: 90, for_duration: "0 seconds", notification_channels: ["dashboard"] }),
    "When a run is overdue by 1 min 30 s or longer, show it on this page.",
  );
  assertEquals(
    sentence({ metric: "success_rate", threshold: 0.95, evaluation_window: "1 day", for_duration: "0 seconds" }),
    "When fewer than 95 % of the full runs in 1 day succeed, notify ops-hook and mail.",
  );
});

Deno.test("only the steps of the runbook about the error of the incident are shown, and all of them without an error", () => {
  const [section] = sectionsOf(
    "## Rule\n\n1. A `VIS_*` code: wait.\n2. A `REPLY_*` code: compare.\n3. Any: read `VIS_LATER` in the log.\n",
  );
  const block = section?.blocks[0];
  const shown = (code: string | null) => block && "items" in block ? stepsFor(block.items, code).length : NaN;
  assertEquals([shown("VIS_SERVER_ERROR"), shown("REPLY_MALFORMED"), shown("DATABASE_LOST"), shown(null)], [2, 2, 1, 3]);
});

const SECTIONS = sectionsOf(await Deno.readTextFile(new URL("../../docs/runbook.md", import.meta.url)));
const VALUES = { tournament: "8104", entity: "matches_schedule", run: "a-run", rule: "a-rule", objective_id: "an-objective" };
/** The placeholders that no incident can fill: a notification, a channel, a job or an incident that the reader chooses. */
const OF_THE_READER = /<(notification|channel|job|incident)>/;

Deno.test("the steps of an incident have its own values, and links instead of the calls that the page can do", () => {
  const codes = SECTIONS.flatMap((section) => stepsOf(section, SECTIONS)).flat(2).map((part) => resolved(part, VALUES))
    .flatMap((part) => "code" in part ? [part.code] : []);
  assertEquals(codes.filter((code) => /<\w+>/.test(code) && !OF_THE_READER.test(code)), []);
  assertEquals([...new Set(codes.filter((code) => /^(GET|POST|PUT|PATCH|DELETE) /.test(code)))], ["GET sync-monitoring/sync-statistics"]);
  const code = (text: string) => resolved({ code: text }, VALUES);
  assertEquals(code("select 1 where no = '<tournament>';"), { code: "select 1 where no = '8104';" });
  assertEquals(code("GET sync-monitoring/executions/<run>"), { text: "its run", href: "/runs/a-run" });
  assertEquals(code("GET sync-monitoring/objectives/<objective_id>"), { text: "its budget and causes", href: "/objectives/an-objective" });
  assertEquals(code('POST sync-admin/manual-trigger {"tournament_no": "<tournament>"}'), {
    text: "Sync now",
    href: "/sync?entity=matches_schedule&tournament=8104",
  });
  assertEquals(resolved({ code: "GET sync-monitoring/executions/<run>" }, {}), { code: "GET sync-monitoring/executions/<run>" });
});

Deno.test("a section without steps has the steps of the section that it links to", () => {
  const section = (anchor: string) => SECTIONS.find((candidate) => candidate.anchor === anchor);
  const live = section("live-tournament-failing"), all = section("match-schedule-tournament-failing");
  assertEquals(live && stepsOf(live, SECTIONS), all && stepsOf(all, SECTIONS));
  assertEquals(live && stepsOf(live, SECTIONS).flat().length, 2);
});
