import { z } from "zod";
import { reason } from "./reason.ts";

/** The roles of a user, lowest first; the role is `app_metadata.role` in the access token. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export const Role = z.enum(ROLES);
export type Role = z.infer<typeof Role>;

/** A user of the project's Auth. */
export const Person = z.object({
  id: z.uuid(),
  /** The email; null for a user without one, such as an anonymous user. */
  email: z.string().nullable(),
  /** The role; null for a user without rights. */
  role: Role.nullable(),
  /** Whether the user can neither sign in nor renew a session. */
  disabled: z.boolean(),
  /** Whether the user has confirmed the email or accepted the invitation. */
  confirmed: z.boolean(),
  last_sign_in_at: z.string().nullable(),
  created_at: z.string(),
});
export type Person = z.infer<typeof Person>;

/** The query of `GET sync-admin/people`; Auth counts pages, so a user who is created between two reads repeats the last row of a page. */
export const PeopleQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().regex(/^[1-9]\d{0,5}$/, "is not a cursor of this list").optional(),
});
/** `GET sync-admin/people`: every user, newest first. */
export const PeopleResponse = z.object({ people: z.array(Person), next_cursor: z.string().nullable() });
export type PeopleResponse = z.infer<typeof PeopleResponse>;

/** `POST sync-admin/people`: with a password, the user can sign in at once; without one, Auth sends an invitation by email. */
export const CreatePersonRequest = z.strictObject({
  email: z.email("must be an email address").max(254).toLowerCase(),
  password: z.string().min(8).max(72).optional(),
  role: Role.nullable().default(null),
  reason: reason.optional(),
});
export type CreatePersonRequest = z.infer<typeof CreatePersonRequest>;

/** `PATCH sync-admin/people/:id`; a role of null removes every right. */
export const ChangePersonRequest = z.strictObject({
  role: Role.nullable().optional(),
  disabled: z.boolean().optional(),
  reason: reason.optional(),
}).refine((changes) => changes.role !== undefined || changes.disabled !== undefined, "must change at least one of role and disabled");
export type ChangePersonRequest = z.infer<typeof ChangePersonRequest>;

/** The person after a change. */
export const ChangePersonResponse = Person.extend({
  /**
   * The latest time at which an access token from before the change expires. Null for a caller with a secret key, which does not have the
   * lifetime of the project's tokens (an hour by default).
   */
  old_tokens_expire_by: z.string().nullable(),
});
export type ChangePersonResponse = z.infer<typeof ChangePersonResponse>;
