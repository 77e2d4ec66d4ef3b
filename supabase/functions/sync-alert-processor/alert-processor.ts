import { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import type { Log } from "../../../services/log.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { decide, Measurement } from "./decision.ts";

const Measured = z.object({ as_of: z.string(), measurements: z.array(Measurement) });

/** Measures every rule in one call, decides, and applies in one call; what another evaluator changed meanwhile is left to it. @throws DatabaseError */
export async function evaluateRules(rpc: Rpc, clock: Clock, log: Log, cause: string): Promise<number> {
  const { as_of, measurements } = await rpc("measure_alert_rules", { as_of: clock.asOf() }, Measured);
  const transitions = measurements.map((measurement) => decide(measurement, Date.parse(as_of))).filter((step) => step !== null);
  const p = { cause, rules: measurements.length, transitions };
  const applied = await rpc("apply_alert_transitions", { p, as_of: clock.asOf() }, z.number().int());
  for (const { rule_name, entity_type, to_state, severity, reason } of transitions) {
    log(to_state === "FIRING" ? "warn" : "info", "alert_transition", { rule_name, entity_type, to_state, severity, reason });
  }
  return applied;
}
