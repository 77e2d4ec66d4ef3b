import { useEffect, useState } from "preact/hooks";
import { type Objective, ObjectiveSettings } from "../../../types/objectives.ts";
import { go } from "../address.ts";
import { announce } from "../announce.ts";
import { Dialog } from "../components/dialog.tsx";
import { LongTextField, SelectField, TextField } from "../components/fields.tsx";
import { Form } from "../components/form.tsx";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";
import { useAct } from "../queries.ts";
import {
  type Fields,
  fieldsOf,
  INDICATOR_HELP,
  INDICATOR_OPTIONS,
  requestOf,
  TARGET_HELP,
  targetRefusal,
  WINDOW_OPTIONS,
} from "./fields.ts";

/** A dialog that creates or changes an objective. */
export function ObjectiveForm({ objective: latest, onClose }: { objective: Objective | null; onClose: () => void }) {
  // A later read of the objective must not change an edit in progress.
  const [objective] = useState(latest);
  const [fields, setFields] = useState(() => fieldsOf(objective));
  const set = (changes: Partial<Fields>) => setFields((before) => ({ ...before, ...changes }));
  const isChanged = JSON.stringify(fields) !== JSON.stringify(fieldsOf(objective));
  const path = `sync-admin/objectives${objective ? `/${objective.id}` : ""}`;
  const save = useAct(
    () => ({ method: objective ? "PATCH" : "POST", path, body: requestOf(fields, objective) }),
    ObjectiveSettings,
    ({ name }) => announce(`${name} is ${objective ? "changed" : "created"}.`),
  );
  // Before the render with the answer, the form has unsaved changes and refuses to leave its view.
  useEffect(() => {
    if (!save.data) return;
    onClose();
    if (!objective) go(`/objectives/${save.data.id}`);
  }, [save.data]);
  const bind = (name: keyof Fields) => ({ name, value: fields[name], onChange: (value: string) => set({ [name]: value }) });
  return (
    <Dialog title={objective ? `Change ${objective.name}` : "New objective"} onClose={onClose}>
      <Form
        of={save}
        isChanged={isChanged}
        // The server refuses a request without changed fields.
        onSubmit={() => objective && !isChanged ? onClose() : save.mutate()}
        submit={objective ? "Save" : "Create the objective"}
        acts={<button type="button" onClick={onClose}>Cancel</button>}
      >
        <div class="form-grid">
          <TextField label="Name" help="The name on the overview and in its alert rules." required {...bind("name")} />
          <TextField
            label="Target"
            help={TARGET_HELP}
            unit="%"
            inputMode="decimal"
            words={targetRefusal}
            required
            {...bind("target")}
          />
          {!objective && <Scope fields={fields} bind={bind} />}
          <div class="wide">
            <TextField label="Owner (optional)" help="The person or the team that is responsible for it." {...bind("owner")} />
          </div>
          <LongTextField label="Description (optional)" {...bind("description")} />
        </div>
        {objective && (
          <p class="muted">
            Its indicator, sync and window cannot change, because its past would change, too. Create another objective for these.
          </p>
        )}
      </Form>
    </Dialog>
  );
}

type Bind = (name: keyof Fields) => { name: keyof Fields; value: string; onChange: (value: string) => void };

/** The indicator and the sync of a new objective. */
function Scope({ fields, bind }: { fields: Fields; bind: Bind }) {
  const nameOf = useNames();
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  return (
    <>
      <div class="wide">
        <SelectField label="Indicator" help={INDICATOR_HELP[fields.indicator]} options={INDICATOR_OPTIONS} {...bind("indicator")} />
      </div>
      <SelectField label="Sync" options={["all", ...entities].map((name) => [name, nameOf(name)] as const)} {...bind("entity_type")} />
      <SelectField label="Window" help="The period before now whose events count." options={WINDOW_OPTIONS} {...bind("rolling_window")} />
    </>
  );
}
