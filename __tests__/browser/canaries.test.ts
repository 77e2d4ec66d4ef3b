import { assertEquals } from "@std/assert";
import { browserStack } from "../../testing/browser-stack.ts";
import { violations } from "../../testing/browser.ts";
import { until } from "../../testing/wait.ts";

const { test, query, service } = await browserStack();

const put = async (name: string, channel: object) =>
  await (await service(`/functions/v1/sync-admin/channels/${name}`, "PUT", channel)).body?.cancel();
const evaluate = async () => await (await service("/functions/v1/sync-alert-processor", "POST", { cause: "cron" })).body?.cancel();
const runCanaries = (later = "0 minutes") => query("select private.run_canaries(clock_timestamp() + $1::interval)", [later]);

/** Starts a receiver that answers with `status` and collects the names of the rules in its messages. */
function startReceiver() {
  const state = { status: 200, rules: [] as string[] };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    state.rules.push((await request.json()).groupLabels.alertname);
    return new Response(null, { status: state.status });
  });
  return { state, url: `http://127.0.0.1:${server.addr.port}/`, stop: () => server.shutdown() };
}

test(
  "a dead channel is found by its canary, named on its card and to the other channel, until it is proven",
  "admin",
  async ({ page, open }) => {
    const dead = startReceiver(), other = startReceiver();
    dead.state.status = 500;
    await put("hook", { kind: "webhook", config: { url: dead.url }, canary_every: "1 day" });
    await put("other", { kind: "webhook", config: { url: other.url }, canary_every: null });
    await query("update notification_channels set created_at = now() - interval '2 days' where name = 'hook'");
    await runCanaries();
    await until("the refused canary to be recorded", async () => {
      await evaluate();
      return (await query("select from alert_notifications where channel = 'hook' and last_error is not null")).length === 1;
    });
    assertEquals(dead.state.rules.includes("Channel Canary"), true);
    await runCanaries("1 minute");
    await runCanaries("12 minutes");
    await until("the other channel to be notified", async () => {
      await evaluate();
      return other.state.rules.includes("Channel Not Proven");
    });
    assertEquals(other.state.rules.includes("Channel Canary"), false);
    await open("/alerts/channels", "Channels");
    const card = page.getByRole("listitem", { name: "hook", exact: true });
    await card.getByText("Fails", { exact: true }).waitFor();
    await card.getByText(/The test of .+ failed at the stage channel: the receiver answered 500/).waitFor();
    await card.getByText("tested every day").waitFor();
    assertEquals(await violations(page), []);
    dead.state.status = 200;
    await query("delete from channel_canaries");
    await query("update notification_channels set created_at = now() - interval '2 days'");
    await runCanaries();
    await until("the channel to be proven", async () => {
      await evaluate();
      await runCanaries();
      return (await query("select from channel_canaries where proven_at is not null")).length === 1;
    });
    await card.getByText("by its answer").waitFor();
    await card.getByText("Delivers", { exact: true }).waitFor();
    await Promise.all([dead.stop(), other.stop()]);
  },
);

test("the link of an email proves its channel, also for a viewer, and a second visit shows the first", "viewer", async ({ page, open }) => {
  await put("letters", { kind: "email", config: { to: ["a@example.com"] } });
  await query("insert into channel_canaries (id, channel, opened_at, stage, stage_since) select $1, 'letters', now(), 'READER', now()", [
    "00000000-0000-4000-8000-00000000ca01",
  ]);
  for (const _ of ["first", "second"]) {
    await open("/canaries/00000000-0000-4000-8000-00000000ca01", "Test of a channel");
    await page.getByRole("heading", { name: "The channel letters is proven" }).waitFor();
    await page.getByText(/The test message of .+ arrived: .+@.+ followed its link at .+\./).waitFor();
  }
  assertEquals(await violations(page), []);
  assertEquals((await query("select from audit_log where action = 'confirm-canary'")).length, 1);
  await open("/canaries/00000000-0000-4000-8000-00000000ca02", "Test of a channel");
  await page.getByRole("alert").getByText(/there is no test of a channel by email/).waitFor();
});
