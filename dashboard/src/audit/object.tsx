import { Link } from "wouter-preact";
import { z } from "zod";
import type { AuditEntry } from "../../../types/admin.ts";
import { title } from "../format.ts";
import { useUser } from "../session.ts";

type Entry = z.infer<typeof AuditEntry>;

/** The kinds of objects, with their names and the address of the view of an object; null without a view. */
export const OBJECTS: Record<string, { name: string; hrefOf: (entry: Entry) => string | null }> = {
  alert: { name: "Incident", hrefOf: ({ object_id }) => `/alerts/${object_id}` },
  "alert-rule": { name: "Rule", hrefOf: ({ object_id }) => `/alerts/rules/${object_id}` },
  "audit-log": { name: "Audit log", hrefOf: () => null },
  channel: { name: "Channel", hrefOf: () => "/alerts/channels" },
  entity: { name: "Sync", hrefOf: ({ object_id }) => `/entities/${object_id}` },
  error: { name: "Error", hrefOf: ({ before }) => errorView(before) },
  job: { name: "Job", hrefOf: ({ object_id }) => `/jobs/${object_id}` },
  notification: { name: "Notification", hrefOf: ({ before }) => incidentView(before) },
  person: { name: "Person", hrefOf: () => "/people" },
  retention: { name: "Retention", hrefOf: () => "/system" },
  silence: { name: "Silence", hrefOf: () => "/alerts/silences" },
  system: { name: "System", hrefOf: () => "/system" },
  upstream: { name: "Upstream", hrefOf: () => "/system" },
};
const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;
/** The views that only an admin can open. */
const FOR_ADMINS = ["/people", "/alerts/channels"];
const text = z.string().optional();
const State = z.looseObject({ name: text, email: text, fingerprint: text, incident_id: text }).catch({});

function errorView(before: unknown): string | null {
  const { fingerprint } = State.parse(before);
  return fingerprint ? `/errors/${encodeURIComponent(fingerprint)}` : null;
}

function incidentView(before: unknown): string | null {
  const { incident_id } = State.parse(before);
  return incident_id ? `/alerts/${incident_id}` : null;
}

/** The object of an entry as a link, with its name if the entry has one. */
export function AuditedObject({ entry }: { entry: Entry }) {
  const { can } = useUser();
  const { object_type, object_id, before, after, action } = entry;
  const kind = OBJECTS[object_type];
  const href = kind?.hrefOf(entry) ?? null;
  const { name = State.parse(before).name, email } = State.parse(after);
  const text = name ?? email ?? (UUID.test(object_id) ? object_id.slice(0, 8) : object_id);
  const isShown = href !== null && !action.startsWith("delete-") && (can("admin") || !FOR_ADMINS.includes(href));
  const label = <span class="cut" title={object_id}>{text}</span>;
  return (
    <>
      <span class="muted">{kind?.name ?? title(object_type.replaceAll("-", " "))}</span>{" "}
      {isShown ? <Link href={href}>{label}</Link> : label}
    </>
  );
}
