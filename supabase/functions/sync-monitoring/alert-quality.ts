import { z } from "zod";
import { lostPastOf, REPLAYABLE } from "../../../services/alert-replay.ts";
import type { Clock } from "../../../services/clock.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { suggestThreshold } from "../../../services/rule-suggestion.ts";
import { type AlertQualityResponse, QUALITY_PERIODS, type RuleSuggestionResponse } from "../../../types/alert-quality.ts";
import { durationMs } from "../../../types/duration.ts";
import { PERIODS } from "../../../types/history.ts";

export const AlertQualityQuery = z.strictObject({ period: z.enum(QUALITY_PERIODS).default("30d") });

/** The incidents and notifications of each rule in a period, and the bad events without an incident. @throws DatabaseError */
export async function readAlertQuality(
  rpc: Rpc<"get_alert_quality">,
  clock: Clock,
  { period }: z.infer<typeof AlertQualityQuery>,
): Promise<AlertQualityResponse> {
  return { period, ...await rpc("get_alert_quality", { p: { span: PERIODS[period].span }, as_of: clock.asOf() }) };
}

/** The threshold that avoids incidents of a rule in a replay. @throws AppError NOT_FOUND */
export async function suggestChange(
  rpc: Rpc<"replay_alert_rule">,
  clock: Clock,
  id: string,
  { period }: z.infer<typeof AlertQualityQuery>,
): Promise<RuleSuggestionResponse> {
  const since = new Date(clock.now() - (durationMs(PERIODS[period].span) ?? 0)).toISOString();
  const facts = await rpc("replay_alert_rule", { p: { id, rule: {}, since, metrics: REPLAYABLE }, as_of: clock.asOf() });
  const reason = lostPastOf(facts);
  return { rule_id: id, period, suggestion: reason === null ? suggestThreshold(facts) : null, reason };
}
