import { type Evidence, type IncidentFacts, isObject, isText } from "./evidence.ts";

/** Whether an incident sends the canaries of channels: nothing is wrong, and nobody has to act. */
export const isCanary = ({ metric }: Pick<IncidentFacts, "metric">): boolean => metric === "canary";

/** The id of a canary in the evidence of an email, whose link proves the channel; null for other channels. */
export const canaryIdOf = ({ canary_id }: Evidence): string | null => isText(canary_id) ? canary_id : null;

/** The channels that are not proven, each with the stage that failed and its error. */
export function failedStages({ failed }: Evidence): { channel: string; stage: string; error: string }[] {
  if (!isObject(failed)) return [];
  return Object.entries(failed).flatMap(([channel, failure]) =>
    isObject(failure) && isText(failure.stage) && isText(failure.error) ? [{ channel, stage: failure.stage, error: failure.error }] : []
  );
}
