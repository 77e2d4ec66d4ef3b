import { AuthError } from "@supabase/auth-js";

/** The cause of each refusal of Auth for a person, by its error code. */
const WORDS: Record<string, string> = {
  invalid_credentials: "The email or the password is wrong.",
  email_not_confirmed: "This email is not confirmed yet. Follow the link in the mail that confirms it.",
  user_banned: "This account is disabled. Ask an administrator.",
  over_request_rate_limit: "Too many tries. Wait a few minutes, then try again.",
  captcha_failed: "This project asks for a captcha, which this page does not have. Ask an administrator to switch it off.",
  email_provider_disabled: "This project does not accept passwords. Use another way to sign in.",
  provider_disabled: "This project does not accept this provider.",
  signup_disabled: "There is no account for you, and this project accepts no new ones. Ask an administrator for an invitation.",
  otp_expired: "This link has expired or was used before. Request a new one.",
  flow_state_not_found: "This link works only in the browser in which it was requested. Request a new one here.",
  same_password: "The new password must differ from the old one.",
  reauthentication_needed: "Your session is too old for this change. Sign out, sign in again, then change the password.",
  session_not_found: "Your session has ended. Sign in again.",
  user_not_found: "This account no longer exists.",
};

/** The reason of a refusal of Auth, in one sentence for the person who signs in. */
export function authReason(error: unknown): string {
  if (!(error instanceof AuthError)) return "The server cannot be reached.";
  const { code, status, message } = error;
  const words = code && Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
  if (words) return words;
  if (!status) return "The server cannot be reached.";
  if (status === 429) return String(WORDS.over_request_rate_limit);
  if (status >= 500) return `The server failed (status ${status}). Try again in a minute.`;
  return `Refused by the server: ${message}`;
}
