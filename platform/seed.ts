import type { Database } from "./database.ts";
import type { Account, State } from "./state.ts";

/** Stores the address and the key that the calls of the database read. */
export async function fillVault(database: Database, secrets: Record<string, string>): Promise<void> {
  for (const [name, secret] of Object.entries(secrets)) {
    const [known] = await database.query<{ id: string }>("select id from vault.secrets where name = $1", [name]);
    if (known) await database.query("select vault.update_secret($1, $2)", [known.id, secret]);
    else await database.query("select vault.create_secret($1, $2)", [secret, name]);
  }
}

/** Creates the missing accounts and sets their roles in the app metadata, which only the service can write. */
export async function createAccounts(
  database: Database,
  supabase: (request: Request) => Promise<Response>,
  base: string,
  { accounts, keys }: State,
): Promise<void> {
  for (const account of accounts) {
    const [known] = await database.query("select 1 from auth.users where email = $1", [account.email]);
    if (!known) await signUp(supabase, base, keys.publishable, account);
    await database.query(
      `update auth.users set email_confirmed_at = coalesce(email_confirmed_at, now()),
        raw_app_meta_data = coalesce(raw_app_meta_data::jsonb, '{}') || jsonb_build_object('role', $2::text)
      where email = $1`,
      [account.email, account.role],
    );
  }
}

async function signUp(supabase: (request: Request) => Promise<Response>, base: string, apikey: string, { email, password }: Account) {
  const response = await supabase(
    new Request(`${base}/auth/v1/signup`, {
      method: "POST",
      headers: { "content-type": "application/json", apikey },
      body: JSON.stringify({ email, password }),
    }),
  );
  if (!response.ok) throw new Error(`the account ${email} could not be created: ${await response.text()}`);
}
