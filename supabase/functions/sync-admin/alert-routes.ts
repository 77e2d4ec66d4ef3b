import { z } from "zod";
import { AppError } from "../../../services/errors.ts";
import {
  AcknowledgeRequest,
  ChangeRuleRequest,
  ChannelName,
  CreateRuleRequest,
  LabelRequest,
  NoteRequest,
  PreviewQuery,
  PreviewRuleRequest,
  SilenceQuery,
  SilenceRequest,
} from "../../../types/admin.ts";
import { ChannelRequest } from "../../../types/channel-request.ts";
import { nextCursor } from "../../../types/cursor.ts";
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
      return c.json(await rpc("change_alert_incident", await by(c, [action, "alert", idOf(c)], { id: idOf(c), action, ...request })));
    });
  }
  app.put("/alerts/:id/label", ...requireRole("operator"), async (c) => {
    const request = await readBody(c.req.raw, LabelRequest);
    return c.json(await rpc("label_alert_incident", await by(c, ["label", "alert", idOf(c)], { id: idOf(c), ...request })));
  });

  app.get("/silences", ...requireRole("viewer"), async (c) => {
    const { limit, cursor } = parse(SilenceQuery, c.req.query());
    const p = { limit: limit + 1, after_at: cursor?.before_at, after_id: cursor?.before_id };
    const found = await rpc("list_alert_silences", { p, as_of: as_of() });
    const silences = found.slice(0, limit), last = silences.at(-1);
    return c.json({ silences, next_cursor: found.length > limit && last ? nextCursor(last.ends_at, last.id) : null });
  });
  app.post("/silences", ...requireRole("operator"), async (c) => {
    const id = crypto.randomUUID();
    const silence = await readBody(c.req.raw, SilenceRequest);
    return c.json(await rpc("save_alert_silence", await by(c, ["create-silence", "silence", id], { id, ...silence })), 201);
  });
  app.delete("/silences/:id", ...requireRole("operator"), async (c) => {
    return c.json(await rpc("end_alert_silence", await by(c, ["end-silence", "silence", idOf(c)], { id: idOf(c) })));
  });

  app.get(
    "/alert-rules",
    ...requireRole("viewer"),
    refuseQuery,
    async (c) => c.json({ rules: await rpc("list_alert_rules", {}) }),
  );
  app.post("/alert-rules", ...requireRole("admin"), async (c) => {
    const new_id = crypto.randomUUID();
    const rule = await readBody(c.req.raw, CreateRuleRequest);
    return c.json(await rpc("save_alert_rule", await by(c, ["create-rule", "alert-rule", new_id], { new_id, rule })), 201);
  });
  app.patch("/alert-rules/:id", ...requireRole("admin"), async (c) => {
    const id = idOf(c), { reason, ...rule } = await readBody(c.req.raw, ChangeRuleRequest);
    return c.json(await rpc("save_alert_rule", await by(c, ["change-rule", "alert-rule", id], { id, rule, reason })));
  });
  app.post("/alert-rules/:id/preview", ...requireRole("admin"), async (c) => {
    const { since } = parse(PreviewQuery, c.req.query());
    return c.json(await previewRule(rpc, as_of(), { id: idOf(c), rule: await readBody(c.req.raw, PreviewRuleRequest) }, since));
  });
  app.post("/alert-rules/preview", ...requireRole("admin"), async (c) => {
    const { since } = parse(PreviewQuery, c.req.query());
    return c.json(await previewRule(rpc, as_of(), { rule: await readBody(c.req.raw, CreateRuleRequest) }, since));
  });
  app.delete("/alert-rules/:id", ...requireRole("admin"), async (c) => {
    await rpc("delete_alert_rule", await by(c, ["delete-rule", "alert-rule", idOf(c)], { id: idOf(c) }));
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
    const channel = { name, ...await readBody(c.req.raw, ChannelRequest) };
    return c.json(await rpc("save_notification_channel", await by(c, [["create-channel", "change-channel"], "channel", name], channel)));
  });
  app.delete("/channels/:name", ...requireRole("admin"), async (c) => {
    const { name } = parse(ChannelParams, c.req.param());
    await rpc("delete_notification_channel", await by(c, ["delete-channel", "channel", name], { name }));
    return c.body(null, 204);
  });
  app.post("/channels/:name/test", ...requireRole("admin"), async (c) => {
    const { name } = parse(ChannelParams, c.req.param());
    const destinations = await rpc("test_notification_channel", await by(c, ["test-channel", "channel", name], { name }));
    const results = await testDestinations(destinations, channels, deps.clock, actorOf(c).name);
    const errors = results.map((result) => ({ recipient: result.recipient, error: errorOf(result) }));
    await rpc("record_channel_test", { p: { name, results: errors }, as_of: as_of() });
    return c.json({ results });
  });
  app.post("/canaries/:id/confirm", ...requireRole("viewer"), async (c) => {
    return c.json(await rpc("confirm_canary", await by(c, ["confirm-canary", "canary", idOf(c)], { id: idOf(c) })));
  });
  app.get("/notifications/:id", ...requireRole("viewer"), refuseQuery, async (c) => {
    const notification = await rpc("get_alert_notification", { p: { id: idOf(c) } });
    if (!notification) throw new AppError("NOT_FOUND", `there is no notification ${idOf(c)}`);
    return c.json(notification);
  });
  for (const [action, status] of [["resend", 202], ["discard", 200]] as const) {
    app.post(`/notifications/:id/${action}`, ...requireRole("operator"), async (c) => {
      const change = await by(c, [action, "notification", idOf(c)], { id: idOf(c), action });
      return c.json(await rpc("change_alert_notification", change), status);
    });
  }
}
