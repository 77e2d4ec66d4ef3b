import { type Evidence, type IncidentFacts, isObject, isText } from "./evidence.ts";

/** Whether an incident only sends canaries to channels, so that no person must act on the incident. */
export const isCanary = ({ metric }: Pick<IncidentFacts, "metric">): boolean => metric === "canary";

/** The id of a canary, from the evidence in an email whose link proves the channel; null for other channels. */
export const canaryIdOf = ({ canary_id }: Evidence): string | null => isText(canary_id) ? canary_id : null;

/** The channels whose last canary failed, each with the failed stage and its error. */
export function failedStages({ failed }: Evidence): { channel: string; stage: string; error: string }[] {
  if (!isObject(failed)) return [];
  return Object.entries(failed).flatMap(([channel, failure]) =>
    isObject(failure) && isText(failure.stage) && isText(failure.error) ? [{ channel, stage: failure.stage, error: failure.error }] : []
  );
}
