import type { ComponentChildren } from "preact";
import { createPortal } from "preact/compat";

/** Renders at the end of the document, so that no box cuts the content off. Zag's own Portal calls React, which is not there. */
export const Portal = ({ children }: { children: ComponentChildren }) => createPortal(<>{children}</>, document.body);
