import type { GoTrueClient } from "@supabase/auth-js";
import { useEffect, useState } from "preact/hooks";
import { TextField } from "../components/fields.tsx";
import type { User } from "../session.ts";

export function SignIn(
  { auth, hasEnded }: { auth: GoTrueClient; hasEnded: boolean },
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
    // A status means that the server refused; without one it was not reached.
    setError(
      !error ? "" : error.status ? "Email or password are not right." : "The server cannot be reached.",
    );
    setBusy(false);
  };
  return (
    <main class="narrow">
      <h1>Beach volleyball sync</h1>
      {hasEnded && !error && (
        <p role="status">
          Your session has ended. Sign in again to go on where you were.
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
        {user.email} is signed in, but nobody gave this account a role. An administrator of the project sets it; then sign in again.
      </p>
      <button type="button" onClick={onSignOut}>Sign out</button>
    </main>
  );
}
