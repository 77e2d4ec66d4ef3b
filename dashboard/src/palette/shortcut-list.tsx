import "../styles/palette.css";
import { useState } from "preact/hooks";
import { Dialog } from "../components/dialog.tsx";
import { CheckField } from "../components/fields.tsx";
import { Keys } from "../components/keys.tsx";
import { useUser } from "../session.ts";
import { hasSingleKeys, setSingleKeys, SHORTCUTS } from "../shortcuts.ts";

/** The shortcuts of the signed-in user, and a switch for the shortcuts without a modifier. */
export default function ShortcutList({ onClose }: { onClose: () => void }) {
  const { can } = useUser();
  const [isOn, setOn] = useState(hasSingleKeys);
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      {[...Map.groupBy(SHORTCUTS.filter(({ least }) => !least || can(least)), ({ group }) => group)].map(([group, shortcuts]) => (
        <section key={group} class="shortcuts">
          <h3>{group}</h3>
          <dl>
            {shortcuts.map(({ keys, name }) => (
              <div key={name} class={isOn || keys[0] === "mod" ? undefined : "off"}>
                <dt>{name}</dt>{" "}
                <dd>
                  <Keys of={keys} />
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      <CheckField
        label="Shortcuts without Ctrl or Command"
        help="Off, a single letter has no effect. The choice is kept in this browser."
        value={isOn}
        onChange={(value) => {
          setSingleKeys(value);
          setOn(value);
        }}
      />
    </Dialog>
  );
}
