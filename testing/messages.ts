import type { Destination } from "../services/contract/alerts.ts";
import type { Links, Message, MessageItem } from "../supabase/functions/sync-alert-processor/channels/channel.ts";

/** The opening of an incident of the rule "Tournaments Failing Alike". */
export const messageItem = (changes: Partial<MessageItem> = {}): MessageItem => ({
  incident_id: "00000000-0000-4000-8000-000000000001",
  kind: "FIRING",
  is_new: true,
  rule_name: "Tournaments Failing Alike",
  metric: "shared_failure",
  entity_type: "all",
  tournament_no: null,
  severity: "HIGH",
  message: "shared failure of all syncs: 10 tournaments, at or above the threshold of 3 tournaments",
  reason: "shared failure of all syncs: 10 tournaments, at or above the threshold of 3 tournaments",
  evidence: {
    runs: 10,
    execution_id: "00000000-0000-4000-8000-0000000000a1",
    fingerprint: "VIS_SERVER_ERROR:vis answered http #",
    error: "VIS answered HTTP 500",
    tournaments: 10,
    of: 10,
  },
  began_at: "2026-06-10T12:00:00Z",
  opened_at: "2026-06-10T12:00:30Z",
  resolved_at: null,
  runbook_url: "docs/runbook.md#tournaments-failing-alike",
  ...changes,
});

/** The end of the same incident, 25 minutes after it opened. */
export const resolvedItem = (changes: Partial<MessageItem> = {}): MessageItem =>
  messageItem({
    kind: "RESOLVED",
    message: "shared failure of all syncs: 0 tournaments, below the threshold of 3 tournaments",
    reason: "recovered to 0 tournaments after 25 minutes",
    evidence: { ...messageItem().evidence, peak: 10, at_peak: { at: "2026-06-10T12:00:30Z", ...messageItem().evidence } },
    resolved_at: "2026-06-10T12:25:30Z",
    ...changes,
  });

/** A message of the items about one group. */
export const messageOf = (items: MessageItem[], changes: Partial<Message> = {}): Message => ({
  id: "00000000-0000-4000-8000-0000000000b1",
  group: { rule_name: items[0]?.rule_name ?? "Rule", entity_type: items[0]?.entity_type ?? "all" },
  items,
  over_limit: 0,
  ...changes,
});

export const destinationOf = (changes: Partial<Destination> = {}): Destination => ({
  channel: "ops",
  recipient: null,
  kind: "webhook",
  config: {},
  secret: null,
  previous_secret: null,
  hourly_limit: 60,
  ...changes,
});

export const NO_LINKS: Links = { page: null, incident: () => null, canary: () => null, runbook: () => null };
