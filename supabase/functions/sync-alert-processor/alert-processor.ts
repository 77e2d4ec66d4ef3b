import { decideAll } from "../../../services/alert-evaluation.ts";
import type { Clock } from "../../../services/clock.ts";
import type { Log } from "../../../services/log.ts";
import type { Rpc } from "../../../services/rpc.ts";

/** Measures all rules, and decides and applies the transitions of incidents that no other evaluator has changed. @throws DatabaseError */
export async function evaluateRules(rpc: Rpc, clock: Clock, log: Log, cause: string): Promise<number> {
  const { broken, ...measured } = await rpc("measure_alert_rules", { as_of: clock.asOf() });
  const { transitions, recovered } = decideAll(measured);
  const { evaluated_since, measurements } = measured;
  const p = { cause, rules: measurements.length, evaluated_since, transitions, recovered, broken };
  const applied = await rpc("apply_alert_transitions", { p, as_of: clock.asOf() });
  for (
    const { rule_name, entity_type, tournament_no, to_state, severity, reason } of transitions.filter((transition) => transition.reason)
  ) {
    log(to_state === "FIRING" ? "warn" : "info", "alert_transition", { rule_name, entity_type, tournament_no, to_state, severity, reason });
  }
  for (const { rule_id, reason } of broken) log("error", "alert_rule_broken", { rule_id, reason });
  return applied;
}
