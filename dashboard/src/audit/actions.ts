import { title } from "../format.ts";

/** An action of the audit log in words, such as `Trigger sync`. */
export const wordsOf = (action: string): string => title(action.replaceAll("-", " "));

/** The actions that the audit log records. */
export const ACTIONS = [
  ...["acknowledge", "unacknowledge", "resolve", "label", "create-silence", "end-silence", "resend", "discard", "resolve-error"],
  ...["trigger-sync", "cancel-job", "requeue-job", "end-backoff", "test-connectivity"],
  ...["create-rule", "change-rule", "delete-rule", "create-objective", "change-objective", "delete-objective"],
  ...["create-channel", "change-channel", "delete-channel", "test-channel", "confirm-canary"],
  ...["change-entity", "change-retention", "prune-audit", "create-person", "invite-person", "change-person"],
];
