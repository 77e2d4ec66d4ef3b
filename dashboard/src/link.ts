import { AuthError, type EmailOtpType, type GoTrueClient } from "@supabase/auth-js";
import { authReason } from "./auth-words.ts";

/** The data in the address after a link of a mail or the return from a provider. */
type Link =
  | { kind: "session"; access_token: string; refresh_token: string; type: string }
  | { kind: "token"; token_hash: string; type: string }
  | { kind: "refusal"; code: string; description: string };

/** The types of links after which the person must set a password. */
const NEED_PASSWORD = ["invite", "recovery"];

/** Reads a link from an address; Auth writes into the fragment, and a mail template of the project can write a token. */
function readLink({ hash, search }: { hash: string; search: string }): Link | null {
  // A fragment that begins with a slash is the address of a view.
  const fragment = new URLSearchParams(hash.startsWith("#/") ? "" : hash.slice(1)), query = new URLSearchParams(search);
  const either = (name: string): string => fragment.get(name) ?? query.get(name) ?? "";
  const type = either("type"), access_token = fragment.get("access_token"), refresh_token = fragment.get("refresh_token");
  if (access_token && refresh_token) return { kind: "session", access_token, refresh_token, type };
  if (either("error") || either("error_code")) {
    return { kind: "refusal", code: either("error_code"), description: either("error_description") };
  }
  const token_hash = query.get("token_hash");
  if (token_hash && type) return { kind: "token", token_hash, type };
  // A code works only in the browser that requested it with PKCE; this page does not use PKCE, so that its links work in every browser.
  return query.has("code") ? { kind: "refusal", code: "flow_state_not_found", description: "" } : null;
}

/** Reads the link of the address and removes it, so that a token is neither shown nor stored in the history. */
export function takeLink(): Link | null {
  const link = readLink(location);
  if (link) history.replaceState(null, "", location.pathname);
  return link;
}

/** Signs in by a link; `problem` is the reason of a failure. */
export async function openLink(auth: GoTrueClient, link: Link): Promise<{ problem: string; needsPassword: boolean }> {
  const { error, type } = await follow(auth, link);
  return { problem: error ? authReason(error) : "", needsPassword: !error && NEED_PASSWORD.includes(type) };
}

async function follow(auth: GoTrueClient, link: Link): Promise<{ error: AuthError | null; type: string }> {
  switch (link.kind) {
    case "session":
      return { ...await auth.setSession(link), type: link.type };
    case "token":
      return { ...await auth.verifyOtp({ token_hash: link.token_hash, type: link.type as EmailOtpType }), type: link.type };
    case "refusal":
      return { error: new AuthError(link.description, 403, link.code), type: "" };
  }
}
