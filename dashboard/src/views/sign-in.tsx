import type { GoTrueClient } from "@supabase/auth-js";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { authReason } from "../auth-words.ts";
import { TextField } from "../components/fields.tsx";
import { PasswordForm } from "../components/password.tsx";
import type { Config } from "../config.ts";
import { listProviders, pageAddress, signInWith } from "../providers.ts";
import type { User } from "../session.ts";

function Frame({ title, children }: { title: string; children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Beach volleyball sync`;
  }, [title]);
  return <main class="narrow">{children}</main>;
}

/** A form that signs in, or requests a link for a new password; `problem` is the reason why a link failed. */
export function SignIn({ auth, config, hasExpired, problem }: {
  auth: GoTrueClient;
  config: Config;
  hasExpired: boolean;
  problem: string;
}) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState(problem);
  const [isBusy, setBusy] = useState(false);
  const [hasForgotten, setForgotten] = useState(false);
  const [providers, setProviders] = useState<{ id: string; name: string }[]>([]);
  useEffect(() => {
    void listProviders(config).then(setProviders);
  }, []);
  const run = async (request: () => Promise<unknown>) => {
    setBusy(true);
    const error = await request();
    setError(error ? authReason(error) : "");
    setBusy(false);
  };
  if (hasForgotten) {
    return <Forgotten auth={auth} email={email} onEmail={setEmail} onBack={() => setForgotten(false)} />;
  }
  return (
    <Frame title="Sign in">
      <h1>Beach volleyball sync</h1>
      {hasExpired && !error && (
        <p role="status">
          Your session has expired. Sign in again to continue in the same view.
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void run(async () => (await auth.signInWithPassword({ email, password })).error);
        }}
      >
        <EmailField value={email} onChange={setEmail} />
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
      {providers.map(({ id, name }) => (
        <button
          key={id}
          type="button"
          disabled={isBusy}
          onClick={() => void run(() => signInWith(auth, id))}
        >
          Sign in with {name}
        </button>
      ))}
      <button type="button" onClick={() => setForgotten(true)}>
        I forgot my password
      </button>
    </Frame>
  );
}

const EmailField = (props: { value: string; onChange: (email: string) => void }) => (
  <TextField label="Email" type="email" autocomplete="username" required {...props} />
);

/** Requests the mail with a link for a new password; the answer never shows whether the account exists. */
function Forgotten({ auth, email, onEmail, onBack }: {
  auth: GoTrueClient;
  email: string;
  onEmail: (email: string) => void;
  onBack: () => void;
}) {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [isSent, setSent] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    const { error } = await auth.resetPasswordForEmail(email, { redirectTo: pageAddress() });
    // Auth limits the mails to one address only when the account exists, so the limit is not shown.
    const isHidden = error?.code === "over_email_send_rate_limit";
    setError(error && !isHidden ? authReason(error) : "");
    setSent(!error || isHidden);
    setBusy(false);
  };
  return (
    <Frame title="New password">
      <h1>New password</h1>
      {isSent
        ? (
          <p role="status">
            If there is an account with the email{" "}
            {email}, a mail with a link is on its way to it. You can ask for another one after a minute.
          </p>
        )
        : (
          <form onSubmit={(event) => void submit(event)}>
            <EmailField value={email} onChange={onEmail} />
            {error && <p class="refusal" role="alert">{error}</p>}
            <button type="submit" aria-busy={isBusy} disabled={isBusy}>
              Send me a link
            </button>
          </form>
        )}
      <button type="button" onClick={onBack}>Back to the sign-in</button>
    </Frame>
  );
}

/** The form for a password after the link of an invitation or of a forgotten password. */
export function ChoosePassword({ auth, user, onDone }: { auth: GoTrueClient; user: User; onDone: () => void }) {
  return (
    <Frame title="Choose a password">
      <h1>Choose a password</h1>
      <p>You are signed in as {user.email}.</p>
      <PasswordForm auth={auth} email={user.email} onDone={onDone} />
      <button type="button" onClick={onDone}>Not now</button>
    </Frame>
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
