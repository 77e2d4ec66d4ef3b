import { z } from "zod";
import { decide, judge, Measurement } from "../../../services/alert-decision.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { PreviewRuleResponse } from "../../../types/admin.ts";

const Measured = z.object({ as_of: z.string(), watched_since: z.string().nullable(), measurements: z.array(Measurement) });

/** What a rule, changed or new, measures now and would do, by the same measure and the same decision; nothing is written. @throws AppError */
export async function previewRule(
  rpc: Rpc,
  as_of: string | undefined,
  p: { id?: string; rule: Record<string, unknown> },
): Promise<PreviewRuleResponse> {
  const measured = await rpc("preview_alert_rule", { p, as_of }, Measured);
  const now = Date.parse(measured.as_of);
  const watchedSince = measured.watched_since === null ? null : Date.parse(measured.watched_since);
  return {
    as_of: measured.as_of,
    scopes: measured.measurements.map((m) => {
      const step = decide(m, { now, watchedSince, parent: null, inherited: null });
      const { entity_type, tournament_no, value, runs, threshold, evidence } = m;
      const would = step &&
        { to_state: step.to_state, severity: step.severity, reason: step.reason, notify: step.notify, channels: step.channels };
      return { entity_type, tournament_no, value, runs, threshold, verdict: judge(m), evidence, would };
    }),
  };
}
