import { useId, useState } from "preact/hooks";
import { TournamentListResponse } from "../../../types/history.ts";
import { pathOf, useRead } from "../queries.ts";
import { useSettled } from "../settled.ts";
import { TextField } from "./fields.tsx";
import { TournamentName } from "./tournament-links.tsx";

const TYPING_MS = 150, SHORTEST = 2, SHOWN = 8;

/** The tournaments whose name contains a text, or whose number is the text. */
function useTournaments(text: string) {
  const settled = useSettled(text, TYPING_MS);
  const isEnabled = settled.length >= SHORTEST;
  const { data, isPlaceholderData } = useRead(
    pathOf("sync-monitoring/tournaments", { search: settled, limit: SHOWN }),
    TournamentListResponse,
    { isEnabled, every: 60_000 },
  );
  const isKnown = isEnabled && settled === text && data !== undefined && !isPlaceholderData;
  return { found: isKnown ? data.tournaments : [], isKnown };
}

/** A field for the number of a tournament that also searches by name, as a combobox of WAI-ARIA. */
export function TournamentField({ label, value, onChange, help }: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  help: string;
}) {
  const list = useId();
  const [isOpen, setOpen] = useState(false);
  const [place, setPlace] = useState(-1);
  const text = value.trim();
  const { found, isKnown } = useTournaments(text);
  const chosen = found.find(({ no }) => no === text);
  const options = isOpen && !chosen ? found : [];
  const active = options[place];
  const choose = (no: string) => {
    onChange(no);
    setOpen(false);
    setPlace(-1);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing || options.length === 0) return;
    if (event.key === "ArrowDown") setPlace((place + 1) % options.length);
    else if (event.key === "ArrowUp") setPlace((place <= 0 ? options.length : place) - 1);
    else if (event.key === "Enter" && active) choose(active.no);
    else if (event.key === "Escape") setOpen(false);
    else return;
    event.preventDefault();
  };
  const isNumber = /^\d*$/.test(text);
  return (
    <div class="combobox">
      <TextField
        name="tournament_no"
        label={label}
        help={chosen ? undefined : isKnown && found.length === 0 && !isNumber ? "No tournament has a name with this text." : help}
        role="combobox"
        aria-expanded={options.length > 0}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={active && `${list}-${active.no}`}
        placeholder="Name or number"
        autocomplete="off"
        value={value}
        onChange={(value) => {
          onChange(value);
          setOpen(true);
          setPlace(-1);
        }}
        onKeyDown={onKeyDown}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
      />
      {chosen && (
        <p class="chosen">
          <TournamentName of={chosen} />
        </p>
      )}
      <ul id={list} role="listbox" aria-label="Found by name" hidden={options.length === 0}>
        {options.map((tournament) => (
          <li
            key={tournament.no}
            id={`${list}-${tournament.no}`}
            role="option"
            aria-selected={tournament === active}
            // Preventing the default keeps the focus in the field.
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose(tournament.no)}
          >
            <TournamentName of={tournament} />
          </li>
        ))}
      </ul>
    </div>
  );
}
