import { AppError } from "../../../services/errors.ts";
import type { ChangePersonRequest, CreatePersonRequest, Person } from "../../../types/people.ts";
import { type AuthAdmin, unavailable } from "./auth-admin.ts";

/** The users on each page of the search for another admin, and the largest number of pages. */
const PAGE = 200, PAGES = 50;

/** Whether a person can give rights to others: a confirmed admin who can sign in. */
const isActiveAdmin = ({ role, disabled, confirmed }: Person): boolean => role === "admin" && !disabled && confirmed;

/** The numbers of confirmed people who can sign in, by role. */
export interface PeopleCount {
  admins: number;
  operators: number;
}

/** Counts people until an admin and another person who can act are found. @throws AppError AUTH_UNAVAILABLE */
export async function countPeople(auth: Pick<AuthAdmin, "list">): Promise<PeopleCount> {
  const count: PeopleCount = { admins: 0, operators: 0 };
  const isEnough = () => count.admins > 0 && count.admins + count.operators > 1;
  for (let page = 1, hasMore = true; hasMore && page <= PAGES && !isEnough(); page++) {
    const found = await auth.list(page, PAGE);
    const active = found.people.filter(({ disabled, confirmed }) => !disabled && confirmed);
    count.admins += active.filter(({ role }) => role === "admin").length;
    count.operators += active.filter(({ role }) => role === "operator").length;
    hasMore = found.hasMore;
  }
  return count;
}

/** A change of a person in Auth, for the audit log; `before` is null for a new person. */
export interface PersonChange {
  before: Person | null;
  after: Person;
}

/** Refuses a caller who is no longer an admin in Auth, although the token has the role. @throws AppError FORBIDDEN */
export async function refuseFormerAdmin(auth: AuthAdmin, callerId: string | null): Promise<void> {
  if (callerId === null) return;
  const caller = await auth.get(callerId).catch((error: unknown) => {
    if (error instanceof AppError && error.code === "NOT_FOUND") return null;
    throw error;
  });
  if (caller?.role !== "admin" || caller.disabled) throw new AppError("FORBIDDEN", "you are no longer an admin: sign in again");
}

/** Creates a person with a password, or invites one. @throws AppError */
export async function addPerson(auth: AuthAdmin, { email, password, role }: CreatePersonRequest): Promise<PersonChange> {
  if (password !== undefined) return { before: null, after: await auth.create({ email, password, role }) };
  const invited = await auth.invite(email);
  // The person of a repeated invitation can already have a role.
  const before = invited.role === null ? null : invited;
  if (invited.role === role) return { before, after: invited };
  const after = await auth.update(invited.id, { role }).catch(() => {
    throw unavailable("the person was invited, but Auth did not store the role: give the person the role", true);
  });
  return { before, after };
}

/** Changes a role, or disables or enables a person; null when nothing changes. @throws AppError */
export async function changePerson(
  auth: AuthAdmin,
  id: string,
  { role, disabled }: ChangePersonRequest,
  callerId: string | null,
): Promise<PersonChange | { before: Person; after: null }> {
  const before = await auth.get(id);
  const wanted = { ...before, role: role === undefined ? before.role : role, disabled: disabled ?? before.disabled };
  if (wanted.role === before.role && wanted.disabled === before.disabled) return { before, after: null };
  if (disabled && id === callerId) throw new AppError("OWN_ACCOUNT", "you cannot disable your own account");
  if (isActiveAdmin(before) && !isActiveAdmin(wanted) && !await hasOtherAdmin(auth, id)) {
    throw new AppError("LAST_ADMIN", `${before.email ?? before.id} is the last admin`);
  }
  return { before, after: await auth.update(id, { role, disabled }) };
}

async function hasOtherAdmin(auth: AuthAdmin, id: string): Promise<boolean> {
  for (let page = 1, hasMore = true; hasMore && page <= PAGES; page++) {
    const found = await auth.list(page, PAGE);
    if (found.people.some((person) => person.id !== id && isActiveAdmin(person))) return true;
    hasMore = found.hasMore;
  }
  return false;
}
