import type { ComponentChildren } from "preact";

/** A part of a form with its heading. */
export function FormSection({ title, lead, acts, children }: {
  title: string;
  lead?: string;
  /** A control at the end of the heading. */
  acts?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="card form-section">
      <header>
        <h2>{title}</h2>
        {lead && <p class="muted">{lead}</p>}
        {acts}
      </header>
      <div class="form-grid">{children}</div>
    </section>
  );
}
