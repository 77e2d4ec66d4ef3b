import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { SmtpOptions } from "../../../../services/smtp.ts";
import { destinationOf, messageItem, messageOf, resolvedItem } from "../../../../testing/messages.ts";
import { sendEmail } from "../channels/email.ts";
import { linksOf } from "../links.ts";

const LINKS = linksOf({ DASHBOARD_URL: "https://monitor.test/", RUNBOOK_URL: "https://git.test/main/" });
const MAIL = destinationOf({ channel: "mail", kind: "email", recipient: "ops@example.com" });
const OPENING = messageOf([messageItem()]);

/** A private CA, and a certificate of it for `host`, in PEM. */
async function certificates(host: string) {
  const folder = await Deno.makeTempDir();
  const openssl = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA");
  await openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=Test server");
  await Deno.writeTextFile(`${folder}/extensions`, `subjectAltName=${host}\nbasicConstraints=CA:FALSE\n`);
  const sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions"];
  await openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", ...sign);
  const [ca, cert, serverKey] = await Promise.all(
    ["ca.pem", "server.pem", "server.key"].map((name) => Deno.readTextFile(`${folder}/${name}`)),
  );
  await Deno.remove(folder, { recursive: true });
  return { ca, cert, key: serverKey };
}
const TRUSTED = await certificates("IP:127.0.0.1");
const OTHER_HOST = await certificates("DNS:mail.example.com");

interface Received {
  recipients: string[];
  text: string;
  isSecure: boolean;
}

/** Starts a mail server, runs `act` with its port, and returns the mails that it received. */
async function withServer(options: SMTPServerOptions, act: (port: number) => Promise<void>): Promise<Received[]> {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    onData: (stream, session, done) => {
      let text = "";
      stream.on("data", (chunk) => text += new TextDecoder().decode(chunk as Uint8Array));
      stream.on("end", () => {
        received.push({ recipients: session.envelope.rcptTo.map(({ address }) => address), text, isSecure: session.secure });
        done();
      });
    },
    ...options,
  });
  // A client that refuses the certificate ends the connection; the test expects this error.
  server.on("error", () => {});
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", () => listening.resolve());
  await listening.promise;
  try {
    await act((server.server.address() as { port: number }).port);
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
  return received;
}

const PLAIN: SMTPServerOptions = { disabledCommands: ["STARTTLS", "AUTH"] };
const smtp = (port: number, changes: Partial<SmtpOptions> = {}): SmtpOptions => ({
  url: `smtp://127.0.0.1:${port}`,
  from: "Alerts <alerts@example.com>",
  tls: "off",
  ...changes,
});

/** The headers of a mail, with folded lines joined. */
const headersOf = ({ text }: Received): Record<string, string> =>
  Object.fromEntries(
    String(text.split("\r\n\r\n")[0]).replace(/\r\n\s+/g, " ").split("\r\n").map((line) => [
      line.slice(0, line.indexOf(":")).toLowerCase(),
      line.slice(line.indexOf(":") + 2),
    ]),
  );

Deno.test("a mail goes to the recipient of the destination alone, as text and HTML, and asks for no automatic reply", async () => {
  const [mail, ...others] = await withServer(PLAIN, async (port) => {
    const config = { to: ["all@example.com"], by_severity: { HIGH: ["chief@example.com"] } };
    assertEquals(await sendEmail(smtp(port), LINKS)(OPENING, { ...MAIL, config }), { outcome: "SENT", is_answered: true });
  });
  assert(mail && others.length === 0);
  assertEquals(mail.recipients, ["ops@example.com"]);
  const headers = headersOf(mail);
  assertEquals(headers.to, "ops@example.com");
  assertEquals(headers.subject, "[HIGH] Firing: VIS answered HTTP 500: 10 of 10 tournaments (all syncs)");
  assertEquals(headers["auto-submitted"], "auto-generated");
  assertEquals(headers["message-id"], "<00000000-0000-4000-8000-0000000000b1@example.com>");
  for (const part of [/^Content-Type: text\/plain/m, /^Content-Type: text\/html/m, /^Rule: Tournaments Failing Alike/m, /<a =?\s*href/]) {
    assertMatch(mail.text, part);
  }
});

Deno.test("the messages about one group are one thread, and those about another group are not", async () => {
  const mails = await withServer(PLAIN, async (port) => {
    const send = sendEmail(smtp(port), LINKS);
    await send(OPENING, MAIL);
    await send(messageOf([resolvedItem()], { id: "00000000-0000-4000-8000-0000000000b2" }), MAIL);
    await send(messageOf([messageItem({ entity_type: "matches_schedule" })]), MAIL);
  });
  const [opening, end, other] = mails.map(headersOf);
  assertMatch(String(opening?.references), /^<group-[0-9a-f]{32}@example\.com>$/);
  assertEquals(opening?.references, opening?.["in-reply-to"]);
  assertEquals(end?.references, opening?.references);
  assert(end?.["message-id"] !== opening?.["message-id"]);
  assert(other?.references !== opening?.references);
});

for (
  const [answer, outcome, stage] of [
    [550, "DEAD", "onRcptTo"],
    [450, "RETRY", "onRcptTo"],
    [550, "RETRY", "onMailFrom"],
    [421, "RETRY", "onMailFrom"],
    [554, "RETRY", "onData"],
    [452, "RETRY", "onData"],
    [554, "RETRY", "onConnect"],
  ] as const
) {
  Deno.test(`an answer of ${answer} in ${stage} is ${outcome}, and the error names it`, async () => {
    const refuse = (...args: unknown[]) => {
      const [stream, done] = [args[0] as { resume?: () => void }, args.at(-1) as (error: Error) => void];
      stream.resume?.();
      done(Object.assign(new Error("no"), { responseCode: answer }));
    };
    await withServer({ ...PLAIN, [stage]: refuse }, async (port) => {
      const delivery = await sendEmail(smtp(port), LINKS)(OPENING, MAIL);
      const to = stage === "onRcptTo" ? " to the recipient" : "";
      assertEquals(delivery, { outcome, is_answered: true, status_code: answer, error: `the mail server answered ${answer}${to}` });
    });
  });
}

Deno.test("a refused sign-in is retried, and the error names it but not the password", async () => {
  const options: SMTPServerOptions = { authMethods: ["PLAIN"], allowInsecureAuth: true, disabledCommands: ["STARTTLS"] };
  const onAuth: SMTPServerOptions["onAuth"] = (_auth, _session, done) => done(Object.assign(new Error("no"), { responseCode: 535 }));
  await withServer({ ...options, onAuth }, async (port) => {
    const delivery = await sendEmail(smtp(port, { url: `smtp://me:secret@127.0.0.1:${port}` }), LINKS)(OPENING, MAIL);
    assertEquals(delivery, { outcome: "RETRY", is_answered: true, status_code: 535, error: "the mail server refused the sign-in" });
  });
});

Deno.test("a connection that is lost after the whole text leaves the outcome open, and one that is lost before it does not", async () => {
  for (
    const [stage, is_answered, error] of [
      ["onData", false, "the mail server did not answer after it had received the message"],
      ["onRcptTo", true, "the mail server could not be reached"],
    ] as const
  ) {
    const sockets = new Set<{ destroy: () => void }>();
    const hangUp = (stream: { resume?: () => void; on?: (event: string, act: () => void) => void }) => {
      const close = () => sockets.forEach((socket) => socket.destroy());
      if (stage !== "onData") return close();
      stream.resume?.();
      stream.on?.("end", close);
    };
    await withServer({ ...PLAIN, [stage]: hangUp, closeTimeout: 100 }, async (port) => {
      const connection = await relay(port, sockets);
      assertObjectMatch(await sendEmail(smtp(connection.port), LINKS)(OPENING, MAIL), { outcome: "RETRY", is_answered, error });
      connection.close();
    });
  }
});

/** Listens on another port and copies each connection to and from `port`, so that a test can cut it. */
async function relay(port: number, sockets: Set<{ destroy: () => void }>) {
  const net = await import("node:net");
  const server = net.createServer((client) => {
    const upstream = net.connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.pipe(upstream).pipe(client);
    sockets.add({ destroy: () => [client, upstream].forEach((socket) => socket.destroy()) });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

Deno.test("a mail server that does not offer TLS is retried with an error that says so, and receives nothing", async () => {
  const mails = await withServer(PLAIN, async (port) => {
    const delivery = await sendEmail(smtp(port, { tls: "required" }), LINKS)(OPENING, MAIL);
    assertEquals([delivery.outcome, delivery.is_answered], ["RETRY", true]);
    assertMatch(String(delivery.error), /does not offer TLS \(STARTTLS\).*SMTP_TLS=off/);
  });
  assertEquals(mails, []);
});

for (
  const [protocol, options] of [
    ["smtps", { secure: true, disabledCommands: ["AUTH"] }],
    ["smtp", { disabledCommands: ["AUTH"] }],
  ] as [string, SMTPServerOptions][]
) {
  const secured = (port: number, ca?: string): SmtpOptions => smtp(port, { url: `${protocol}://127.0.0.1:${port}`, tls: "required", ca });

  Deno.test(`${protocol}: a certificate of a private CA is accepted with SMTP_CA, and the mail is sent over TLS`, async () => {
    const [mail] = await withServer({ ...options, key: TRUSTED.key, cert: TRUSTED.cert }, async (port) => {
      assertEquals(await sendEmail(secured(port, TRUSTED.ca), LINKS)(OPENING, MAIL), { outcome: "SENT", is_answered: true });
    });
    assertEquals([mail?.isSecure, mail?.recipients], [true, ["ops@example.com"]]);
  });

  for (
    const [name, server, ca] of [
      ["a certificate of a private CA without SMTP_CA", TRUSTED, undefined],
      ["a certificate of another CA than SMTP_CA", TRUSTED, OTHER_HOST.ca],
      ["a certificate for another host", OTHER_HOST, OTHER_HOST.ca],
    ] as const
  ) {
    Deno.test(`${protocol}: ${name} is refused and retried`, async () => {
      const mails = await withServer({ ...options, key: server.key, cert: server.cert }, async (port) => {
        const delivery = await sendEmail(secured(port, ca), LINKS)(OPENING, MAIL);
        assertEquals([delivery.outcome, delivery.is_answered], ["RETRY", true]);
        assertMatch(String(delivery.error), /certificate of the mail server is not trusted/);
      });
      assertEquals(mails, []);
    });
  }
}

Deno.test("an unreachable mail server, missing settings and a recipient that is no address are retried with their cause", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const refused = async (options: SmtpOptions | null, recipient: string | null, error: string) =>
    assertObjectMatch(await sendEmail(options, LINKS)(OPENING, { ...MAIL, recipient }), { outcome: "RETRY", is_answered: true, error });
  await refused(smtp(port), MAIL.recipient, "the mail server could not be reached");
  await refused(null, MAIL.recipient, "email is not configured: SMTP_URL and SMTP_FROM are missing");
  for (const recipient of [null, "", "nobody", "a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com"]) {
    await refused(smtp(port), recipient, "the recipient of the channel is not an email address");
  }
});
