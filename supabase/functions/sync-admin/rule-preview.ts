import { judge } from "../../../services/alert-decision.ts";
import { decideAll } from "../../../services/alert-evaluation.ts";
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
  return {
    as_of: measured.as_of,
    scopes: measured.measurements.map((m) => {
      const [transition] = decideAll({ ...measured, measurements: [m] }).transitions;
      const { entity_type, tournament_no, value, runs, threshold, evidence } = m;
      const would = !transition ? null : {
        to_state: transition.to_state,
        severity: transition.severity,
        reason: transition.reason,
        notify: transition.notifications[0]?.kind ?? null,
        channels: [...new Set(transition.notifications.map(({ channel }) => channel))],
      };
      return { entity_type, tournament_no, value, runs, threshold, verdict: judge(m), evidence, would };
    }),
  };
}
