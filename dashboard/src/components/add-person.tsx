import { useState } from "preact/hooks";
import { Person, type Role, ROLES } from "../../../types/people.ts";
import { useAct } from "../queries.ts";
import { Dialog } from "./dialog.tsx";
import { CheckField, LongTextField, SelectField, TextField } from "./fields.tsx";
import { Form } from "./form.tsx";

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
  const isChanged = fields.email !== "" || fields.password !== "" || fields.reason !== "";
  return (
    <Dialog title="Add a person" onClose={onClose}>
      <Form of={act} isChanged={isChanged} onSubmit={() => act.mutate()} submit={fields.hasPassword ? "Create" : "Invite"}>
        <TextField
          name="email"
          label="Email"
          type="email"
          autocomplete="off"
          required
          value={fields.email}
          onChange={set("email")}
        />
        <SelectField name="role" label="Role" value={fields.role} options={ROLE_OPTIONS} onChange={set("role")} />
        <CheckField
          label="Create with a password"
          help="Otherwise the person gets an invitation by email and chooses a password."
          value={fields.hasPassword}
          onChange={set("hasPassword")}
        />
        {fields.hasPassword && (
          <TextField
            name="password"
            label="Password"
            type="password"
            autocomplete="new-password"
            help="8 to 72 characters. The person should change it after signing in."
            required
            value={fields.password}
            onChange={set("password")}
          />
        )}
        <LongTextField
          name="reason"
          label="Reason (optional)"
          help="It is written to the audit log."
          value={fields.reason}
          onChange={set("reason")}
        />
      </Form>
    </Dialog>
  );
}
