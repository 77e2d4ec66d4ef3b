import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { type AlertQualityResponse, QUALITY_PERIODS } from "../../../types/alert-quality.ts";
import { PERIODS } from "../../../types/history.ts";

export const AlertQualityQuery = z.strictObject({ period: z.enum(QUALITY_PERIODS).default("30d") });

/** What each rule did in a period, and the bad events that no incident accompanied. @throws DatabaseError */
export async function readAlertQuality(
  rpc: Rpc<"get_alert_quality">,
  clock: Clock,
  { period }: z.infer<typeof AlertQualityQuery>,
): Promise<AlertQualityResponse> {
  return { period, ...await rpc("get_alert_quality", { p: { span: PERIODS[period].span }, as_of: clock.asOf() }) };
}
