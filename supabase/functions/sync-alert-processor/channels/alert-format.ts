import { causeOf, scopeOf } from "../../../../services/incident-words.ts";
import { evidenceOf } from "../evidence.ts";
import type { Links, MessageItem } from "./channel.ts";

/** The labels or the annotations of an alert. */
export type Texts = Record<string, string>;

/**
 * The labels of an incident. They are the same in each message to a destination, because Alertmanager identifies an alert by its labels,
 * and receivers close an alert by its labels or fingerprint. `severity` is the severity of the first message, by which receivers route. A
 * changing field, such as the severity after an escalation, is an annotation.
 */
export const labelsOf = (item: MessageItem): Texts => ({
  alertname: item.rule_name,
  severity: (item.first_severity ?? item.severity).toLowerCase(),
  entity_type: item.entity_type,
  metric: item.metric,
  ...(item.tournament_no === null ? {} : { tournament_no: item.tournament_no }),
});

export function annotationsOf(item: MessageItem, links: Links, limitNote: string | null): Texts {
  const scope = scopeOf(item);
  const annotations = {
    summary: scope === null ? causeOf(item) : `${causeOf(item)} (${scope})`,
    description: item.reason,
    kind: item.kind,
    severity: item.severity.toLowerCase(),
    value: item.message,
    evidence: evidenceOf(item).join("; "),
    runbook_url: links.runbook(item.runbook_url),
    over_limit: limitNote,
  };
  return Object.fromEntries(Object.entries(annotations).filter((entry): entry is [string, string] => Boolean(entry[1])));
}
