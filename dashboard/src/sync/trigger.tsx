import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ManualSyncResponse, PRIORITIES } from "../../../types/jobs.ts";
import { go, useFilters } from "../address.ts";
import { ConfirmDialog } from "../components/confirm.tsx";
import { CheckField, LongTextField, SelectField } from "../components/fields.tsx";
import { Form } from "../components/form.tsx";
import { TournamentField } from "../components/tournament-field.tsx";
import { duration } from "../format.ts";
import { useNames } from "../names.ts";
import { useOverview } from "../overview.ts";
import { useAct } from "../queries.ts";
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
  // A repetition after a lost response has the same key, so it creates no second job.
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
  // The page opens the job after the render in which the form has no unsaved changes.
  useEffect(() => {
    if (act.data) go(`/jobs/${act.data.sync_job_id}`);
  }, [act.data]);
  const nameOf = useNames();
  const [isAsking, setAsking] = useState(false);
  // An EMERGENCY full run delays every other job by its duration.
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
        acts={
          <span class="muted">
            <Effect type={fields.entity_type} tournament={fields.tournament_no.trim()} />
          </span>
        }
      >
        <SelectField
          name="entity_type"
          label="Sync"
          value={fields.entity_type}
          options={types.map((type) => [type, nameOf(type)] as const)}
          onChange={set("entity_type")}
        />
        <SelectField
          name="priority"
          label="Priority"
          value={fields.priority}
          options={PRIORITIES.map((name) => [name, PRIORITY_LABELS[name]] as const)}
          onChange={set("priority")}
        />
        <TournamentField
          label="Tournament (optional)"
          value={fields.tournament_no}
          help="Part of its name, or its number; empty starts a full run."
          onChange={set("tournament_no")}
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
            help="Writes a reply that removes, blanks or moves many rows at once. Without this option such a reply waits for a second look."
            value={isConfirmed}
            onChange={(value) => {
              setConfirmed(value);
              setKey(crypto.randomUUID());
            }}
          />
        </div>
      </Form>
      <aside class="stack two">
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
          It starts before every other job and syncs all due tournaments.
        </ConfirmDialog>
      )}
    </div>
  );
}

/** The run that the form starts, in words. */
function Effect({ type, tournament }: { type: string; tournament: string }) {
  const nameOf = useNames();
  const usual = useOverview().data?.sync_entities[type]?.average_duration_ms ?? null;
  if (tournament) return <>A run of one tournament, {nameOf(type)}.</>;
  return <>A full run of {nameOf(type)}{usual !== null && `, which usually takes ${duration(usual)}`}.</>;
}
