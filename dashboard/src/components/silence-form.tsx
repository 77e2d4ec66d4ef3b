import { useState } from "preact/hooks";
import { SEVERITIES } from "../../../types/sync.ts";
import { announce } from "../announce.ts";
import { title } from "../format.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";
import { UnusedResponse, useAct } from "../queries.ts";
import { inMinutes, SILENCE_LENGTHS } from "../silence.ts";
import { Dialog } from "./dialog.tsx";
import { LongTextField, SelectField, TextField } from "./fields.tsx";
import { Form } from "./form.tsx";
import { TournamentField } from "./tournament-field.tsx";

interface Preset {
  rule: string;
  entity: string;
  tournament: string;
  incident: string;
}

/** A dialog that creates a silence. */
export function SilenceForm({ preset, rules, onClose }: { preset: Preset; rules: [id: string, name: string][]; onClose: () => void }) {
  const nameOf = useNames();
  const entities = Object.keys(useOverview().data?.sync_entities ?? {});
  const [initial] = useState({
    entity_type: preset.tournament ? "" : preset.entity,
    rule_id: preset.rule,
    severity: "",
    tournament_no: preset.tournament,
    incident_id: preset.incident,
    minutes: "120",
    recurs_every: "",
    lasts: "",
    reason: "",
  });
  const [fields, setFields] = useState(initial);
  const act = useAct(
    () => {
      const { minutes, ...others } = fields;
      const filled = Object.fromEntries(Object.entries(others).filter(([, value]) => value.trim() !== ""));
      return { method: "POST", path: "sync-admin/silences", body: { ...filled, ends_at: inMinutes(minutes) } };
    },
    UnusedResponse,
    () => {
      onClose();
      announce("The silence is created.");
    },
  );
  const set = (name: keyof typeof fields) => (value: string) => setFields((before) => ({ ...before, [name]: value }));
  const bind = (name: keyof typeof fields) => ({ name, value: fields[name], onChange: set(name) });
  return (
    <Dialog title="New silence" onClose={onClose}>
      <Form
        of={act}
        isChanged={JSON.stringify(fields) !== JSON.stringify(initial)}
        onSubmit={() => act.mutate()}
        submit="Create silence"
        acts={<button type="button" onClick={onClose}>Cancel</button>}
      >
        <div class="form-grid">
          <SelectField
            label="Sync"
            options={[["", "any"], ...[...new Set([...entities, "all", "system"])].map((name) => [name, nameOf(name)] as const)]}
            {...bind("entity_type")}
          />
          <SelectField label="Rule" options={[["", "any"], ...rules]} {...bind("rule_id")} />
          <TournamentField
            label="Tournament"
            help="Part of its name, or its number; empty means every tournament."
            value={fields.tournament_no}
            onChange={set("tournament_no")}
          />
          <SelectField label="Ends in" options={SILENCE_LENGTHS} {...bind("minutes")} name="ends_at" />
          <LongTextField label="Reason" required {...bind("reason")} />
          <details class="wide" open={initial.incident_id !== ""}>
            <summary>Advanced: severity, incident and recurrence</summary>
            <div class="form-grid">
              <SelectField
                label="Severity"
                options={[["", "any"], ...SEVERITIES.map((name) => [name, title(name)] as const)]}
                {...bind("severity")}
              />
              <TextField label="Incident" help="Its id; empty means every incident." {...bind("incident_id")} />
              <TextField label="Recurs every" help="Only for a recurring silence: 1 day, 7 days." {...bind("recurs_every")} />
              <TextField label="Active for" help="Length of each recurrence, such as 1 hour." {...bind("lasts")} />
            </div>
          </details>
        </div>
      </Form>
    </Dialog>
  );
}
