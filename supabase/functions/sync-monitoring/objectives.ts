import type { z } from "zod";
import type { Clock } from "../../../services/clock.ts";
import { AppError } from "../../../services/errors.ts";
import { statusOf } from "../../../services/objective-status.ts";
import type { Rpc } from "../../../services/rpc.ts";
import type { Objective, ObjectiveBudget, ObjectiveDetailResponse, ObjectiveListResponse } from "../../../types/objectives.ts";

const judged = <T extends ObjectiveBudget>(budget: T): T & Objective => ({ ...budget, status: statusOf(budget) });

/** Each objective with its budget and its status. @throws DatabaseError */
export async function listObjectives(rpc: Rpc<"list_objectives">, clock: Clock): Promise<z.infer<typeof ObjectiveListResponse>> {
  return { objectives: (await rpc("list_objectives", { as_of: clock.asOf() })).map(judged) };
}

/** One objective with its causes, rules and incidents. @throws AppError NOT_FOUND */
export async function readObjective(rpc: Rpc<"get_objective">, clock: Clock, id: string): Promise<ObjectiveDetailResponse> {
  const found = await rpc("get_objective", { p: { id }, as_of: clock.asOf() });
  if (!found) throw new AppError("NOT_FOUND", `there is no objective ${id}`);
  return judged(found);
}
