import { assert, assertEquals } from "@std/assert";
import { SMTPServer } from "smtp-server";
import { openTestDatabase } from "../../testing/database.ts";
import { setUpProcessor } from "../../testing/processor.ts";

const db = await openTestDatabase();

/** The recipients that the mail server refuses, with the code of the refusal. */
const refused = new Map<string, number>();
const mails: string[] = [];
const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS", "AUTH"],
  onRcptTo: ({ address }, _session, done) => {
    const responseCode = refused.get(address);
    done(responseCode === undefined ? null : Object.assign(new Error("refused"), { responseCode }));
  },
  onData: (stream, { envelope }, done) => {
    let text = "";
    stream.on("data", (chunk) => text += new TextDecoder().decode(chunk as Uint8Array));
    stream.on("end", () => {
      const recipients = envelope.rcptTo.map(({ address }) => address.split("@")[0]);
      const subject = /^Subject: (.*(?:\r\n\s.*)*)/m.exec(text)?.[1]?.replace(/\r\n\s+/g, " ");
      mails.push(`${recipients.join("+")}: ${subject}`);
      done();
    });
  },
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
const { port } = server.server.address() as { port: number };

/** A processor whose rules notify an email channel with this configuration. */
async function setUpMail(config: { to: string[]; by_severity?: Record<string, string[]> }) {
  refused.clear();
  mails.length = 0;
  const env = { SMTP_URL: `smtp://127.0.0.1:${port}`, SMTP_FROM: "alerts@example.com", SMTP_TLS: "off" };
  const processor = await setUpProcessor(db, { hooks: [], env });
  await db.query("insert into notification_channels (name, kind, config) values ('mail', 'email', $1)", [config]);
  await db.query("update alert_rules set notification_channels = '[\"mail\"]'");
  /** The mails since the last call, by recipient. */
  const received = () => mails.splice(0).sort();
  const outbox = async () =>
    (await processor.states()).map(({ recipient, kind, status }) => `${recipient.split("@")[0]} ${kind} ${status}`);
  return { ...processor, received, outbox };
}
const TEAM = "team@example.com", ON_CALL = "oncall@example.com", LEAD = "lead@example.com";

Deno.test("a HIGH goes to the team, its escalation to on-call and the team, and the end to both", async () => {
  const { tick, wait, fail, recover, received } = await setUpMail({ to: [LEAD], by_severity: { HIGH: [TEAM], CRITICAL: [ON_CALL] } });
  await db.query("update alert_rules set escalation_delay = '30 minutes' where is_active");
  await fail();
  await tick();
  assertEquals(received(), ["team: [HIGH] Firing: 3 runs failed in a row (matches_schedule)"]);
  await wait(29);
  await tick(60);
  assertEquals(received(), [
    "oncall: [CRITICAL] Firing: 3 runs failed in a row (matches_schedule)",
    "team: [CRITICAL] Escalated: 3 runs failed in a row (matches_schedule)",
  ]);
  await recover();
  await tick(60);
  const end = "Resolved: 3 runs failed in a row (matches_schedule) after 31 minutes";
  assertEquals(received(), [`oncall: ${end}`, `team: ${end}`]);
  assertEquals(await tick(60), 0);
});

Deno.test("of a CRITICAL and a HIGH of one group each recipient gets the incidents of its severity", async () => {
  const { tick, wait, syncTournament, useTournamentRule, received, outbox } = await setUpMail({
    to: [LEAD],
    by_severity: { HIGH: [TEAM], CRITICAL: [ON_CALL] },
  });
  await useTournamentRule(["1", "2"]);
  await db.query("update alert_rules set notification_channels = '[\"mail\"]', escalation_delay = '30 minutes' where is_active");
  await syncTournament("1", false);
  await tick();
  received();
  await syncTournament("2", false);
  await wait(29);
  await tick(60);
  assertEquals(received(), [
    "oncall: [CRITICAL] Firing: 1 run failed in a row (matches_schedule, tournament 1 Example)",
    "team: [CRITICAL] Escalated: 1 run failed in a row (matches_schedule, tournament 1 Example); 2 firing",
  ]);
  await syncTournament("1", true);
  await syncTournament("2", true);
  await tick(60);
  assertEquals(received().map((mail) => mail.split(":")[0]), ["oncall", "team"]);
  assertEquals((await outbox()).filter((line) => line.startsWith("oncall")), ["oncall FIRING SENT", "oncall RESOLVED SENT"]);
  assertEquals((await outbox()).filter((line) => line.startsWith("team") && line.endsWith("SENT")).length, 5);
});

Deno.test("of three recipients one is refused for good: its state is DEAD with the answer, and the others receive the mail and the end", async () => {
  const { tick, fail, recover, received, states, outbox } = await setUpMail({ to: [TEAM, ON_CALL, LEAD] });
  refused.set(ON_CALL, 550);
  await fail();
  await tick();
  assertEquals(received().map((mail) => mail.split(":")[0]), ["lead", "team"]);
  assertEquals((await states()).map(({ recipient, status, last_error }) => [recipient, status, last_error]).sort(), [
    [LEAD, "SENT", null],
    [ON_CALL, "DEAD", "the mail server answered 550 to the recipient"],
    [TEAM, "SENT", null],
  ]);
  await recover();
  await tick(60);
  assertEquals(received().map((mail) => mail.split(":")[0]), ["lead", "team"]);
  assertEquals((await outbox()).filter((line) => line.startsWith("oncall")), ["oncall FIRING DEAD", "oncall RESOLVED SUPERSEDED"]);
});

Deno.test("a recipient that is refused for a time is tried again alone, and its backoff delays no other recipient", async () => {
  const { clock, tick, fail, deliver, waitForRetry, received, outbox } = await setUpMail({ to: [TEAM, ON_CALL, LEAD] });
  refused.set(ON_CALL, 450);
  await fail();
  await tick();
  assertEquals((await outbox()).sort(), ["lead FIRING SENT", "oncall FIRING PENDING", "team FIRING SENT"]);
  received();
  await fail("tournaments");
  await tick(1);
  assertEquals(received().map((mail) => mail.split(":")[0]), ["lead", "team"]);
  refused.clear();
  await waitForRetry();
  assert(clock.now() < Date.parse("2026-06-10T12:03:13Z"), "the shortest backoff");
  assertEquals(await deliver(), 2);
  assertEquals(received().map((mail) => mail.split(":")[0]), ["oncall", "oncall"]);
});

Deno.test("a recipient that was removed from the channel still receives the end, and nothing of a later incident", async () => {
  const { tick, fail, recover, received } = await setUpMail({ to: [TEAM, ON_CALL] });
  await fail();
  await tick();
  assertEquals(received().map((mail) => mail.split(":")[0]), ["oncall", "team"]);
  await db.query("update notification_channels set config = $1 where name = 'mail'", [{ to: [TEAM] }]);
  await recover();
  await tick(60);
  assertEquals(received().map((mail) => mail.split(":")[0]), ["oncall", "team"]);
  await fail();
  await tick(60);
  assertEquals(received().map((mail) => mail.split(":")[0]), ["team"]);
});

Deno.test("a recipient that is added while an incident fires is notified of it, and one that is added before its end is not", async () => {
  const { tick, fail, recover, received, outbox } = await setUpMail({ to: [TEAM] });
  await fail();
  await tick();
  await db.query("update notification_channels set config = $1 where name = 'mail'", [{ to: [TEAM, ON_CALL] }]);
  received();
  await tick(60);
  assertEquals(received().map((mail) => mail.split(":")[0]), ["oncall"]);
  await db.query("update notification_channels set config = $1 where name = 'mail'", [{ to: [TEAM, ON_CALL, LEAD] }]);
  await recover();
  await tick(60);
  assertEquals(received().map((mail) => mail.split(":")[0]), ["oncall", "team"]);
  assertEquals((await outbox()).filter((line) => line.startsWith("lead")), []);
});

Deno.test.afterAll(async () => {
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await db.close();
});
