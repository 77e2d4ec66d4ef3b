import type { ComponentChildren } from "preact";
import { counted, number } from "../format.ts";
import { Icon, toneOf } from "./status.tsx";

/** The number of things that need attention: `1 of 12 components needs attention`. */
export const attentionOf = (count: number, all: number, noun: string): string =>
  `${number(count)} of ${counted(all, noun)} ${count === 1 ? "needs" : "need"} attention`;

/** The state of a view in a sentence at its top, with its figures at the right. */
export function Headline({ of, title, figures = [], acts, children }: {
  /** The status that determines the tone. */
  of: string;
  title: ComponentChildren;
  /** The name, the value and the status of each figure; only a status that needs a person colours the value. */
  figures?: [name: string, value: ComponentChildren, status?: string][];
  acts?: ComponentChildren;
  /** The meaning of the state in a sentence. */
  children?: ComponentChildren;
}) {
  return (
    <section class={`card headline ${toneOf(of)}`} aria-label="State">
      <span class="headline-mark">
        <Icon of={of} />
      </span>
      <div class="headline-text">
        <h2>{title}</h2>
        {children && <p>{children}</p>}
      </div>
      {figures.length > 0 && (
        <dl>
          {figures.map(([name, value, status = "OK"]) => (
            <div key={name} class={toneOf(status)}>
              <dt>{name}</dt> <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {acts && <div class="acts">{acts}</div>}
    </section>
  );
}
