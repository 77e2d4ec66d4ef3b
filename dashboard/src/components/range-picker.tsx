import { CalendarRange } from "lucide-preact";
import * as popover from "@zag-js/popover";
import { normalizeProps, useMachine } from "@zag-js/preact";
import { useId, useState } from "preact/hooks";
import { TextField } from "./fields.tsx";
import { Portal } from "./portal.tsx";

/** A time as the value of a `datetime-local` control, in the browser's time zone. */
const localOf = (seconds: number): string => {
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

/** A button that opens the choice of a start and an end, in seconds since the epoch. */
export function RangePicker({ range: [from, until], label, onChoose }: {
  range: [from: number, until: number];
  label: string;
  onChoose: (from: number, until: number) => void;
}) {
  const service = useMachine(popover.machine, { id: useId(), positioning: { placement: "bottom-start" }, autoFocus: true });
  const api = popover.connect(service, normalizeProps);
  return (
    <>
      <button {...api.getTriggerProps()}>
        <CalendarRange aria-hidden="true" /> {label}
      </button>
      {api.open && (
        <Portal>
          <div {...api.getPositionerProps()}>
            <div {...api.getContentProps()} class="menu popover stack">
              <h2 {...api.getTitleProps()}>From – to</h2>
              <RangeForm
                from={localOf(from)}
                until={localOf(until)}
                onChoose={(from, until) => {
                  onChoose(from, until);
                  api.setOpen(false);
                }}
              />
            </div>
          </div>
        </Portal>
      )}
    </>
  );
}

function RangeForm({ onChoose, ...initial }: { from: string; until: string; onChoose: (from: number, until: number) => void }) {
  const [from, setFrom] = useState(initial.from);
  const [until, setUntil] = useState(initial.until);
  const [error, setError] = useState("");
  return (
    <form
      class="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const [start = NaN, end = NaN] = [from, until].map((text) => Date.parse(text) / 1000);
        if (Number.isNaN(start) || Number.isNaN(end)) setError("Enter a date and a time in both fields.");
        else if (start >= end) setError("The start must be before the end.");
        else if (start * 1000 > Date.now()) setError("The start must be in the past.");
        else onChoose(start, end);
      }}
    >
      <TextField label="From" type="datetime-local" value={from} onChange={setFrom} />
      <TextField label="To" type="datetime-local" value={until} onChange={setUntil} error={error || undefined} />
      <button type="submit">Show</button>
    </form>
  );
}
