import type { ComponentChildren } from "preact";
import { createPortal } from "preact/compat";

/** Renders at the end of the document, so that no box cuts the content off; the Portal of Zag needs React, which the page does not have. */
export const Portal = ({ children }: { children: ComponentChildren }) => createPortal(<>{children}</>, document.body);
