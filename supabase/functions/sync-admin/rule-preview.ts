import { decide, judge, Measurements } from "../../../services/alert-decision.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { PreviewRuleResponse } from "../../../types/admin.ts";

/** Measures a new or changed rule and decides as the alert processor would; nothing is written. @throws AppError */
export async function previewRule(
  rpc: Rpc,
  as_of: string | undefined,
  p: { id?: string; rule: Record<string, unknown> },
): Promise<PreviewRuleResponse> {
  const measured = await rpc("preview_alert_rule", { p, as_of }, Measurements);
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
