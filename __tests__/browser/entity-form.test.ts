import { assertEquals } from "@std/assert";
import { type Fields, fieldsOf, requestOf } from "../../dashboard/src/entity-fields.ts";
import { ChangeEntityRequest, type Entity } from "../../types/admin.ts";

const ENTITY = {
  entity_type: "tournaments",
  is_active: true,
  sync_frequency: "1 day",
  schedule_anchor: "2000-01-01T00:00:00+00:00",
  grace: "15 minutes",
  max_runtime: "5 minutes",
  alert_threshold_failures: 5,
  notification_channels: ["hook"],
} as Entity;
const changed = (fields: Partial<Fields>) => requestOf({ ...fieldsOf(ENTITY), ...fields }, ENTITY, "because");

Deno.test("the form of an entity sends the changed fields and the reason, and the server accepts them", () => {
  const request = ChangeEntityRequest.parse(changed({ sync_frequency: "PT12H", alert_threshold_failures: "7", is_active: false }));
  assertEquals(request, { is_active: false, sync_frequency: "PT12H", alert_threshold_failures: 7, reason: "because" });
});

Deno.test("an empty threshold and no channel are sent as null", () => {
  assertEquals(changed({ alert_threshold_failures: " ", notification_channels: [] }), {
    alert_threshold_failures: null,
    notification_channels: null,
    reason: "because",
  });
});

Deno.test("a threshold that is no number is sent as it is, and the server names the field", () => {
  const { error } = ChangeEntityRequest.safeParse(changed({ alert_threshold_failures: "many" }));
  assertEquals(error?.issues.map(({ path }) => path.join(".")), ["alert_threshold_failures"]);
});

Deno.test("the anchor is a date and a time in UTC, and another text is refused by name", () => {
  assertEquals(fieldsOf(ENTITY).schedule_anchor, "2000-01-01 00:00");
  assertEquals(ChangeEntityRequest.parse(changed({ schedule_anchor: "2026-06-10 03:30" })).schedule_anchor, "2026-06-10T03:30:00Z");
  const { error } = ChangeEntityRequest.safeParse(changed({ schedule_anchor: "at noon" }));
  assertEquals(error?.issues.map(({ path }) => path.join(".")), ["schedule_anchor"]);
});
