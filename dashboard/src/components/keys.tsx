import { Fragment } from "preact";
import { capOf } from "../shortcuts.ts";

/** The keys of a shortcut. */
export const Keys = ({ of: keys }: { of: readonly string[] }) => (
  <span class="keys">
    {keys.map((key, index) => (
      <Fragment key={key}>
        {index > 0 && " "}
        <kbd>{capOf(key)}</kbd>
      </Fragment>
    ))}
  </span>
);
