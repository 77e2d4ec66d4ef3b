import { assert, assertEquals, assertMatch } from "@std/assert";
import { SyncError } from "../classification.ts";
import { ErrorLogger, fingerprint } from "../ErrorLogger.ts";
import { boundedContext, redact, redactText } from "../redact.ts";
import { isStorable, safeText } from "../text.ts";
import { TestClock } from "../../testing/clock.ts";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln";

Deno.test("tokens, keys, passwords and credentials in URLs are removed from texts", () => {
  const dirty =
    `Authorization: Bearer abc.def ${JWT} sb_secret_abc123 <Requests Username="u" Password="hunter2" AccessToken="tok"/> https://me:pw@host/x password=hunter2`;
  const clean = redactText(dirty);
  for (const secret of ["abc.def", JWT, "sb_secret_abc123", "hunter2", '"tok"', "me:pw"]) {
    assert(!clean.includes(secret), `${secret} in ${clean}`);
  }
  assertMatch(clean, /host\/x/);
});

for (
  const [name, dirty, secret] of [
    ["a client secret", "POST client_secret=s3cr&grant=x", "s3cr"],
    ["an API key in a header", "x-api-key: s3cr", "s3cr"],
    ["a header of any scheme", "Authorization: Token s3cr", "s3cr"],
    ["a header in a list", '["authorization","Token s3cr"]', "s3cr"],
    ["a header in JSON within a text", '{\\"authorization\\": \\"Token s3cr\\"}', "s3cr"],
    ["every value of a cookie", "Cookie: a=b; sid=s3cr", "s3cr"],
    ["the secret of a webhook", "signed with whsec_s3cr+/abc=", "s3cr"],
    ["the address of a Slack webhook", "post to https://hooks.slack.com/services/T0/B0/s3cr failed", "s3cr"],
    ["the address of a Discord webhook", "post to https://discord.com/api/webhooks/1/s3cr failed", "s3cr"],
    ["the address of a workflow", "https://prod-1.logic.azure.com/invoke?api-version=1&sig=s3cr-x_1", "s3cr"],
    ["the token of a Telegram bot", `https://api.telegram.org/bot123456789:s3cr${"A".repeat(31)}/sendMessage`, "s3cr"],
    ["the token of ntfy", "Bearer of tk_s3cr1234567890", "s3cr"],
    ["a Slack token", "xoxb-12-s3cr", "s3cr"],
    ["a quoted password with blanks", 'password="my s3cr word" user', "s3cr"],
    ["a quoted password with an escaped quote", '{"password": "my \\" s3cr word"}', "s3cr"],
    ["a password with blanks in single quotes", "{ password: 'my s3cr word' }", "s3cr"],
    ["a quoted password that the end of the text cuts", 'password="my s3cr', "s3cr"],
    ["a secret that is the value of another name", "excerpt: token=s3cr", "s3cr"],
    ["a user in a URL", "https://s3cr@host/x", "s3cr"],
    ["a token without its end", `x ${JWT.slice(0, 30)}`, JWT.slice(0, 30)],
  ] as const
) {
  Deno.test(`redaction removes ${name}`, () => assert(!redactText(dirty).includes(secret), redactText(dirty)));
}

Deno.test("redaction keeps the text around a secret, and texts without one", () => {
  for (
    const plain of [
      "VIS sent row 7, which does not belong to season 2026",
      `Unexpected token '<', "<html>" is not valid JSON`,
      "https://www.fivb.org/Vis2009/XmlRequest.asmx",
      "file:///a/b.ts:1:2 at heyJude.mp3",
      '<Request Type="GetBeachMatchList" Fields="No"/>',
    ]
  ) assertEquals(redactText(plain), plain);
  assertEquals(redactText('<Requests Password="a b" Type="x"/>'), '<Requests Password=[redacted] Type="x"/>');
});

for (
  const part of [
    ...[
      "a",
      "eyJ-",
      "x.eyJ-",
      "token",
      "password=",
      'password="',
      "name ",
      "//a:",
      "Bearer ",
      "Basic\n",
      "a: ",
      '\\"',
      "cookie: a; ",
      "sb_secret_",
    ],
    ...[
      "123456789:",
      "bot1",
      "tk_",
      "&sig=",
      "https://discord.com/api/webhooks/",
      "https://hooks.slack.com/",
      "authorization ",
      "-",
      "'",
      '"',
      "<eyJ",
      "secret'=\\",
      "a;",
      "; ",
    ],
  ]
) {
  Deno.test(`redaction of 1 MB of ${JSON.stringify(part)} takes a time that grows linearly`, () => {
    const timeOf = (length: number) => {
      const text = part.repeat(Math.ceil(length / part.length));
      const startedAt = performance.now();
      redactText(text, Infinity);
      fingerprint("X", text);
      return performance.now() - startedAt;
    };
    timeOf(10_000);
    // A quadratic pattern takes minutes; a linear one takes milliseconds, also on a loaded machine.
    assert(timeOf(2 ** 20) < 5_000);
  });
}

Deno.test("a text of 1 MB is cut before it is redacted", () => {
  const clean = redactText("eyJ-".repeat(2 ** 18));
  assertEquals(clean.length, 4096 + "… (1048576 characters)".length);
});

Deno.test("a text is made safe: well-formed, without NUL and other control characters, and cut by code points", () => {
  assertEquals(safeText("a\0b\x1bc\td\n"), "abc\td\n");
  assertEquals(safeText("half \ud83c"), "half \ufffd");
  assertEquals(safeText("🏐🏐🏐", 2), "🏐🏐");
  assertEquals(safeText("x🏐🏐", 2), "x🏐");
  assertEquals(safeText("abc", 3), "abc");
  assertEquals(["🏐", "\ud83c", "a\0"].map(isStorable), [true, false, false]);
});

Deno.test("an error with a bad character anywhere is a record that each database stores", () => {
  const logger = new ErrorLogger(() => {}, new TestClock("2026-06-10T10:00:00Z"));
  const bad = "\0\ud83c";
  const evidence = { [`name ${bad}`]: bad, list: [bad], deep: { text: `${"x".repeat(4095)}🏐🏐` }, long: `${"y".repeat(5000)}${bad}` };
  const cause = new Error(bad);
  for (
    const error of [
      new SyncError("VIS_INTERNAL", `${bad}${"🏐".repeat(2000)}`, evidence, { cause }),
      bad,
      new Error(`x${"🏐".repeat(150)}`),
    ]
  ) {
    const json = JSON.stringify(logger.record(error));
    assertEquals(/\\u0000|\\ud[89a-f]/i.exec(json)?.[0], undefined, json);
  }
});

Deno.test("secrets are removed from values by the names of their fields, at any depth and in cycles", () => {
  const value: Record<string, unknown> = { headers: { apikey: "k", Cookie: "c", "X-Plain": "kept" }, list: [{ client_secret: "s" }] };
  value.self = value;
  const clean = JSON.stringify(redact(value));
  for (const secret of ['"k"', '"c"', '"s"']) assert(!clean.includes(secret));
  assertMatch(clean, /kept/);
});

Deno.test("a context has at most 8 kB of JSON, and a small one is unchanged", () => {
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
  const large = boundedContext({
    response_excerpt: "ü".repeat(50_000),
    request: "<Request/>",
    list: Array.from({ length: 500 }, () => "x".repeat(500)),
  });
  assert(bytes(large) <= 8192, String(bytes(large)));
  assertEquals(large.request, "<Request/>");
  const small = { a: 1, b: "two" };
  assertEquals(boundedContext(small), small);
  const hopeless = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`${"k".repeat(300)}${i}`, Array.from({ length: 50 }, () => "v".repeat(20))]),
  );
  assert(bytes(boundedContext(hopeless)) <= 8192);
});
