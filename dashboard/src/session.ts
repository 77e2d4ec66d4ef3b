import { GoTrueClient, type Session } from "@supabase/auth-js";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Role, ROLES } from "../../types/people.ts";
import type { Config } from "./config.ts";

/** The signed-in user; without a role the user has no access. */
export interface User {
  email: string;
  role: Role | null;
}

/** The client of Supabase Auth; it stores the session in the browser and renews it before it expires. */
export function createAuth({ url, publishable_key }: Config): GoTrueClient {
  return new GoTrueClient({
    url: `${url}/auth/v1`,
    headers: { apikey: publishable_key },
    storageKey: "beach-volleyball-sync",
    // The hash is the address of the view; link.ts reads the tokens of a link.
    detectSessionInUrl: false,
  });
}

export function userOf({ user }: Session): User {
  return {
    email: user.email ?? user.id,
    role: Role.safeParse(user.app_metadata.role).data ?? null,
  };
}

export const SessionContext = createContext<
  { user: User; auth: GoTrueClient; signOut: () => void } | null
>(null);

/** The signed-in user. @throws Error outside the signed-in page */
export function useUser(): User & {
  can: (leastRole: Role) => boolean;
  auth: GoTrueClient;
  signOut: () => void;
} {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useUser needs a SessionContext");
  const { user, auth, signOut } = session;
  return {
    ...user,
    auth,
    signOut,
    can: (leastRole) => user.role !== null && ROLES.indexOf(user.role) >= ROLES.indexOf(leastRole),
  };
}
