import { useQuery } from "@tanstack/preact-query";
import { PreviewRuleResponse } from "../../../types/admin.ts";
import type { AlertMetric } from "../../../types/alerts.ts";
import { useApi } from "../api.ts";
import { counted, sentence, words } from "../format.ts";
import { describeError } from "../queries.ts";
import { useSettled } from "../settled.ts";
import { valueOf } from "../rule-text.ts";
import { useNames } from "../names.ts";
import { Pill } from "./status.tsx";

const SHOWN_SCOPES = 6;
const VERDICTS = {
  BREACH: ["FIRING", "Met"],
  RECOVERED: ["OK", "Not met"],
  BETWEEN: ["PENDING", "Recovering"],
  UNKNOWN: [
    "IDLE",
    "Unknown",
  ],
} as const;
type Scope = PreviewRuleResponse["scopes"][number];

/** The rule of the form with the current data: its value in each scope, and the transition of an evaluation. */
export function RulePreview({ path, request, metric }: { path: string; request: object; metric: AlertMetric }) {
  const api = useApi();
  const body = useSettled(JSON.stringify(request));
  const preview = useQuery<PreviewRuleResponse>({
    queryKey: [path, body],
    queryFn: () => api.send({ method: "POST", path, body: JSON.parse(body) }, PreviewRuleResponse),
    placeholderData: (previous) => previous,
  });
  const { data, error, isFetching } = preview;
  const scopes = data?.scopes ?? [];
  const breaches = scopes.filter(({ verdict }) => verdict === "BREACH");
  const sorted = [...breaches, ...scopes.filter((scope) => !breaches.includes(scope))];
  return (
    <section class="card pad" aria-busy={isFetching}>
      <h2>With the current data</h2>
      {error
        ? (
          <p class="muted">
            The rule cannot be measured yet. {describeError(error).message}
          </p>
        )
        : !data
        ? <p class="muted">Measuring …</p>
        : scopes.length === 0
        ? <p class="muted">The rule has no value now.</p>
        : (
          <>
            <p class="muted">
              {breaches.length === 0
                ? "The condition is not met."
                : scopes.length === 1
                ? "The condition is met."
                : `The condition is met for ${breaches.length} of ${counted(scopes.length, "scope")}.`}
            </p>
            <ul class="scopes">
              {sorted.slice(0, SHOWN_SCOPES).map((scope) => (
                <ScopeRow key={`${scope.entity_type} ${scope.tournament_no}`} scope={scope} metric={metric} />
              ))}
            </ul>
            {sorted.length > SHOWN_SCOPES && <p class="muted">{sorted.length - SHOWN_SCOPES} more are not shown.</p>}
          </>
        )}
    </section>
  );
}

function ScopeRow({ scope, metric }: { scope: Scope; metric: AlertMetric }) {
  const nameOf = useNames();
  const { entity_type, tournament_no, value, threshold, verdict, would } = scope;
  const [status, label] = VERDICTS[verdict];
  const channels = would?.channels.length ? would.channels.join(", ") : "no channel";
  return (
    <li>
      <div class="line">
        <span>{tournament_no ? `Tournament ${tournament_no}` : nameOf(entity_type)}</span> <Pill of={status} label={label} />
      </div>
      <small>
        Now {valueOf(value, metric)}; the threshold is {valueOf(threshold, metric)}
      </small>
      {would && (
        <p class="under">{sentence(`${words(would.to_state)}, notifies ${would.notify ? channels : "no channel"}: ${would.reason}`)}</p>
      )}
    </li>
  );
}
