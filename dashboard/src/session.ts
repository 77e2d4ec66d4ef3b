import { GoTrueClient, type Session } from "@supabase/auth-js";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { z } from "zod";
import type { Config } from "./config.ts";

const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = typeof ROLES[number];

/** Who is signed in, and what they may do; a user nobody gave a role may do nothing. */
export interface User {
  email: string;
  role: Role | null;
}

/** Sign-in by Supabase Auth; the session is kept by the browser and renewed before it ends. */
export function createAuth({ url, publishable_key }: Config): GoTrueClient {
  return new GoTrueClient({
    url: `${url}/auth/v1`,
    headers: { apikey: publishable_key },
    storageKey: "beach-volleyball-sync",
    // Addresses of views lie in the hash, where it would look for tokens.
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

/** The user of this page, which is shown to nobody else. */
export function useUser(): User & {
  can: (least: Role) => boolean;
  signOut: () => void;
} {
  const session = useContext(SessionContext);
  if (!session) throw new Error("nobody is signed in");
  const { user, signOut } = session;
  return {
    ...user,
    signOut,
    can: (least) => user.role !== null && ROLES.indexOf(user.role) >= ROLES.indexOf(least),
  };
}
