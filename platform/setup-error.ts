/** An error that a person can fix; its message is the sentence to print. */
export class SetupError extends Error {
  override name = "SetupError";
}

/** The error for an unknown option, or for a value that an option does not allow. */
export class UsageError extends SetupError {}
