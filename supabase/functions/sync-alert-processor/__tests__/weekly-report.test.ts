import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { SMTPServer } from "smtp-server";
import { Webhook } from "standardwebhooks";
import { reportText, reportWords } from "../../../../services/weekly-report-words.ts";
import { destinationOf, NO_LINKS } from "../../../../testing/messages.ts";
import { eventfulWeek, weeklyReport } from "../../../../testing/weekly-report.ts";
import type { WeeklyReport } from "../../../../types/weekly-report.ts";
import type { ReportMessage } from "../channels/channel.ts";
import { sendReportEmail } from "../channels/email.ts";
import type { HttpDeps } from "../channels/http.ts";
import { sendReportSlack } from "../channels/slack.ts";
import { sendReportWebhook } from "../channels/webhook.ts";
import { reportHtml } from "../message.ts";

const NOW = Date.parse("2026-06-08T07:00:00Z"), ID = "00000000-0000-4000-8000-0000000000c1";
const SECRET = `whsec_${btoa("a secret of twenty-four by")}`;
const PAGE = "https://monitor.example.com/?a=1&b=2";
const LINKS = { ...NO_LINKS, page: PAGE };
const messageOf = (report: WeeklyReport): ReportMessage => ({ id: ID, report, ...reportWords(report) });
/** A week whose texts contain the special characters of each format. */
const hostile = (name: string): WeeklyReport => {
  const report = eventfulWeek();
  return { ...report, tournaments: { ...report.tournaments, worst: report.tournaments.worst.map((row) => ({ ...row, name })) } };
};

/** The requests that a channel sends. */
async function posted(send: (deps: HttpDeps) => Promise<unknown>) {
  const requests: RequestInit[] = [];
  const fetch = (_url: unknown, init: RequestInit = {}) => {
    requests.push(init);
    return Promise.resolve(new Response());
  };
  const outcome = await send({
    fetch: fetch as typeof globalThis.fetch,
    resolve: () => Promise.resolve([]),
    allowPrivate: true,
    now: () => NOW,
  });
  return { outcome, headers: new Headers(requests[0]?.headers), body: String(requests[0]?.body) };
}

Deno.test("a webhook receives the report with a type of its own, signed like each other message", async () => {
  const hook = destinationOf({ channel: "hook", config: { url: "https://receiver.test/" }, secret: SECRET });
  const { outcome, headers, body } = await posted((deps) => sendReportWebhook(deps, LINKS)(messageOf(eventfulWeek()), hook));
  assertObjectMatch(outcome as object, { outcome: "SENT" });
  const { subject, sections } = reportWords(eventfulWeek());
  const words = { subject, text: reportText({ subject, sections }, PAGE), page_url: PAGE };
  assertEquals(JSON.parse(body), { type: "weekly_report", receiver: "hook", ...words, ...eventfulWeek() });
  assertEquals([headers.get("webhook-id"), headers.get("webhook-signature")], [ID, new Webhook(SECRET).sign(ID, new Date(NOW), body)]);
});

Deno.test("Slack receives a header, a section with a title for each subject, and a link to the page, with its marks escaped", async () => {
  const team = destinationOf({ kind: "slack", secret: "https://hooks.slack.test/x" });
  const { body } = await posted((deps) => sendReportSlack(deps, LINKS)(messageOf(hostile("<!channel> & Co")), team));
  const { text, blocks } = JSON.parse(body);
  assertEquals([text, blocks[0].text.text], Array(2).fill(reportWords(eventfulWeek()).subject));
  assertEquals(blocks.length, 6);
  assertMatch(blocks[1].text.text, /^\*Objectives\*\nMissed: Fresh matches: 98.5 %/);
  assertMatch(blocks[3].text.text, /Tournament 8104 &lt;!channel&gt; &amp; Co: 12 of 96 results failed/);
  assertEquals(blocks[5].text.text, "<https://monitor.example.com/?a=1&amp;b=2|Open the page>");
  const { body: bare } = await posted((deps) => sendReportSlack(deps, NO_LINKS)(messageOf(weeklyReport()), team));
  assertEquals(JSON.parse(bare).blocks.length, 5);
});

Deno.test("a report of long texts stays within the limits of Slack and says what was cut", async () => {
  const report = eventfulWeek(), [change] = report.rules.newest;
  assert(change);
  const long = { ...change, reason: "<&> ".repeat(100), rule_name: "<&> ".repeat(100), fields: ["<&> ".repeat(100)] };
  const week = { ...report, rules: { total: 10, newest: Array(10).fill(long) } };
  const team = destinationOf({ kind: "slack", secret: "https://hooks.slack.test/x" });
  const { body } = await posted((deps) => sendReportSlack(deps, LINKS)(messageOf(week), team));
  const texts: string[] = JSON.parse(body).blocks.map(({ text }: { text: { text: string } }) => text.text);
  assert(texts.every((text) => text.length <= 3_000) && texts.join("").length <= 10_000);
  assertMatch(texts[4] ?? "", /… \(cut; see the page\)$/);
});

Deno.test("the HTML of an email has the sections of the text, with each text escaped", () => {
  const html = reportHtml(reportWords(hostile('<img src="x"> & Co')), PAGE);
  assert(!html.includes("<img") && html.includes("&#60;img src=&#34;x&#34;&#62; &#38; Co"));
  for (const { title } of reportWords(eventfulWeek()).sections) assert(html.includes(`<h3>${title}</h3>`), title);
  assert(html.includes('<a href="https://monitor.example.com/?a=1&#38;b=2">'));
  assert(!reportHtml(reportWords(weeklyReport()), null).includes("<a "));
});

Deno.test("an email has the report as text and HTML, its own id, and no thread of incidents", async () => {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    async onData(stream, _session, done) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      mails.push(new TextDecoder().decode(await new Blob(chunks as BlobPart[]).arrayBuffer()));
      done();
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as { port: number };
  const smtp = { url: `smtp://127.0.0.1:${port}`, from: "Sync <sync@example.com>", tls: "off" as const };
  const send = sendReportEmail(smtp, LINKS);
  const delivery = await send(messageOf(eventfulWeek()), destinationOf({ kind: "email", recipient: "team@example.com" }));
  await new Promise<void>((resolve) => server.close(resolve));
  assertEquals(delivery, { outcome: "SENT", is_answered: true });
  const [mail = ""] = mails;
  for (
    const part of [`Message-ID: <${ID}@example.com>`, "To: team@example.com", "Auto-Submitted: auto-generated", "text/plain", "text/html"]
  ) {
    assert(mail.includes(part), part);
  }
  assert(mail.replace(/\r\n\s+/g, " ").includes(`Subject: ${reportWords(eventfulWeek()).subject}\r\n`));
  assert(!/^(References|In-Reply-To):/m.test(mail));
});

Deno.test("a report without a configured mail server is retried", async () => {
  const delivery = await sendReportEmail(null, LINKS)(
    messageOf(weeklyReport()),
    destinationOf({ kind: "email", recipient: "team@example.com" }),
  );
  assertObjectMatch(delivery, { outcome: "RETRY", is_answered: true });
});
