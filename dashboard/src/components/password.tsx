import type { GoTrueClient } from "@supabase/auth-js";
import { useState } from "preact/hooks";
import { authReason } from "../auth-words.ts";
import { TextField } from "./fields.tsx";

/** Sets the password of the signed-in user. */
export function PasswordForm({ auth, email, onDone }: { auth: GoTrueClient; email: string; onDone: () => void }) {
  const [password, setPassword] = useState("");
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    const { error } = await auth.updateUser({ password });
    setBusy(false);
    if (error) setError(error.code === "weak_password" ? error.message : authReason(error));
    else onDone();
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      {/* A password manager stores the password with this name. */}
      <input type="email" autocomplete="username" value={email} readOnly hidden />
      <TextField
        label="New password"
        help="8 to 72 characters."
        type="password"
        autocomplete="new-password"
        minLength={8}
        maxLength={72}
        required
        value={password}
        error={error}
        onChange={setPassword}
      />
      <button type="submit" aria-busy={isBusy} disabled={isBusy}>Set the password</button>
    </form>
  );
}
