import { decide, judge } from "../../../services/alert-decision.ts";
import type { Arguments } from "../../../services/contract/index.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { PreviewRuleResponse } from "../../../types/admin.ts";

/** Measures a new or changed rule and decides as the alert processor would; nothing is written. @throws AppError */
export async function previewRule(
  rpc: Rpc<"preview_alert_rule">,
  as_of: string | undefined,
  p: Arguments<"preview_alert_rule">["p"],
): Promise<PreviewRuleResponse> {
  const measured = await rpc("preview_alert_rule", { p, as_of });
  const now = Date.parse(measured.as_of);
  const evaluatedSince = measured.evaluated_since === null ? null : Date.parse(measured.evaluated_since);
  return {
    as_of: measured.as_of,
    scopes: measured.measurements.map((m) => {
      const transition = decide(m, { now, evaluatedSince, parent: null, inherited: null });
      const { entity_type, tournament_no, value, runs, threshold, evidence } = m;
      const would = transition && {
        to_state: transition.to_state,
        severity: transition.severity,
        reason: transition.reason,
        notify: transition.notify,
        channels: transition.channels,
      };
      return { entity_type, tournament_no, value, runs, threshold, verdict: judge(m), evidence, would };
    }),
  };
}
