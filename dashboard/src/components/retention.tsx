import { useState } from "preact/hooks";
import { RetentionResponse, type RetentionSetting } from "../../../types/admin.ts";
import { title } from "../format.ts";
import { describeError, UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { Dialog } from "./dialog.tsx";
import { TextField } from "./fields.tsx";
import { Section } from "./page.tsx";
import { Reading, Refusal } from "./states.tsx";
import { Table } from "./table.tsx";

/** How long each kind of data is kept; an admin changes it. */
export function Retention() {
  const { can } = useUser();
  const retention = useRead("sync-admin/retention", RetentionResponse, { every: 60_000 });
  return (
    <Section title="Retention">
      <Reading of={retention}>
        {({ settings }) => (
          <Table
            caption="How long each kind of data is kept"
            rows={settings}
            keyOf={({ subject }) => subject}
            columns={[
              { name: "Data", isHead: true, cell: ({ subject }) => title(subject) },
              { name: "Kept for", cell: ({ keep }) => keep },
              { name: "At least", cell: ({ shortest }) => shortest },
              ...can("admin") ? [{ name: "Change", cell: (setting: RetentionSetting) => <Change setting={setting} /> }] : [],
            ]}
          />
        )}
      </Reading>
    </Section>
  );
}

function Change({ setting: { subject, keep: stored, shortest } }: { setting: RetentionSetting }) {
  const [isOpen, setOpen] = useState(false);
  const [keep, setKeep] = useState(stored);
  const act = useAct(
    () => ({ method: "PATCH", path: `sync-admin/retention/${subject}`, body: { keep } }),
    UnusedResponse,
    () => setOpen(false),
  );
  return (
    <>
      <button
        type="button"
        aria-label={`Change ${title(subject)}`}
        onClick={() => {
          setKeep(stored);
          setOpen(true);
        }}
      >
        Change
      </button>
      {isOpen && (
        <Dialog title={`Keep ${title(subject)}`} onClose={() => setOpen(false)}>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              act.mutate();
            }}
          >
            <TextField
              label="Keep for"
              help={`At least ${shortest}. Older data is deleted daily, for good.`}
              required
              value={keep}
              error={describeError(act.error).fields.keep}
              onChange={setKeep}
            />
            <Refusal error={act.error} />
            <button type="submit" aria-busy={act.isPending} disabled={act.isPending}>
              Save
            </button>
          </form>
        </Dialog>
      )}
    </>
  );
}
