import type { GoTrueClient, Provider } from "@supabase/auth-js";
import { z } from "zod";
import type { Config } from "./config.ts";
import { title } from "./format.ts";

const Settings = z.object({ external: z.record(z.string(), z.unknown()) });
/** The entries in the list of Auth that are no providers. */
const OTHERS = ["email", "phone", "anonymous_users"];
const NAMES: Record<string, string> = {
  azure: "Microsoft",
  github: "GitHub",
  gitlab: "GitLab",
  linkedin_oidc: "LinkedIn",
  slack_oidc: "Slack",
  workos: "WorkOS",
};

/** The enabled providers of the project; none when Auth does not answer. */
export async function listProviders({ url, publishable_key }: Config): Promise<{ id: string; name: string }[]> {
  const answer = await fetch(`${url}/auth/v1/settings`, { headers: { apikey: publishable_key } })
    .then((response) => response.json()).catch(() => null);
  const { external } = Settings.catch({ external: {} }).parse(answer);
  return Object.entries(external).filter(([id, isOn]) => isOn === true && !OTHERS.includes(id))
    .map(([id]) => ({ id, name: NAMES[id] ?? title(id) }));
}

/** The address of this page, to which a mail or a provider returns. */
export const pageAddress = (): string => location.origin + location.pathname;

/** Opens the sign-in of a provider, which returns to the page. */
export async function signInWith(auth: GoTrueClient, provider: string): Promise<Error | null> {
  const { error } = await auth.signInWithOAuth({ provider: provider as Provider, options: { redirectTo: pageAddress() } });
  return error;
}
