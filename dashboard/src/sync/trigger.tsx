import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ManualSyncResponse, PRIORITIES } from "../../../types/jobs.ts";
import { TournamentListResponse } from "../../../types/history.ts";
import { go, useFilters } from "../address.ts";
import { ConfirmDialog } from "../components/confirm.tsx";
import { CheckField, LongTextField, SelectField, TextField } from "../components/fields.tsx";
import { Form } from "../components/form.tsx";
import { useNames } from "../names.ts";
import { pathOf, useAct, useRead } from "../queries.ts";
import { Target } from "./target.tsx";

const PRIORITY_LABELS = {
  NORMAL: "Normal",
  HIGH: "High: before normal jobs",
  EMERGENCY: "Emergency: before all jobs, with its own slot",
} as const;

/** The form that starts a sync, beside the state of the chosen sync and the queue. */
export function Trigger({ types, children }: { types: string[]; children: ComponentChildren }) {
  const [preset] = useFilters(["entity", "tournament"]);
  const [initial] = useState({
    entity_type: preset.entity || types[0] || "",
    tournament_no: preset.tournament,
    priority: "NORMAL",
    reason: "",
  });
  const [fields, setFields] = useState(initial);
  const [isConfirmed, setConfirmed] = useState(false);
  // A request that is repeated after a lost response has the same key and creates no second job.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const act = useAct(
    () => ({
      method: "POST",
      path: "sync-admin/manual-trigger",
      key,
      body: {
        ...fields,
        tournament_no: fields.tournament_no.trim() || undefined,
        confirm_removal: isConfirmed || undefined,
      },
    }),
    ManualSyncResponse,
  );
  // The form is left once it has no unsaved changes.
  useEffect(() => {
    if (act.data) go(`/jobs/${act.data.sync_job_id}`);
  }, [act.data]);
  const nameOf = useNames();
  const [isAsking, setAsking] = useState(false);
  // It delays every other job for the length of a full run.
  const needsQuestion = fields.priority === "EMERGENCY" && fields.tournament_no.trim() === "";
  const set = (name: keyof typeof fields) => (value: string) => {
    setFields((before) => ({ ...before, [name]: value }));
    setKey(crypto.randomUUID());
  };
  return (
    <div class="split">
      <Form
        class="columns"
        // The dialog shows its own refusal.
        of={isAsking ? { ...act, error: null } : act}
        isChanged={isConfirmed || JSON.stringify(fields) !== JSON.stringify(initial)}
        onSubmit={() => needsQuestion ? setAsking(true) : act.mutate()}
        submit="Start the sync"
      >
        <SelectField
          name="entity_type"
          label="Sync"
          value={fields.entity_type}
          options={types.map((type) => [type, nameOf(type)] as const)}
          onChange={set("entity_type")}
        />
        <TournamentField value={fields.tournament_no} onChange={set("tournament_no")} />
        <SelectField
          name="priority"
          label="Priority"
          value={fields.priority}
          options={PRIORITIES.map((name) => [name, PRIORITY_LABELS[name]] as const)}
          onChange={set("priority")}
        />
        <LongTextField
          name="reason"
          label="Reason"
          help="At least 3 characters; it is written to the audit log."
          required
          value={fields.reason}
          onChange={set("reason")}
        />
        <div class={`wide option${isConfirmed ? " on" : ""}`}>
          <CheckField
            label="Confirm a removal"
            help="Writes a reply that removes, blanks or moves many rows at once. Without it such a reply waits for a second look."
            value={isConfirmed}
            onChange={(value) => {
              setConfirmed(value);
              setKey(crypto.randomUUID());
            }}
          />
        </div>
      </Form>
      <aside class="stack">
        <Target type={fields.entity_type} />
        {children}
      </aside>
      {isAsking && (
        <ConfirmDialog
          title={`Start an emergency run of everything in ${nameOf(fields.entity_type)}?`}
          confirm="Start the emergency run"
          act={act}
          onConfirm={() => act.mutate()}
          onClose={() => setAsking(false)}
        >
          It starts before every other job and syncs everything that is due.
        </ConfirmDialog>
      )}
    </div>
  );
}

/** A tournament number, with suggestions by name. */
function TournamentField(
  { value, onChange }: {
    value: string;
    onChange: (value: string) => void;
  },
) {
  const found = useRead(
    pathOf("sync-monitoring/tournaments", { search: value.trim(), limit: 20 }),
    TournamentListResponse,
    {
      isEnabled: value.trim().length > 1,
      every: 60_000,
    },
  );
  return (
    <>
      <TextField
        name="tournament_no"
        label="Tournament"
        help="A number, or part of a name to search for; empty starts a full run."
        list="tournaments-found"
        autocomplete="off"
        value={value}
        onChange={onChange}
      />
      <datalist id="tournaments-found">
        {found.data?.tournaments.map(({ no, name, season }) => <option key={no} value={no}>{`${name ?? ""} ${season ?? ""}`}</option>)}
      </datalist>
    </>
  );
}
