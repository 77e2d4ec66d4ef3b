import type { GoTrueClient } from "@supabase/auth-js";
import { useEffect, useState } from "preact/hooks";
import { TextField } from "../components/fields.tsx";
import type { User } from "../session.ts";

export function SignIn(
  { auth, hasExpired }: { auth: GoTrueClient; hasExpired: boolean },
) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Sign in · Beach volleyball sync";
  }, []);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    const { error } = await auth.signInWithPassword({ email, password });
    // An error without a status means that the server was not reached.
    setError(
      !error ? "" : error.status ? "The email or the password is wrong." : "The server cannot be reached.",
    );
    setBusy(false);
  };
  return (
    <main class="narrow">
      <h1>Beach volleyball sync</h1>
      {hasExpired && !error && (
        <p role="status">
          Your session has expired. Sign in again to continue in the same view.
        </p>
      )}
      <form onSubmit={(event) => void submit(event)}>
        <TextField
          label="Email"
          type="email"
          autocomplete="username"
          required
          value={email}
          onChange={setEmail}
        />
        <TextField
          label="Password"
          type="password"
          autocomplete="current-password"
          required
          value={password}
          onChange={setPassword}
        />
        {error && <p class="refusal" role="alert">{error}</p>}
        <button type="submit" aria-busy={isBusy} disabled={isBusy}>
          Sign in
        </button>
      </form>
    </main>
  );
}

export function NoRole(
  { user, onSignOut }: { user: User; onSignOut: () => void },
) {
  return (
    <main class="narrow">
      <h1>No role yet</h1>
      <p>
        {user.email} is signed in, but the account has no role. Ask an administrator of the project for a role, then sign in again.
      </p>
      <button type="button" onClick={onSignOut}>Sign out</button>
    </main>
  );
}
