import { type ComponentChildren, Fragment } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { unbroken } from "../format.ts";
import { useOverview } from "../overview.ts";
import { showInTab } from "../tab.ts";

/** A view; its heading gets the focus when the view opens, so that a screen reader announces it. */
export function Page({ title, crumb, lead, acts, children }: {
  title: string;
  /** The path to the view, above its title. */
  crumb?: ComponentChildren;
  lead?: ComponentChildren;
  acts?: ComponentChildren;
  children: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { data } = useOverview();
  useEffect(() => showInTab(title, data), [title, data]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, []);
  return (
    <>
      <header class="page">
        <div>
          {crumb && <p class="crumb">{crumb}</p>}
          <h1 ref={heading} tabIndex={-1}>{unbroken(title)}</h1>
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

/** A list of names and values; `class` sets its form: `facts` in a row, `pairs` in a column, `figures` as tiles. */
export function Facts(
  { of, class: form = "facts card pad" }: {
    of: [name: string, value: ComponentChildren][];
    class?: "facts card pad" | "facts" | "pairs" | "figures";
  },
) {
  return (
    <dl class={form}>
      {of.map(([name, value]) =>
        form === "pairs"
          ? (
            <Fragment key={name}>
              <dt>{name}</dt> <dd>{value}</dd>
            </Fragment>
          )
          : (
            <div key={name}>
              <dt>{name}</dt> <dd>{value}</dd>
            </div>
          )
      )}
    </dl>
  );
}

/** A figure with a second line below it. */
export const Figure = ({ is, more }: { is: ComponentChildren; more: ComponentChildren }) => (
  <>
    {is} <small>{more}</small>
  </>
);
