import "../styles/palette.css";
import { Search } from "lucide-preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useModal } from "../components/dialog.tsx";
import { Keys } from "../components/keys.tsx";
import { Status } from "../components/status.tsx";
import { Moment } from "../components/time.tsx";
import { counted } from "../format.ts";
import { describeError } from "../queries.ts";
import { isPaletteKey } from "../shortcuts.ts";
import { useActiveIncidents, useCommands } from "./commands.ts";
import { isMeant, matches, type Option } from "./option.ts";
import { useResults } from "./results.ts";

/**
 * The options for a text: commands whose words begin with the text, then the results of the server, then other commands that contain the
 * text. Without a text: the active incidents, then every command.
 */
function useOptions(text: string, onShortcuts: () => void) {
  const commands = useCommands(onShortcuts);
  const active = useActiveIncidents();
  const { results, isPending, error } = useResults(text);
  const meant = commands.filter((command) => isMeant(command, text));
  const others = commands.filter((command) => !meant.includes(command) && matches(command, text));
  const groups = [...Map.groupBy([...text ? [] : active, ...meant, ...results, ...others], ({ group }) => group)];
  // The commands that a person most likely means are first, so that they keep their place when results arrive.
  return { groups, options: groups.flatMap(([, members]) => members), isUndecided: isPending && meant.length === 0, isPending, error };
}

/** A search field with a list of objects, views and commands, as a combobox of WAI-ARIA in a modal dialog. */
export default function Palette({ onClose, onShortcuts }: { onClose: () => void; onShortcuts: () => void }) {
  const dialog = useModal();
  const list = useId();
  const [typed, setTyped] = useState("");
  const [chosenId, setChosenId] = useState<string | null>(null);
  // Enter before the results arrive opens the first result when it arrives.
  const [isEager, setEager] = useState(false);
  const text = typed.trim();
  const { groups, options, isUndecided, isPending, error } = useOptions(text, onShortcuts);
  const active = options.find(({ id }) => id === chosenId) ?? options[0];

  const choose = (option: Option) => {
    onClose();
    option.choose();
  };
  useEffect(() => {
    if (!isEager || isUndecided) return;
    setEager(false);
    if (active) choose(active);
  }, [isEager, isUndecided]);
  const move = (to: number) => setChosenId(options[(to + options.length) % options.length]?.id ?? null);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const at = active ? options.indexOf(active) : -1;
    const moves: Record<string, () => void> = {
      ArrowDown: () => move(at + 1),
      ArrowUp: () => move(at - 1),
      Home: () => move(0),
      End: () => move(-1),
      Enter: () => isUndecided ? setEager(true) : active && choose(active),
    };
    // With a text, Home and End move the caret.
    const act = isPaletteKey(event) ? onClose : text && ["Home", "End"].includes(event.key) ? undefined : moves[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Search and commands"
      onClose={onClose}
      onKeyDown={onKeyDown}
      onClick={(event) => event.target === event.currentTarget && onClose()}
    >
      <div class="palette-field">
        <Search aria-hidden="true" />
        <input
          type="text"
          role="combobox"
          aria-label="Search"
          aria-expanded="true"
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={active && `${list}-${active.id}`}
          placeholder="Search, or run a command …"
          autocomplete="off"
          spellcheck={false}
          maxLength={100}
          value={typed}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            setChosenId(null);
            setEager(false);
          }}
        />
        <button type="button" class="plain" onClick={onClose}>
          <span class="unseen">Close:</span> <Keys of={["Esc"]} />
        </button>
      </div>
      <ul id={list} role="listbox" aria-label="Results" aria-busy={isPending}>
        {groups.map(([name, members]) => (
          <li key={name} role="presentation">
            <ul role="group" aria-label={name}>
              <li role="presentation" class="palette-group">{name}</li>
              {members.map((option) => (
                <Line
                  key={option.id}
                  option={option}
                  id={`${list}-${option.id}`}
                  isActive={option === active}
                  onPoint={() => setChosenId(option.id)}
                  onChoose={() => choose(option)}
                />
              ))}
            </ul>
          </li>
        ))}
      </ul>
      {options.length === 0 && !isPending && !error && <p class="palette-note">Nothing matches “{text}”.</p>}
      {options.length === 0 && isPending && <p class="palette-note">Searching …</p>}
      {error && <p class="palette-note bad" role="alert">The search failed: {describeError(error).message}</p>}
      <div class="palette-foot">
        <span>
          <Keys of={["↑", "↓"]} /> move
        </span>
        <span>
          <Keys of={["↵"]} /> open
        </span>
        <span>Names, numbers, causes, and the first four digits of an id</span>
      </div>
      {/* While the dialog is open, the live region of the page is inert. */}
      <p class="unseen" role="status">{text && !isPending && counted(options.length, "result")}</p>
    </dialog>
  );
}

function Line({ option, id, isActive, onPoint, onChoose }: {
  option: Option;
  id: string;
  isActive: boolean;
  onPoint: () => void;
  onChoose: () => void;
}) {
  const { icon: Icon, title, detail, status, at, keys } = option;
  const line = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isActive) line.current?.scrollIntoView({ block: "nearest" });
  }, [isActive]);
  return (
    <li ref={line} id={id} role="option" aria-selected={isActive} onPointerMove={onPoint} onClick={onChoose}>
      <Icon aria-hidden="true" />
      <span class="palette-title">{title}</span>
      {detail && <span class="palette-detail">{detail}</span>}
      {(status || at || keys) && (
        <span class="palette-end">
          {status && <Status of={status} />}
          {at && <Moment at={at} />}
          {keys && <Keys of={keys} />}
        </span>
      )}
    </li>
  );
}
