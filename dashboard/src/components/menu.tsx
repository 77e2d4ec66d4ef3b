import * as menu from "@zag-js/menu";
import { normalizeProps, useMachine } from "@zag-js/preact";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Portal } from "./portal.tsx";

/** A choice of a menu; a choice with `isChecked` belongs to a group of alternatives. */
interface MenuItem {
  id: string;
  label: string;
  onSelect: () => void;
  /** The label of the group that begins with this item. */
  group?: string;
  isChecked?: boolean;
}

/** A button that opens a menu. */
export function Menu({ label, buttonClass, items, children }: {
  /** The name of the button for screen readers. */
  label: string;
  buttonClass?: string;
  items: MenuItem[];
  children: ComponentChildren;
}) {
  const service = useMachine(menu.machine, {
    id: useId(),
    positioning: { placement: "bottom-start" },
    onSelect: ({ value }: { value: string }) => items.find(({ id }) => id === value)?.onSelect(),
  });
  const api = menu.connect(service, normalizeProps);
  return (
    <>
      <button {...api.getTriggerProps()} class={buttonClass} aria-label={label}>{children}</button>
      {api.open && (
        <Portal>
          <div {...api.getPositionerProps()}>
            <div {...api.getContentProps()} class="menu" aria-label={label}>
              {items.map(({ id, label, group, isChecked }) => (
                <>
                  {group && <div key={group} class="menu-group">{group}</div>}
                  <div
                    key={id}
                    {...(isChecked === undefined
                      ? api.getItemProps({ value: id })
                      : api.getOptionItemProps({ value: id, type: "radio", checked: isChecked, onCheckedChange: () => {} }))}
                  >
                    {label}
                  </div>
                </>
              ))}
            </div>
          </div>
        </Portal>
      )}
    </>
  );
}
