import { useState } from "preact/hooks";
import { z } from "zod";
import type { AuditEntry } from "../../../types/admin.ts";
import { Dialog } from "../components/dialog.tsx";
import { Facts } from "../components/page.tsx";
import { Portal } from "../components/portal.tsx";
import { Message, Moment } from "../components/time.tsx";
import { wordsOf } from "./actions.ts";
import { inZone, inZoneShort, title, UNKNOWN } from "../format.ts";

type Entry = z.infer<typeof AuditEntry>;
const Fields = z.record(z.string(), z.unknown()).catch({});

export const actionOf = ({ action }: Entry): string => wordsOf(action);

const textOf = (value: unknown): string =>
  value === undefined || value === null ? UNKNOWN : typeof value === "string" ? value : JSON.stringify(value, null, 1);

/** The fields that the action changed, with their values before and after. */
function Changes({ entry: { before, after } }: { entry: Entry }) {
  const was = Fields.parse(before), is = Fields.parse(after);
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((name) => textOf(was[name]) !== textOf(is[name]));
  if (!names.length) return <p class="muted">No field changed.</p>;
  return (
    <div class="scroll" role="region" aria-label="Changed fields" tabIndex={0}>
      <table class="changes">
        <thead>
          <tr>
            <th scope="col">Field</th>
            {before !== null && <th scope="col">Before</th>}
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <tr key={name}>
              <th scope="row">{title(name)}</th>
              {before !== null && (
                <td>
                  <Message of={textOf(was[name])} />
                </td>
              )}
              <td>
                <Message of={textOf(is[name])} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Opens the fields of an entry that the table does not show; a field that the caller can choose is marked as a claim. */
export function Details({ entry }: { entry: Entry }) {
  const [isOpen, setOpen] = useState(false);
  const { at, recorded_at, actor, actor_role, reason, request_id, correlation_id, address, address_is_claimed } = entry;
  const facts: [string, string | null][] = [
    ["Actor", `${actor}, ${actor_role}`],
    ["Object", `${entry.object_type} ${entry.object_id}`],
    ["Reason", reason],
    ["Recorded by the database", inZone(recorded_at) === inZone(at) ? null : inZone(recorded_at)],
    ["Request", request_id],
    ["Claimed correlation id", correlation_id],
    [address_is_claimed ? "Claimed address" : "Address", address],
  ];
  return (
    <>
      <button
        type="button"
        class="plain"
        aria-label={`Details of ${actionOf(entry)}, ${inZoneShort(entry.at, { hasSeconds: true })}`}
        onClick={() => setOpen(true)}
      >
        Details
      </button>
      {isOpen && (
        // The portal keeps the styles of the cell away from the dialog.
        <Portal>
          <Dialog title={actionOf(entry)} onClose={() => setOpen(false)}>
            <Facts
              class="pairs"
              of={[
                ["Time", <Moment at={entry.at} hasSeconds />],
                ...facts.filter(([, value]) => value !== null),
              ]}
            />
            <Changes entry={entry} />
          </Dialog>
        </Portal>
      )}
    </>
  );
}
