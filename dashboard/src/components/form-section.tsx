import type { ComponentChildren } from "preact";

/** A part of a form with its heading. */
export function FormSection({ title, lead, acts, isEven, children }: {
  title: string;
  lead?: string;
  /** A control at the end of the heading. */
  acts?: ComponentChildren;
  /** Whether an odd number of fields has three in its last row, so that none stands alone; the last child is no field. */
  isEven?: boolean;
  children: ComponentChildren;
}) {
  return (
    <section class="card form-section">
      <header>
        <h2>{title}</h2>
        {lead && <p class="muted">{lead}</p>}
        {acts}
      </header>
      <div class={isEven ? "form-grid even" : "form-grid"}>{children}</div>
    </section>
  );
}
