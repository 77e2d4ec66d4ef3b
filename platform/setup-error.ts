/** An error that a person can fix; its message is the sentence to print. */
export class SetupError extends Error {
  override name = "SetupError";
}

/** An option that the program does not know, or a value that the option does not allow. */
export class UsageError extends SetupError {}
