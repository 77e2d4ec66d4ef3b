import type { Database } from "./database.ts";
import type { State } from "./state.ts";

/** Stores in Vault the address and the key for the calls of the database. */
export async function fillVault(database: Database, secrets: Record<string, string>): Promise<void> {
  for (const [name, secret] of Object.entries(secrets)) {
    const [known] = await database.query<{ id: string }>("select id from vault.secrets where name = $1", [name]);
    if (known) await database.query("select vault.update_secret($1, $2)", [known.id, secret]);
    else await database.query("select vault.create_secret($1, $2)", [secret, name]);
  }
}

/** Creates the missing accounts with their roles; an existing account is not changed, because an admin can have changed it. */
export async function createAccounts(
  supabase: (request: Request) => Promise<Response>,
  base: string,
  { accounts, keys }: State,
): Promise<void> {
  for (const { email, password, role } of accounts) {
    const response = await supabase(
      new Request(`${base}/auth/v1/admin/users`, {
        method: "POST",
        headers: { "content-type": "application/json", apikey: keys.secret },
        body: JSON.stringify({ email, password, email_confirm: true, app_metadata: { role } }),
      }),
    );
    const answer = await response.json();
    if (!response.ok && answer.error_code !== "email_exists") {
      throw new Error(`the account ${email} could not be created: ${JSON.stringify(answer)}`);
    }
  }
}
