import { Pencil } from "lucide-preact";
import { useState } from "preact/hooks";
import { RetentionResponse, type RetentionSetting } from "../../../types/admin.ts";
import { counted, title } from "../format.ts";
import { UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { Dialog } from "./dialog.tsx";
import { TextField } from "./fields.tsx";
import { Form } from "./form.tsx";
import { Reading } from "./states.tsx";

/** The kinds of data with another name on the page than in the database. */
const NAMES: Record<string, string> = {
  audit: "Syncs started by hand",
  cron_details: "Runs of the cron jobs",
  entity_pauses: "Pauses of syncs",
  executions: "Runs",
  hourly_metrics: "Metrics by the hour",
  quarter_hourly_metrics: "Metrics by 15 minutes",
};
const nameOf = (subject: string): string => NAMES[subject] ?? title(subject);

/** The retention of each kind of data, which an admin can change. */
export function Retention() {
  const { can } = useUser();
  const retention = useRead("sync-admin/retention", RetentionResponse, { every: 60_000 });
  return (
    <Reading of={retention}>
      {({ settings }) => (
        <details class="card checks">
          <summary>
            <h2>Retention</h2> <span class="muted">{counted(settings.length, "kind")} of rows.</span>
          </summary>
          <ul class="lines kept" aria-label="How long each kind of data is kept">
            {settings.toSorted((a, b) => nameOf(a.subject).localeCompare(nameOf(b.subject))).map((setting) => (
              <li key={setting.subject}>
                <span>{nameOf(setting.subject)}</span> <span class="muted">{setting.keep}</span>{" "}
                {can("admin") && <Change setting={setting} />}
              </li>
            ))}
          </ul>
        </details>
      )}
    </Reading>
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
        title="Change"
        aria-label={`Change ${nameOf(subject)}`}
        onClick={() => {
          act.reset();
          setKeep(stored);
          setOpen(true);
        }}
      >
        <Pencil aria-hidden="true" />
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
