import { GoTrueClient, type Session } from "@supabase/auth-js";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { z } from "zod";
import type { Config } from "./config.ts";

const ROLES = ["viewer", "operator", "admin"] as const;
type Role = typeof ROLES[number];

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
    // The hash holds the view's address; the client would search it for tokens.
    detectSessionInUrl: false,
  });
}

export function userOf({ user }: Session): User {
  return {
    email: user.email ?? user.id,
    role: z.enum(ROLES).safeParse(user.app_metadata.role).data ?? null,
  };
}

export const SessionContext = createContext<
  { user: User; signOut: () => void } | null
>(null);

/** The signed-in user. @throws Error outside the signed-in page */
export function useUser(): User & {
  can: (leastRole: Role) => boolean;
  signOut: () => void;
} {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useUser needs a SessionContext");
  const { user, signOut } = session;
  return {
    ...user,
    signOut,
    can: (leastRole) => user.role !== null && ROLES.indexOf(user.role) >= ROLES.indexOf(leastRole),
  };
}
