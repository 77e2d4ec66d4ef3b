import { Link } from "wouter-preact";
import type { z } from "zod";
import { type AlertQualityResponse, type RuleQuality, RuleSuggestionResponse } from "../../../types/alert-quality.ts";
import { announce } from "../announce.ts";
import { Refusal } from "../components/states.tsx";
import { counted, number } from "../format.ts";
import { pathOf, UnusedResponse, useAct, useRead } from "../queries.ts";
import { valueOf } from "../rule-text.ts";
import { useUser } from "../session.ts";

/** The interval of the read; it is long, because a replay costs the database more than other reads. */
const EVERY_MS = 600_000;
type Suggestion = NonNullable<z.infer<typeof RuleSuggestionResponse>["suggestion"]>;

/** The suggestion in words, which is also the reason of the change. */
function wordsOf({ metric, threshold }: RuleQuality, { incidents, incidents_then, kept, ...suggested }: Suggestion): string {
  const shown = (value: number | null) => metric === null ? number(value) : valueOf(value, metric);
  const change = `Threshold ${shown(suggested.threshold)} instead of ${shown(threshold)}`;
  const lost = kept === 0
    ? ""
    : kept === 1
    ? "; it keeps the one that was acknowledged or useful"
    : `; it keeps all ${number(kept)} that were acknowledged or useful`;
  return `${change}: ${counted(incidents_then, "incident")} instead of ${number(incidents)}${lost}`;
}

/** A suggested change of a noisy rule from a replay of the period; an admin applies it with a click. */
export function Suggestion({ of: rule, period }: { of: RuleQuality; period: AlertQualityResponse["period"] }) {
  const { can } = useUser();
  const path = pathOf(`sync-monitoring/alert-quality/${rule.rule_id}`, { period });
  const found = useRead(path, RuleSuggestionResponse, { every: EVERY_MS }).data?.suggestion;
  const text = found ? wordsOf(rule, found) : "";
  const act = useAct(
    () => ({
      method: "PATCH",
      path: `sync-admin/alert-rules/${rule.rule_id}`,
      body: { metric: rule.metric, threshold: found?.threshold, reason: `Suggested by a replay of ${period}. ${text}.` },
    }),
    UnusedResponse,
    () => announce(`Changed ${rule.rule_name}.`),
  );
  if (!found) return null;
  return (
    <li class="suggestion">
      <div>
        <Link href={`/alerts/rules/${rule.rule_id}`}>{rule.rule_name}</Link>
        <p>{text}.</p>
        <Refusal error={act.error} />
      </div>
      {can("admin") && <button type="button" aria-busy={act.isPending} disabled={act.isPending} onClick={() => act.mutate()}>Apply</button>}
    </li>
  );
}
