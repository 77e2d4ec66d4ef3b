import { z } from "zod";
import { AppError } from "../../../services/errors.ts";
import {
  AcknowledgeRequest,
  ChangeRuleRequest,
  ChannelName,
  ChannelRequest,
  CreateRuleRequest,
  NoteRequest,
  PreviewRuleRequest,
  SilenceRequest,
} from "../../../types/admin.ts";
import { actorOf, type FunctionApp, parse, readBody, refuseQuery, requireRole } from "../_shared/app.ts";
import { actsOf, type AdminDeps, idOf } from "./acts.ts";
import { createTestChannels, errorOf, testDestinations } from "./channel-test.ts";
import { previewRule } from "./rule-preview.ts";

const ChannelParams = z.object({ name: ChannelName });

/** Routes that change incidents, silences, rules, channels and notifications. */
export function addAlertRoutes(app: FunctionApp, deps: AdminDeps): void {
  const { by, as_of } = actsOf(deps);
  const { rpc } = deps;
  const channels = createTestChannels(deps);
  for (const [action, body] of [["acknowledge", AcknowledgeRequest], ["unacknowledge", NoteRequest], ["resolve", NoteRequest]] as const) {
    app.post(`/alerts/:id/${action}`, ...requireRole("operator"), async (c) => {
      const request = await readBody(c.req.raw, body);
      return c.json(await rpc("change_alert_incident", by(c, { id: idOf(c), action, ...request })));
    });
  }

  app.get("/silences", ...requireRole("viewer"), refuseQuery, async (c) => {
    return c.json({ silences: await rpc("list_alert_silences", { p: { limit: 200 }, as_of: as_of() }) });
  });
  app.post("/silences", ...requireRole("operator"), async (c) => {
    return c.json(await rpc("save_alert_silence", by(c, await readBody(c.req.raw, SilenceRequest))), 201);
  });
  app.delete("/silences/:id", ...requireRole("operator"), async (c) => c.json(await rpc("end_alert_silence", by(c, { id: idOf(c) }))));

  app.get(
    "/alert-rules",
    ...requireRole("viewer"),
    refuseQuery,
    async (c) => c.json({ rules: await rpc("list_alert_rules", {}) }),
  );
  app.post("/alert-rules", ...requireRole("admin"), async (c) => {
    return c.json(await rpc("save_alert_rule", by(c, { rule: await readBody(c.req.raw, CreateRuleRequest) })), 201);
  });
  app.patch("/alert-rules/:id", ...requireRole("admin"), async (c) => {
    return c.json(await rpc("save_alert_rule", by(c, { id: idOf(c), rule: await readBody(c.req.raw, ChangeRuleRequest) })));
  });
  app.post("/alert-rules/:id/preview", ...requireRole("admin"), async (c) => {
    return c.json(await previewRule(rpc, as_of(), { id: idOf(c), rule: await readBody(c.req.raw, PreviewRuleRequest) }));
  });
  app.post("/alert-rules/preview", ...requireRole("admin"), async (c) => {
    return c.json(await previewRule(rpc, as_of(), { rule: await readBody(c.req.raw, CreateRuleRequest) }));
  });
  app.delete("/alert-rules/:id", ...requireRole("admin"), async (c) => {
    await rpc("delete_alert_rule", by(c, { id: idOf(c) }));
    return c.body(null, 204);
  });

  app.get(
    "/channels",
    ...requireRole("admin"),
    refuseQuery,
    async (c) => c.json({ channels: await rpc("list_notification_channels", {}) }),
  );
  app.put("/channels/:name", ...requireRole("admin"), async (c) => {
    const { name } = parse(ChannelParams, c.req.param());
    return c.json(await rpc("save_notification_channel", by(c, { name, ...await readBody(c.req.raw, ChannelRequest) })));
  });
  app.delete("/channels/:name", ...requireRole("admin"), async (c) => {
    await rpc("delete_notification_channel", by(c, parse(ChannelParams, c.req.param())));
    return c.body(null, 204);
  });
  app.post("/channels/:name/test", ...requireRole("admin"), async (c) => {
    const { name } = parse(ChannelParams, c.req.param());
    const destinations = await rpc("test_notification_channel", by(c, { name }));
    const results = await testDestinations(destinations, channels, deps.clock, actorOf(c).name);
    const errors = results.map((result) => ({ recipient: result.recipient, error: errorOf(result) }));
    await rpc("record_channel_test", { p: { name, results: errors }, as_of: as_of() });
    return c.json({ results });
  });
  app.get("/notifications/:id", ...requireRole("viewer"), refuseQuery, async (c) => {
    const notification = await rpc("get_alert_notification", { p: { id: idOf(c) } });
    if (!notification) throw new AppError("NOT_FOUND", `there is no notification ${idOf(c)}`);
    return c.json(notification);
  });
  app.post("/notifications/:id/resend", ...requireRole("operator"), async (c) => {
    return c.json(await rpc("change_alert_notification", by(c, { id: idOf(c), action: "resend" as const })), 202);
  });
  app.post("/notifications/:id/discard", ...requireRole("operator"), async (c) => {
    return c.json(await rpc("change_alert_notification", by(c, { id: idOf(c), action: "discard" as const })));
  });
}
