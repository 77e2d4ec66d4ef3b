import type { Destination } from "../../../../services/contract/alerts.ts";
import { destinationOf, messageItem } from "../../../../testing/messages.ts";
import type { Links, MessageItem } from "../channels/channel.ts";

export const SECRET = `whsec_${btoa("a secret of twenty-four by")}`;
export const OLD_SECRET = `whsec_${btoa("an older one of some bytes")}`;

export const LINKS: Links = {
  page: "https://page.test/",
  incident: (id) => `https://page.test/#/alerts/${id}`,
  canary: (id) => `https://page.test/#/canaries/${id}`,
  runbook: (url) => url && new URL(url, "https://docs.test/").href,
};

/** The incident of a tournament that fires, with the changes of a test. */
export const firing = (tournament_no: string, changes: Partial<MessageItem> = {}): MessageItem =>
  messageItem({
    incident_id: `00000000-0000-4000-8000-${tournament_no.padStart(12, "0")}`,
    rule_name: "Match Schedule Consecutive Failures",
    metric: "consecutive_failures",
    entity_type: "matches_schedule",
    tournament_no,
    message: `consecutive failures of tournament ${tournament_no}: 3 runs, at or above the threshold of 3 runs`,
    reason: "the condition is met for 5 minutes",
    evidence: { runs: 3, fingerprint: "VIS_UNAVAILABLE:http #", execution_id: null },
    ...changes,
  });
export const resolved = (tournament_no: string, changes: Partial<MessageItem> = {}): MessageItem =>
  firing(tournament_no, { kind: "RESOLVED", resolved_at: "2026-06-10T12:30:00Z", ...changes });

export const hook = (changes: Partial<Destination> = {}): Destination =>
  destinationOf({ channel: "hook", config: { url: "https://receiver.test/alerts" }, secret: SECRET, ...changes });
