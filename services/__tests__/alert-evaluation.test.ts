// Over 300 lines, because each condition under which an incident mutes another, or must not, has a case.
import { assertEquals, assertMatch } from "@std/assert";
import { findParents } from "../alert-causes.ts";
import { decideAll } from "../alert-evaluation.ts";
import type { LiveIncident, Measurement, Measurements } from "../contract/alerts.ts";
import { ago, aLiveIncident, aMeasurement, anEvaluation, anyone, known, RULE_ID } from "../../testing/alerts.ts";

const RUN = "00000000-0000-4000-8000-00000000000a", OTHER_RUN = "00000000-0000-4000-8000-00000000000b";
const rule = (rule_name: string, changes: Partial<Measurement> = {}): Measurement =>
  aMeasurement({ rule_id: crypto.randomUUID(), rule_name, ...changes });
const channels = { recipients: anyone("dashboard", "hook", "pager", "team", "chief") };
const decided = (measurements: Measurement[], changes: Partial<Measurements> = {}) =>
  decideAll(anEvaluation(measurements, { ...channels, ...changes })).transitions;
/** The notifications of each transition, `rule: KIND channel, KIND channel`, or the cause that mutes it. */
const notificationsOf = (measurements: Measurement[], changes: Partial<Measurements> = {}) =>
  decided(measurements, changes).filter(({ reason, notifications }) => reason !== "" || notifications.length > 0)
    .map(({ rule_name, notifications, muted_by, parent }) => {
      const sent = notifications.map(({ kind, channel }) => `${kind} ${channel}`).join(", ");
      return `${rule_name}: ${sent || (parent ? `inhibited by ${parent.rule_name}` : muted_by)}`;
    });
const parentsOf = (measurements: Measurement[]) =>
  [...findParents(measurements)].map(([child, parent]) => `${child.rule_name} by ${parent.rule_name}`).sort();

const BREACH = { value: 9, threshold: 1, execution_id: RUN } as const;

Deno.test("of the incidents of one run the nearest to the cause inhibits those of failing runs, and takes the highest severity", () => {
  const rules = [
    rule("failures", { ...BREACH, severity: "CRITICAL" }),
    rule("rate", { ...BREACH, metric: "success_rate", value: 0, entity_type: "all" }),
    rule("errors", { ...BREACH, metric: "error_rate" }),
    rule("stuck", { ...BREACH, metric: "stuck_execution", severity: "LOW" }),
    rule("duration", { ...BREACH, metric: "duration_exceeded" }),
    rule("overdue", { ...BREACH, metric: "sync_overdue", execution_id: null }),
    rule("memory", { ...BREACH, metric: "memory_usage" }),
  ];
  assertEquals(notificationsOf(rules), [
    "stuck: FIRING dashboard",
    "memory: FIRING dashboard",
    "failures: inhibited by stuck",
    "errors: inhibited by stuck",
    "rate: inhibited by stuck",
    "duration: inhibited by stuck",
    "overdue: inhibited by stuck",
  ]);
  assertEquals(decided(rules)[0]?.severity, "CRITICAL");
});

Deno.test("without a common run or fingerprint nothing inhibits, and neither a long nor a large run does", () => {
  assertEquals(
    parentsOf([
      rule("failures", BREACH),
      rule("rate", { ...BREACH, metric: "success_rate", value: 0, execution_id: OTHER_RUN, fingerprint: "other" }),
      rule("errors", { ...BREACH, metric: "error_rate", execution_id: null }),
      rule("duration", { ...BREACH, metric: "duration_exceeded" }),
      rule("memory", { ...BREACH, metric: "memory_usage" }),
      rule("overdue", { ...BREACH, metric: "sync_overdue" }),
      rule("records", { ...BREACH, metric: "records_collapse" }),
      rule("failures of another sync", { ...BREACH, entity_type: "tournaments" }),
    ]),
    [],
  );
});

Deno.test("a pending incident inhibits nothing, and is inhibited when it fires", () => {
  const pending = { ...BREACH, metric: "success_rate", value: 0, for_ms: 60_000 } as const;
  assertEquals(notificationsOf([rule("failures", BREACH), rule("rate", pending)])[1], "rate: null", "it is pending");
  const due = aLiveIncident({ state: "PENDING", fired_at: null, notified_at: null, destinations: [], met_ms: 59_000, met_at: ago(1) });
  assertEquals(notificationsOf([rule("failures", BREACH), rule("rate", { ...pending, incident: due })])[1], "rate: inhibited by failures");
  assertEquals(
    notificationsOf([rule("failures", { ...BREACH, for_ms: 60_000 }), rule("rate", { ...pending, for_ms: 0 })])[1],
    "rate: FIRING dashboard",
  );
});

Deno.test("a shared failure inhibits the incidents with its fingerprint and no other", () => {
  const tournament = (no: string, fingerprint: string) =>
    rule(`tournament ${no}`, { tournament_no: no, fingerprint, execution_id: RUN, severity: "MEDIUM" });
  assertEquals(
    notificationsOf([
      tournament("1", "down"),
      tournament("2", "bad data"),
      rule("failures", { fingerprint: "down", execution_id: RUN }),
      rule("overdue in the backoff", { metric: "sync_overdue", fingerprint: "down" }),
      rule("overdue", { metric: "sync_overdue" }),
      rule("shared", { metric: "shared_failure", entity_type: "all", fingerprint: "down", execution_id: RUN }),
    ]),
    [
      "tournament 2: FIRING dashboard",
      "overdue: FIRING dashboard",
      "shared: FIRING dashboard",
      "failures: inhibited by shared",
      "overdue in the backoff: inhibited by shared",
      "tournament 1: inhibited by shared",
    ],
  );
});

Deno.test("failures in a row inhibit the tournaments of the sync only where every failure of the run has their fingerprint", () => {
  const tournament = rule("tournament", { tournament_no: "1", fingerprint: "down", execution_id: RUN });
  const failures = (changes: Partial<Measurement>) => rule("failures", { fingerprint: "down", execution_id: RUN, ...changes });
  assertEquals(parentsOf([tournament, failures({ is_sole_cause: true })]), ["tournament by failures"]);
  assertEquals(parentsOf([tournament, failures({ is_sole_cause: false })]), []);
  assertEquals(parentsOf([tournament, failures({ is_sole_cause: true, entity_type: "tournaments" })]), []);
});

Deno.test("a parent has no parent itself, so that its message is queued wherever its children are muted", () => {
  const shared = rule("shared", { metric: "shared_failure", entity_type: "all", fingerprint: "down", execution_id: OTHER_RUN });
  const failures = rule("failures", { fingerprint: "down", execution_id: RUN });
  const rate = rule("rate", { metric: "success_rate", value: 0, execution_id: RUN, fingerprint: "other" });
  assertEquals(parentsOf([shared, failures, rate]), ["failures by shared", "rate by shared"]);
});

Deno.test("of two shared failures with one fingerprint that of all syncs inhibits the tournaments and the other one", () => {
  const shared = { metric: "shared_failure", fingerprint: "down", execution_id: RUN } as const;
  const tournament = rule("tournament", { tournament_no: "1", fingerprint: "down" });
  const rules = [rule("of one", shared), rule("of all", { ...shared, entity_type: "all" }), tournament];
  assertEquals(parentsOf(rules), ["of one by of all", "tournament by of all"]);
});

Deno.test("a parent whose value is unknown keeps its cause, and inhibits what has that cause", () => {
  const incident = aLiveIncident({ cause: "down", destinations: [known("dashboard", { cause: "down" })] });
  const shared = rule("shared", { metric: "shared_failure", entity_type: "all", value: null, incident });
  assertEquals(notificationsOf([shared, rule("failures", { fingerprint: "down" })]), ["failures: inhibited by shared"]);
});

Deno.test("a child is muted only where its parent's message is queued, with the cause and a severity at least as high", () => {
  const child = rule("rate", { ...BREACH, metric: "success_rate", value: 0, severity: "HIGH", channels: ["hook"] });
  const withParent = (destinations: LiveIncident["destinations"], changes: Partial<LiveIncident> = {}) =>
    notificationsOf([
      rule("failures", {
        ...BREACH,
        fingerprint: "down",
        channels: ["dashboard"],
        incident: aLiveIncident({ severity: "CRITICAL", cause: "down", destinations, evidence: {}, ...changes }),
      }),
      child,
    ], { recipients: anyone("hook") });
  const hook = known("hook", { severity: "CRITICAL", cause: "down" });
  assertEquals(withParent([hook]), ["rate: inhibited by failures"]);
  assertEquals(withParent([{ ...hook, is_dead: true }]), ["rate: FIRING hook"], "the parent's message was given up");
  const acknowledged = { state: "ACKNOWLEDGED", unacknowledged_since: null } as const;
  assertEquals(withParent([hook], acknowledged), ["rate: inhibited by failures"]);
});

Deno.test("a CRITICAL child of an acknowledged MEDIUM parent is notified on its own channel, by the parent or itself", () => {
  const acknowledged = aLiveIncident({
    state: "ACKNOWLEDGED",
    severity: "MEDIUM",
    unacknowledged_since: null,
    destinations: [known("dashboard", { severity: "MEDIUM" })],
  });
  const rules = [
    rule("failures", { ...BREACH, severity: "MEDIUM", incident: acknowledged }),
    rule("rate", { ...BREACH, metric: "success_rate", value: 0, severity: "CRITICAL", channels: ["pager"] }),
  ];
  assertEquals(notificationsOf(rules), ["failures: ESCALATED dashboard, FIRING pager", "rate: inhibited by failures"]);
});

Deno.test("a parent also notifies the channels of its children, and of children that open later", () => {
  const child = rule("rate", { ...BREACH, metric: "success_rate", value: 0, channels: ["hook"] });
  assertEquals(notificationsOf([child, rule("failures", BREACH)])[0], "failures: FIRING dashboard, FIRING hook");
  assertEquals(notificationsOf([child, rule("failures", { ...BREACH, incident: aLiveIncident() })])[0], "failures: FIRING hook");
  const notified = aLiveIncident({ destinations: [known("dashboard"), known("hook")] });
  assertEquals(notificationsOf([child, rule("failures", { ...BREACH, incident: notified })]), ["rate: inhibited by failures"]);
});

Deno.test("a silenced child adds neither its severity nor its channels to its parent", () => {
  const child = rule("rate", {
    ...BREACH,
    metric: "success_rate",
    value: 0,
    severity: "CRITICAL",
    channels: ["hook"],
    silenced_by: RULE_ID,
  });
  const [parent] = decided([child, rule("failures", BREACH)]);
  assertEquals([parent?.severity, parent?.notifications.map(({ channel }) => channel)], ["HIGH", ["dashboard"]]);
});

Deno.test("a message repeated after four hours says so, and nothing of other recipients", () => {
  const [transition] = decided([
    rule("failures", { incident: aLiveIncident({ last_notified_at: ago(240), unacknowledged_since: ago(5) }) }),
  ]);
  assertEquals(transition?.notifications.map(({ kind, reason }) => `${kind}: ${reason}`), [
    "REPEAT: still firing 4 hours after the last notification",
  ]);
});

Deno.test("a silence that names an incident covers those that it inhibits, and any other silence makes it inhibit nobody", () => {
  const named = { silenced_by: RULE_ID, is_silenced_by_name: true };
  const rate = rule("rate", { ...BREACH, metric: "success_rate", value: 0 });
  assertEquals(notificationsOf([rule("failures", { ...BREACH, ...named }), rate]), ["failures: SILENCE", "rate: inhibited by failures"]);
  assertEquals(notificationsOf([rule("failures", { ...BREACH, silenced_by: RULE_ID }), rate]), [
    "failures: SILENCE",
    "rate: FIRING dashboard",
  ]);
  assertEquals(notificationsOf([rule("failures", { ...BREACH, is_paused: true, incident: aLiveIncident() }), rate]), [
    "rate: FIRING dashboard",
  ]);
});

Deno.test("a child whose parent has ended is notified, and its own end goes to those that it notified", () => {
  const parent = { rule_id: RULE_ID, rule_name: "Parent", entity_type: "all", tournament_no: null };
  const muted = aLiveIncident({
    parent,
    muted_by: "PARENT",
    notified_at: null,
    last_notified_at: null,
    destinations: [],
    unacknowledged_since: null,
  });
  const [transition] = decided([rule("failures", { incident: muted })]);
  assertEquals(transition?.notifications.map(({ kind, channel }) => `${kind} ${channel}`), ["FIRING dashboard"]);
  assertMatch(String(transition?.reason), /^Parent no longer inhibits this incident and the incident is still firing$/);
  assertEquals(decided([rule("failures", { value: 0, incident: muted })])[0]?.notifications, []);
  const notified = aLiveIncident({ parent, muted_by: "PARENT" });
  assertEquals(notificationsOf([rule("failures", { value: 0, incident: notified })]), ["failures: RESOLVED dashboard"]);
  assertMatch(String(decided([rule("failures", { incident: notified })])[0]?.reason), /no longer inhibited by Parent/);
});

Deno.test("a rate is muted at a destination that was notified of the runs behind it, and at no other", () => {
  const rate = (uncovered: Measurement["uncovered"]) =>
    rule("rate", { metric: "success_rate", threshold: 0.95, value: 0.9, channels: ["dashboard", "hook"], minimum_runs: 4, uncovered });
  const there = (channel: string, value: number | null, runs = 90) => ({ channel, recipient: "", value, runs });
  assertEquals(notificationsOf([rate([there("dashboard", 0.99)])]), ["rate: FIRING hook"]);
  assertEquals(notificationsOf([rate([there("dashboard", 0.94)])]), ["rate: FIRING dashboard, FIRING hook"]);
  assertEquals(notificationsOf([rate([there("dashboard", 0, 3), there("hook", null, 0)])]), ["rate: COVERAGE"]);
});

Deno.test("an incident whose cause changes while it fires is notified again, and one of a rate is not", () => {
  const incident = aLiveIncident({ cause: "down", destinations: [known("dashboard", { cause: "down" })] });
  const changed = { fingerprint: "disk", evidence: { error: "no space left" }, incident } as const;
  const [transition] = decided([rule("shared", { metric: "shared_failure", ...changed })]);
  assertEquals(transition?.notifications.map(({ kind }) => kind), ["FIRING"]);
  assertMatch(String(transition?.reason), /^the cause changed: no space left$/);
  assertEquals([transition?.cause, transition?.evidence.fingerprint], ["disk", "disk"]);
  assertEquals(
    notificationsOf([rule("rate", { metric: "success_rate", value: 0, ...changed, incident: aLiveIncident({ evidence: {} }) })]),
    [],
  );
});

Deno.test("a firing incident follows its value and evidence, and keeps the cause and the peak of its breach to the end", () => {
  const incident = aLiveIncident({ value: 8, cause: "down", destinations: [known("dashboard", { cause: "down" })], evidence: { peak: 8 } });
  const shared = { metric: "shared_failure", fingerprint: "down", incident } as const;
  const [grown] = decided([rule("shared", { ...shared, value: 10, evidence: { tournaments: 10 } })]);
  assertEquals([grown?.value, grown?.evidence.tournaments, grown?.evidence.peak, grown?.reason], [10, 10, 10, ""]);
  const [less] = decided([rule("shared", { ...shared, value: 4, evidence: { tournaments: 4 } })]);
  assertEquals([less?.value, less?.evidence.tournaments, less?.evidence.peak], [4, 4, 8]);
  const [ended] = decided([rule("shared", { ...shared, value: 0, fingerprint: null, evidence: {} })]);
  assertEquals([ended?.to_state, ended?.value, ended?.cause, ended?.evidence], ["RESOLVED", 0, "down", incident.evidence]);
});

Deno.test("a firing incident keeps each run that shows its condition, although nothing else of it changes", () => {
  const bad = (entity_type: string, last: number) => ({ entity_type, first_run_at: ago(60), last_run_at: ago(last) });
  const incident = aLiveIncident({ bad_runs: [bad("matches_schedule", 5)] });
  const changes = (...bad_runs: Measurement["bad_runs"]) => decided([rule("failures", { incident, bad_runs })]).length;
  assertEquals(changes(bad("matches_schedule", 5)), 0);
  assertEquals(changes(bad("matches_schedule", 10)), 0);
  assertEquals(changes(bad("matches_schedule", 1)), 1);
  assertEquals(changes(bad("matches_schedule", 5), bad("tournaments", 5)), 1);
});

Deno.test("each escalation step adds its channels to those of earlier steps, up to the last step", () => {
  const steps = { escalation_channels: [["team"], ["chief"]] };
  const late = aLiveIncident({ unacknowledged_since: ago(31) });
  assertEquals(notificationsOf([rule("failures", { ...steps, incident: late })]), ["failures: ESCALATED dashboard, FIRING team"]);
  const critical = ["dashboard", "team", "chief"].map((channel) => known(channel, { severity: "CRITICAL" }));
  const second = aLiveIncident({ ...late, severity: "CRITICAL", escalation_step: 1, destinations: critical.slice(0, 2) });
  assertEquals(notificationsOf([rule("failures", { ...steps, incident: second })]), [
    "failures: FIRING chief, ESCALATED dashboard, ESCALATED team",
  ]);
  const third = { ...second, escalation_step: 2, destinations: critical };
  assertEquals(notificationsOf([rule("failures", { ...steps, incident: third })]), []);
  assertEquals(notificationsOf([rule("failures", { ...steps, value: 0, incident: third })]), [
    "failures: RESOLVED dashboard, RESOLVED team, RESOLVED chief",
  ]);
});

Deno.test("an escalated incident is notified where its parent has only the severity before the escalation", () => {
  const cause = "down", hook = known("hook", { cause }), pager = known("pager", { cause });
  const parent = aLiveIncident({ cause, destinations: [{ ...hook, is_dead: true }, pager] });
  const late = aLiveIncident({ cause, destinations: [hook], unacknowledged_since: ago(31) });
  assertEquals(
    notificationsOf([
      rule("shared", { metric: "shared_failure", fingerprint: cause, channels: [], incident: parent }),
      rule("failures", { fingerprint: cause, channels: ["hook"], escalation_channels: [["pager"]], incident: late }),
    ]),
    ["failures: ESCALATED hook, FIRING pager"],
  );
});

Deno.test("the escalation clock restarts from zero after an acknowledgement, a silence, an inhibition and a gap in the evaluations", () => {
  const clockAfter = (changes: Partial<Measurement>, evaluation: Partial<Measurements> = {}) =>
    decided([rule("failures", changes)], evaluation)[0]?.unacknowledged_since;
  const stopped = { unacknowledged_since: null, notified_at: ago(120), last_notified_at: ago(120) };
  const expired = aLiveIncident({ ...stopped, state: "ACKNOWLEDGED", acknowledged_until: ago(0) });
  assertEquals(clockAfter({ incident: expired }), ago(0));
  assertEquals(clockAfter({ incident: aLiveIncident({ ...stopped, muted_by: "SILENCE" }) }), ago(0));
  assertEquals(clockAfter({ incident: aLiveIncident({ ...stopped, muted_by: "PARENT" }) }), ago(0));
  assertEquals(clockAfter({ incident: aLiveIncident({ unacknowledged_since: ago(120) }) }, { evaluated_since: ago(0) }), ago(0));
  assertEquals(clockAfter({ silenced_by: RULE_ID, incident: aLiveIncident({ unacknowledged_since: ago(29) }) }), null);
});

Deno.test("a flapping incident is notified once and resolves after a recovery of half the window", () => {
  const flapping = { resolved_recently: 3, flap_ms: 3_600_000 };
  assertEquals(notificationsOf([rule("failures", flapping)]), ["failures: FLAPPING dashboard"]);
  const due = aLiveIncident({ state: "PENDING", fired_at: null, notified_at: null, destinations: [], met_ms: 59_000, met_at: ago(1) });
  assertEquals(notificationsOf([rule("failures", { ...flapping, for_ms: 60_000, incident: due })]), ["failures: FLAPPING dashboard"]);
  const recovering = (recovered_at: string | null) =>
    rule("failures", { value: 0, incident: aLiveIncident({ is_flapping: true, recovered_at }), ...flapping });
  assertEquals(decided([recovering(null)])[0]?.recovered_at, ago(0));
  assertEquals(notificationsOf([recovering(ago(29))]), []);
  assertEquals(notificationsOf([recovering(ago(30))]), ["failures: RESOLVED dashboard"]);
});

Deno.test("a channel that is enabled, and a recipient of a raised severity, are notified of a live incident, also of an acknowledged one", () => {
  const incident = aLiveIncident();
  assertEquals(notificationsOf([rule("failures", { channels: ["dashboard", "hook"], incident })]), ["failures: FIRING hook"]);
  const acknowledged = { ...incident, state: "ACKNOWLEDGED", unacknowledged_since: null } as const;
  assertEquals(notificationsOf([rule("failures", { channels: ["dashboard", "hook"], incident: acknowledged })]), ["failures: FIRING hook"]);
  const mail = { ...anyone("dashboard"), mail: { LOW: ["a"], MEDIUM: ["a"], HIGH: ["a"], CRITICAL: ["b"] } };
  const informed = aLiveIncident({ severity: "HIGH", destinations: [{ ...known("mail"), recipient: "a" }] });
  const [raised] = decided([rule("failures", { severity: "CRITICAL", channels: ["mail"], incident: informed })], { recipients: mail });
  assertEquals(raised?.notifications.map(({ kind, recipient }) => `${kind} ${recipient}`), ["FIRING b", "ESCALATED a"]);
});

Deno.test("a closed incident whose value has recovered no longer keeps others from opening", () => {
  const recovered = (changes: Partial<Measurement>) =>
    decideAll(anEvaluation([rule("failures", { closed_incident: RULE_ID, ...changes })])).recovered;
  assertEquals(recovered({ value: 0 }), [RULE_ID]);
  assertEquals(recovered({ value: 3 }), []);
  assertEquals(recovered({ value: null }), []);
  assertEquals(recovered({ value: null, ended: "the tournament is no longer synced" }), [RULE_ID]);
});

Deno.test("runs missed while no rules were evaluated are one resolved incident with the time of the due runs", () => {
  const run = (minutes: number) => ({ due_at: ago(minutes), overdue_at: ago(minutes - 5), started_at: ago(10) });
  const [transition] = decided([rule("overdue", { metric: "sync_overdue", value: 0, missed: [run(60), run(45)] })]);
  assertEquals([transition?.to_state, transition?.began_at, transition?.resolved_at, transition?.missed_due_at], [
    "RESOLVED",
    ago(55),
    ago(10),
    ago(60),
  ]);
  assertEquals(transition?.notifications.map(({ kind, channel }) => `${kind} ${channel}`), ["MISSED dashboard"]);
  assertMatch(
    String(transition?.reason),
    /2 runs of matches_schedule did not start when due \(2026-06-10 11:00:00 UTC, 2026-06-10 11:15:00 UTC\)/,
  );
});
