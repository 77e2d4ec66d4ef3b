import { useState } from "preact/hooks";
import { RetentionResponse, type RetentionSetting } from "../../../types/admin.ts";
import { title } from "../format.ts";
import { UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { Dialog } from "./dialog.tsx";
import { TextField } from "./fields.tsx";
import { Form } from "./form.tsx";
import { Section } from "./page.tsx";
import { Reading } from "./states.tsx";
import { Table } from "./table.tsx";

/** A kind of data in words; `audit` is the table of the syncs that a person started. */
const nameOf = (subject: string): string => subject === "audit" ? "Syncs started by hand" : title(subject);

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
              { name: "Data", isHead: true, cell: ({ subject }) => nameOf(subject) },
              { name: "Kept for", cell: ({ keep }) => keep },
              { name: "At least", cell: ({ shortest }) => shortest },
              ...can("admin")
                ? [{
                  name: "Change",
                  head: <span class="unseen">Change</span>,
                  isNumber: true,
                  card: "end" as const,
                  cell: (setting: RetentionSetting) => <Change setting={setting} />,
                }]
                : [],
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
        class="plain"
        aria-label={`Change ${nameOf(subject)}`}
        onClick={() => {
          act.reset();
          setKeep(stored);
          setOpen(true);
        }}
      >
        Change
      </button>
      {isOpen && (
        <Dialog title={`Keep ${nameOf(subject)}`} onClose={() => setOpen(false)}>
          <Form of={act} isChanged={keep !== stored} onSubmit={() => keep === stored ? setOpen(false) : act.mutate()} submit="Save">
            <TextField
              name="keep"
              label="Keep for"
              help={`At least ${shortest}. Older data is deleted daily, for good.`}
              required
              value={keep}
              onChange={setKeep}
            />
          </Form>
        </Dialog>
      )}
    </>
  );
}
