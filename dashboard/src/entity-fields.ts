import type { Entity } from "../../types/admin.ts";

/** A time in the format of the form, in UTC: `2026-06-10 12:00`. */
const inForm = (moment: string): string => new Date(moment).toISOString().slice(0, 16).replace("T", " ");
/** The time of a text of the form; another text is returned unchanged, so that the server names the field. */
const momentOf = (text: string): string => /^\d{4}-\d\d-\d\d \d\d:\d\d$/.test(text.trim()) ? `${text.trim().replace(" ", "T")}:00Z` : text;

/** The fields of the form for the settings of an entity, as text. */
export const fieldsOf = (entity: Entity) => ({
  is_active: entity.is_active,
  sync_frequency: entity.sync_frequency,
  schedule_anchor: inForm(entity.schedule_anchor),
  grace: entity.grace,
  max_runtime: entity.max_runtime,
  alert_threshold_failures: String(entity.alert_threshold_failures ?? ""),
  notification_channels: entity.notification_channels ?? [],
});
export type Fields = ReturnType<typeof fieldsOf>;

/** The request body: the changed fields and the reason. An empty threshold or an empty list of channels uses those of each rule. */
export function requestOf(fields: Fields, entity: Entity, reason: string): Record<string, unknown> {
  const before = fieldsOf(entity);
  const threshold = fields.alert_threshold_failures.trim();
  const body: Record<string, unknown> = {
    ...fields,
    schedule_anchor: momentOf(fields.schedule_anchor),
    // An invalid number is sent as text, so that the server reports it together with the other invalid fields.
    alert_threshold_failures: threshold === "" ? null : Number.isNaN(Number(threshold)) ? threshold : Number(threshold),
    notification_channels: fields.notification_channels.length ? fields.notification_channels : null,
  };
  const names = (Object.keys(before) as (keyof Fields)[]).filter((name) => JSON.stringify(fields[name]) !== JSON.stringify(before[name]));
  return { ...Object.fromEntries(names.map((name) => [name, body[name]])), reason };
}
