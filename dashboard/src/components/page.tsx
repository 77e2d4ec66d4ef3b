import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A view; its heading gets the focus when it opens, so that a screen reader announces it. */
export function Page({ title, lead, acts, children }: {
  title: string;
  lead?: ComponentChildren;
  acts?: ComponentChildren;
  children: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Beach volleyball sync`;
  }, [title]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, []);
  return (
    <>
      <header class="page">
        <div>
          <h1 ref={heading} tabIndex={-1}>{title}</h1>
          {lead && <div class="lead">{lead}</div>}
        </div>
        {acts && <div class="acts">{acts}</div>}
      </header>
      {children}
    </>
  );
}

export function Section(
  { title, acts, children }: {
    title: string;
    acts?: ComponentChildren;
    children: ComponentChildren;
  },
) {
  return (
    <section>
      <header class="section">
        <h2>{title}</h2>
        {acts}
      </header>
      {children}
    </section>
  );
}

/** A list of names and values. */
export function Facts(
  { of }: { of: [name: string, value: ComponentChildren][] },
) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
