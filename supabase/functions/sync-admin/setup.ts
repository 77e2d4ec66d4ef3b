import type { SetupFacts } from "../../../services/contract/system.ts";
import { cronProblems } from "../../../services/cron-status.ts";
import { counted, instant, MINUTE } from "../../../services/verdict.ts";
import type { SetupResponse, SetupStep } from "../../../types/admin.ts";
import type { PeopleCount } from "./people.ts";

/** The facts from the environment of the functions. */
interface Settings {
  hasAuditKey: boolean;
  hasHeartbeatUrl: boolean;
}

type Channel = SetupFacts["channels"][number];
/** The section of the runbook about settings outside the page. */
const HOW = "#/runbook/setup";
type Finding = Pick<SetupStep, "is_done" | "message">;
const done = (message: string): Finding => ({ is_done: true, message });
const open = (message: string): Finding => ({ is_done: false, message });

function judgeChannels({ channels }: SetupFacts): Finding {
  if (channels.length > 0) return done(`${counted(channels.length, "active channel")} beyond the dashboard`);
  return open("the dashboard is the only active channel: add one that reaches people who do not look at the page");
}

function unproven({ name, updated_at, proven_at, last_error }: Channel): string | null {
  if (last_error !== null) return `the last message to ${name} failed: ${last_error}`;
  if (proven_at === null) return `${name} has delivered nothing yet: send a test message`;
  if (Date.parse(proven_at) < Date.parse(updated_at)) return `${name} was changed after its last delivery: send a test message`;
  return null;
}

function judgeProof({ channels }: SetupFacts): Finding {
  if (channels.length === 0) return open("no channel beyond the dashboard can be tested");
  const problems = channels.flatMap((channel) => unproven(channel) ?? []);
  return problems.length > 0 ? open(problems.join("; ")) : done("every active channel delivered its last message");
}

function judgeRules({ rules: { active, dashboard_only } }: SetupFacts): Finding {
  if (active === 0) return open("no rule is active: nobody is notified");
  if (dashboard_only === 0) return done("every active rule notifies a channel beyond the dashboard");
  const verb = dashboard_only === 1 ? "notifies" : "notify";
  return open(`${dashboard_only} of ${counted(active, "active rule")} ${verb} only the dashboard`);
}

const UNKNOWN_PEOPLE = open("Auth did not answer: it is unknown who can sign in");

function judgeAdmins(people: PeopleCount | null): Finding {
  if (people === null) return UNKNOWN_PEOPLE;
  return people.admins > 0 ? done("a person has the role admin") : open("nobody has the role admin: create the first admin");
}

/** Judges whether two people can act, because one person can be away; an admin has the rights of an operator. */
function judgeOperators(people: PeopleCount | null): Finding {
  if (people === null) return UNKNOWN_PEOPLE;
  if (people.admins + people.operators >= 2) return done("at least two people can act on an alert");
  return open("fewer than two people can act on an alert: give another person the role operator");
}

function judgeCron(facts: SetupFacts): Finding {
  const problems = cronProblems(facts);
  return problems.length > 0 ? open(problems.join(" ")) : done(`${counted(facts.scheduler.jobs, "active cron job")}`);
}

function judgeProcessor({ as_of, last_evaluation }: SetupFacts): Finding {
  if (last_evaluation === null) return open("the rules were never evaluated: deploy sync-alert-processor, and read its log");
  const isLate = Date.parse(as_of) - Date.parse(last_evaluation) >= 5 * MINUTE;
  return isLate ? open(`the rules were last evaluated at ${instant(last_evaluation)}: read the log of sync-alert-processor`) : done(
    "the rules are evaluated every minute",
  );
}

/** The secrets among `names` that Vault does not have. */
function judgeSecrets({ missing_secrets }: SetupFacts, names: string[], purpose: string): Finding {
  const missing = names.filter((name) => missing_secrets.includes(name));
  return missing.length > 0 ? open(`Vault has no ${missing.join(" and no ")}: ${purpose}`) : done(`Vault has ${names.join(" and ")}`);
}

function judgeUpstream({ upstream: { backoff_until, last_answer } }: SetupFacts): Finding {
  if (backoff_until !== null) return open(`upstream backoff until ${instant(backoff_until)}: VIS refused a request or was slow`);
  if (last_answer === null) return open("VIS answered no run in the last 26 hours: test the connectivity");
  return done(`VIS last answered the run of ${instant(last_answer)}`);
}

const isSet = (name: string, isDone: boolean, purpose: string): Finding =>
  isDone ? done(`${name} is set`) : open(`set ${name}: ${purpose}`);

/** Judges the steps that an admin must do before the installation can run unattended; `people` is null when Auth did not answer. */
export function judgeSetup(facts: SetupFacts, people: PeopleCount | null, settings: Settings): SetupResponse {
  const steps: SetupStep[] = [
    { code: "FUNCTION_CALLS", ...judgeSecrets(facts, ["project_url", "secret_key"], "the database cannot call the functions"), link: HOW },
    { code: "SCHEDULES", ...judgeCron(facts), link: "#/system" },
    { code: "ALERT_PROCESSOR", ...judgeProcessor(facts), link: "#/system" },
    { code: "UPSTREAM", ...judgeUpstream(facts), link: "#/system" },
    { code: "CHANNEL", ...judgeChannels(facts), link: "#/alerts/channels" },
    { code: "CHANNEL_PROVEN", ...judgeProof(facts), link: "#/alerts/channels" },
    { code: "RULES", ...judgeRules(facts), link: "#/alerts/rules" },
    { code: "ADMIN", ...judgeAdmins(people), link: "#/people" },
    { code: "OPERATOR", ...judgeOperators(people), link: "#/people" },
    {
      code: "WATCHDOG",
      ...judgeSecrets(facts, ["watchdog_url", "watchdog_secret"], "nobody outside is called when the alert processor stops"),
      link: HOW,
    },
    {
      code: "HEARTBEAT",
      ...isSet("ALERT_HEARTBEAT_URL", settings.hasHeartbeatUrl, "an external service then notices when the whole project stops"),
      link: HOW,
    },
    { code: "AUDIT_KEY", ...isSet("AUDIT_KEY", settings.hasAuditKey, "the audit log is not sealed without it"), link: HOW },
  ];
  return { as_of: facts.as_of, is_ready: steps.every(({ is_done }) => is_done), steps };
}
