import { z } from "zod";
import { decideAll } from "../../../services/alert-causes.ts";
import { Measurement } from "../../../services/alert-decision.ts";
import type { Clock } from "../../../services/clock.ts";
import type { Log } from "../../../services/log.ts";
import type { Rpc } from "../../../services/rpc.ts";

const Measured = z.object({ as_of: z.string(), watched_since: z.string().nullable(), measurements: z.array(Measurement) });

/** Measures every rule in one call, decides, and applies in one call; what another evaluator changed meanwhile is left to it. @throws DatabaseError */
export async function evaluateRules(rpc: Rpc, clock: Clock, log: Log, cause: string): Promise<number> {
  const { as_of, watched_since, measurements } = await rpc("measure_alert_rules", { as_of: clock.asOf() }, Measured);
  const transitions = decideAll(measurements, Date.parse(as_of), watched_since === null ? null : Date.parse(watched_since));
  const p = { cause, rules: measurements.length, watched_since, transitions };
  const applied = await rpc("apply_alert_transitions", { p, as_of: clock.asOf() }, z.number().int());
  for (const { rule_name, entity_type, tournament_no, to_state, severity, reason } of transitions) {
    log(to_state === "FIRING" ? "warn" : "info", "alert_transition", { rule_name, entity_type, tournament_no, to_state, severity, reason });
  }
  return applied;
}
