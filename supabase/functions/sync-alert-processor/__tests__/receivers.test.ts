import { assert, assertEquals, assertMatch } from "@std/assert";
import { messageOf } from "../../../../testing/messages.ts";
import { until } from "../../../../testing/wait.ts";
import type { MessageItem } from "../channels/channel.ts";
import { sendWebhook } from "../channels/webhook.ts";
import { startIrcServer } from "./irc-server.ts";
import { firing, hook, LINKS, resolved } from "./webhook-messages.ts";

/** Whether a Debian package of receivers is installed; CI installs them. */
async function isInstalled(program: string): Promise<boolean> {
  const version = () => new Deno.Command("which", { args: [program], stdout: "null" }).output();
  const { success } = await version();
  assert(success || Deno.env.get("CI") !== "true", `CI has ${program}`);
  return success;
}

const sendTo = (url: string, items: MessageItem[], send: typeof fetch = fetch) =>
  sendWebhook({ fetch: send, resolve: () => Promise.resolve([]), allowPrivate: true, now: Date.now }, LINKS)(
    messageOf(items),
    hook({ config: { url } }),
  );

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

Deno.test("alertmanager-irc-relay prints each alert of a message with its values, where it is installed", async () => {
  if (!await isInstalled("alertmanager-irc-relay")) return;
  const irc = startIrcServer();
  const port = freePort();
  const config = await Deno.makeTempFile({ suffix: ".yml" });
  // The lines are short, because the relay waits 2 s, and another second for each 120 characters.
  const template = "{{ .Status }} {{ .Labels.severity }} {{ .Labels.tournament_no }} {{ .Annotations.summary }}";
  await Deno.writeTextFile(
    config,
    `http_host: 127.0.0.1\nhttp_port: ${port}\nirc_host: 127.0.0.1\nirc_port: ${irc.port}\nirc_use_ssl: no\nirc_nickname: relay\n` +
      `irc_realname: relay\nirc_channels:\n  - name: "#alerts"\nmsg_once_per_alert_group: no\nmsg_template: '${template}'\n`,
  );
  const relay = new Deno.Command("alertmanager-irc-relay", { args: ["--config", config], stdout: "null", stderr: "null" }).spawn();
  try {
    await irc.joined;
    const url = `http://127.0.0.1:${port}/alerts`;
    await until("the relay's port", async () => {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      await response.body?.cancel();
      return response.ok;
    });
    const peak = { evidence: { fingerprint: "VIS_UNAVAILABLE:http #", peak: 5 } };
    assertEquals((await sendTo(url, [firing("4711"), firing("4712")])).outcome, "SENT");
    assertEquals((await sendTo(url, [resolved("4711", peak), resolved("4712", peak)])).outcome, "SENT");
    const line = (status: string, no: string, runs: string) =>
      `${status} high ${no} VIS is unavailable: ${runs} failed in a row (matches_schedule, tournament ${no})`;
    const expected = [
      line("firing", "4711", "3 runs"),
      line("firing", "4712", "3 runs"),
      line("resolved", "4711", "5 runs"),
      line("resolved", "4712", "5 runs"),
    ];
    assertEquals(await irc.notices(expected.length), expected);
  } finally {
    relay.kill("SIGKILL");
    await relay.status;
    await irc.close();
    await Deno.remove(config);
  }
});

/** A definition of Alertmanager's default templates, rendered by its own engine over the body that a receiver gets. */
async function render(definition: string, items: MessageItem[]): Promise<string> {
  let body = "";
  const capture = async (input: string | URL | Request, init?: RequestInit) => {
    body = await new Request(input, init).text();
    return new Response();
  };
  await sendTo("https://receiver.test/", items, capture);
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(file, body);
  const { code, stdout, stderr } = await new Deno.Command("amtool", {
    args: [
      "template",
      "render",
      "--template.glob=/usr/share/prometheus/alertmanager/*.tmpl",
      `--template.data=${file}`,
      `--template.text={{ template "${definition}" . }}`,
    ],
  }).output();
  await Deno.remove(file);
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout);
}

Deno.test("Alertmanager's default templates show group, counts and values of a message, where amtool is installed", async () => {
  if (!await isInstalled("amtool")) return;
  const mixed = [firing("4711"), firing("4712", { is_new: false }), resolved("4713")];
  assertEquals(
    (await render("slack.default.title", mixed)).trim(),
    "[FIRING:2] Match Schedule Consecutive Failures matches_schedule (consecutive_failures high)",
  );
  assertEquals(
    (await render("slack.default.title", [resolved("4711")])).trim(),
    "[RESOLVED] Match Schedule Consecutive Failures matches_schedule (consecutive_failures high 4711)",
  );
  const mail = await render("email.default.html", mixed);
  assertMatch(mail, /3 alerts for[^]*\[2\] Firing[^]*= 4711[^]*= 4712[^]*\[1\] Resolved[^]*= 4713/);
  assertMatch(mail, /href="https:\/\/page\.test\/#\/alerts\?receiver=hook"[^>]*>View in Alertmanager/);
  assertMatch(mail, />evidence = 3 runs in the window; error code VIS_UNAVAILABLE</);
  const [fires = "", ended = ""] = (await render("opsgenie.default.description", mixed)).split("Alerts Resolved:");
  assertEquals([fires.match(/tournament_no = /g)?.length, ended.match(/tournament_no = /g)?.length], [2, 1]);
});
