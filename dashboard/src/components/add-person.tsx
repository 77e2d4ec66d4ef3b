import { useState } from "preact/hooks";
import { Person, type Role, ROLES } from "../../../types/people.ts";
import { describeError, useAct } from "../queries.ts";
import { Dialog } from "./dialog.tsx";
import { CheckField, LongTextField, SelectField, TextField } from "./fields.tsx";
import { Refusal } from "./states.tsx";

export const NO_ROLE = "none";
/** The roles as the options of a select. */
export const ROLE_OPTIONS = [[NO_ROLE, "no role"], ...ROLES.map((role) => [role, role] as const)] as const;
export const roleOf = (option: string): Role | null => ROLES.find((role) => role === option) ?? null;

/** A dialog that invites a person, or creates one with a password. */
export function AddPerson({ onClose, onDone }: { onClose: () => void; onDone: (person: Person) => void }) {
  const [fields, setFields] = useState({ email: "", role: "viewer", hasPassword: false, password: "", reason: "" });
  const set = <K extends keyof typeof fields>(name: K) => (value: typeof fields[K]) =>
    setFields((before) => ({ ...before, [name]: value }));
  const act = useAct(
    () => ({
      method: "POST",
      path: "sync-admin/people",
      body: {
        email: fields.email,
        role: roleOf(fields.role),
        ...fields.hasPassword ? { password: fields.password } : {},
        ...fields.reason ? { reason: fields.reason } : {},
      },
    }),
    Person,
    onDone,
  );
  const { fields: wrong } = describeError(act.error);
  const isOfField = Object.keys(wrong).length > 0;
  return (
    <Dialog title="Add a person" onClose={onClose}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          act.mutate();
        }}
      >
        <TextField
          label="Email"
          type="email"
          autocomplete="off"
          required
          value={fields.email}
          error={wrong.email}
          onChange={set("email")}
        />
        <SelectField label="Role" value={fields.role} options={ROLE_OPTIONS} error={wrong.role} onChange={set("role")} />
        <CheckField
          label="Create with a password"
          help="Otherwise the person gets an invitation by email and chooses a password."
          value={fields.hasPassword}
          onChange={set("hasPassword")}
        />
        {fields.hasPassword && (
          <TextField
            label="Password"
            type="password"
            autocomplete="new-password"
            help="At least 8 characters. The person should change it after signing in."
            required
            value={fields.password}
            error={wrong.password}
            onChange={set("password")}
          />
        )}
        <LongTextField
          label="Reason (optional)"
          help="Stored in the audit log."
          value={fields.reason}
          error={wrong.reason}
          onChange={set("reason")}
        />
        {!isOfField && <Refusal error={act.error} />}
        <button type="submit" aria-busy={act.isPending} disabled={act.isPending}>{fields.hasPassword ? "Create" : "Invite"}</button>
      </form>
    </Dialog>
  );
}
