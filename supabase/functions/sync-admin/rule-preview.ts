import { judge } from "../../../services/alert-decision.ts";
import { decideAll } from "../../../services/alert-evaluation.ts";
import { lostPastOf, REPLAYABLE, replayRule } from "../../../services/alert-replay.ts";
import type { Arguments } from "../../../services/contract/index.ts";
import { AppError } from "../../../services/errors.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { PreviewRuleResponse } from "../../../types/admin.ts";
import type { Backtest } from "../../../types/backtest.ts";

/** Measures a new or changed rule and decides as the processor does, without writing; with `since`, also replays it. @throws AppError */
export async function previewRule(
  rpc: Rpc<"preview_alert_rule" | "replay_alert_rule">,
  as_of: string | undefined,
  p: Arguments<"preview_alert_rule">["p"],
  since: string | undefined,
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
    ...since === undefined ? {} : { backtest: await backtest(rpc, as_of, { ...p, since, metrics: REPLAYABLE }) },
  };
}

/** Replays the rule on the past without writing. @throws AppError NOT_REPLAYABLE when the past is not stored */
async function backtest(
  rpc: Rpc<"replay_alert_rule">,
  as_of: string | undefined,
  p: Arguments<"replay_alert_rule">["p"],
): Promise<Backtest> {
  const facts = await rpc("replay_alert_rule", { p, as_of });
  const reason = lostPastOf(facts);
  if (reason !== null) throw new AppError("NOT_REPLAYABLE", `the rule cannot be replayed on the past: ${reason}`);
  return replayRule(facts);
}
