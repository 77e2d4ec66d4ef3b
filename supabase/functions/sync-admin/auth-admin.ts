import { z } from "zod";
import type { Env } from "../../../services/env.ts";
import type { AppErrorCode } from "../../../services/error-table.ts";
import { AppError } from "../../../services/errors.ts";
import { type Person, Role } from "../../../types/people.ts";

/** The duration of a ban without an end: 100 years, because Auth needs a duration. */
const NO_END = "876000h";

/** The period in which Auth limits mails; its refusal does not have the time of the next mail. */
const MAIL_PERIOD_S = 3600;

const moment = z.string().nullish();
const User = z.object({
  id: z.uuid(),
  email: z.string().nullish(),
  app_metadata: z.record(z.string(), z.unknown()).nullish(),
  email_confirmed_at: moment,
  /** The time at which the user confirmed an email or a phone. */
  confirmed_at: moment,
  banned_until: moment,
  last_sign_in_at: moment,
  created_at: z.string(),
});
const Refusal = z.object({ error_code: z.string(), msg: z.string() });

/** The refusals that the caller can correct; any other refusal is a fault of Auth. */
const REFUSALS: Record<string, { code: AppErrorCode; field?: string; message: string }> = {
  email_exists: { code: "EMAIL_TAKEN", message: "another user already has this email" },
  user_already_exists: { code: "EMAIL_TAKEN", message: "another user already has this email" },
  user_not_found: { code: "NOT_FOUND", message: "there is no person with this id" },
  email_address_invalid: { code: "BAD_REQUEST", field: "email", message: "is refused by Auth as invalid" },
  email_address_not_authorized: {
    code: "BAD_REQUEST",
    field: "email",
    message:
      "cannot be invited: without a mail server of its own the project sends mail to its members only; create the user with a password",
  },
  weak_password: { code: "BAD_REQUEST", field: "password", message: "is too weak" },
  over_email_send_rate_limit: { code: "TOO_MANY_MAILS", message: "Auth sends no more mail now" },
};

/** The part of Auth's admin API that the routes about people use. Its requests end with `signal`. @throws AppError */
export interface AuthAdmin {
  list(page: number, limit: number): Promise<{ people: Person[]; hasMore: boolean }>;
  get(id: string): Promise<Person>;
  create(user: { email: string; password: string; role: Role | null }): Promise<Person>;
  /** Creates the user and sends the invitation; sends it again to a user who has not accepted it. */
  invite(email: string): Promise<Person>;
  update(id: string, changes: { role?: Role | null; disabled?: boolean }): Promise<Person>;
}

interface Parts {
  env: Pick<Env, "SUPABASE_URL" | "DASHBOARD_URL">;
  /** Sends a request with a secret key. */
  fetch: typeof fetch;
  now: () => number;
  signal: AbortSignal;
}

export function createAuthAdmin({ env, fetch: send, now, signal }: Parts): AuthAdmin {
  async function request(method: string, path: string, body?: object): Promise<{ body: unknown; headers: Headers }> {
    const init = { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body), signal };
    const isWrite = method !== "GET";
    let response: Response, answer: unknown;
    try {
      response = await send(`${env.SUPABASE_URL}/auth/v1${path}`, init);
      answer = await response.json();
    } catch {
      throw unavailable(isWrite ? "Auth did not answer: it is unknown whether the change was made" : "Auth did not answer", isWrite);
    }
    if (!response.ok) throw refusalOf(response.status, answer, isWrite);
    return { body: answer, headers: response.headers };
  }

  const toPerson = (value: unknown): Person => {
    const user = parse(User, value);
    return {
      id: user.id,
      email: user.email || null,
      role: Role.nullable().catch(null).parse(user.app_metadata?.role ?? null),
      disabled: Date.parse(user.banned_until ?? "") > now(),
      confirmed: Boolean(user.email_confirmed_at ?? user.confirmed_at),
      last_sign_in_at: user.last_sign_in_at ?? null,
      created_at: user.created_at,
    };
  };
  const asPerson = async (method: string, path: string, body?: object) => toPerson((await request(method, path, body)).body);

  return {
    async list(page, limit) {
      const { body, headers } = await request("GET", `/admin/users?page=${page}&per_page=${limit}`);
      const { users } = parse(z.object({ users: z.array(z.unknown()) }), body);
      return { people: users.map(toPerson), hasMore: page * limit < Number(headers.get("x-total-count")) };
    },
    get: (id) => asPerson("GET", `/admin/users/${id}`),
    create: ({ email, password, role }) =>
      asPerson("POST", "/admin/users", { email, password, email_confirm: true, app_metadata: role ? { role } : {} }),
    invite: (email) => {
      const to = env.DASHBOARD_URL ? `?redirect_to=${encodeURIComponent(env.DASHBOARD_URL)}` : "";
      return asPerson("POST", `/invite${to}`, { email });
    },
    update: (id, { role, disabled }) =>
      asPerson("PUT", `/admin/users/${id}`, {
        ...role === undefined ? {} : { app_metadata: { role } },
        ...disabled === undefined ? {} : { ban_duration: disabled ? NO_END : "none" },
      }),
  };
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw unavailable("Auth sent an answer that this version does not understand", true);
  return parsed.data;
}

function refusalOf(status: number, answer: unknown, isWrite: boolean): AppError {
  const { error_code, msg } = Refusal.catch({ error_code: "", msg: "" }).parse(answer);
  const known = Object.hasOwn(REFUSALS, error_code) ? REFUSALS[error_code] : undefined;
  if (!known) {
    return unavailable(`Auth answered with status ${status}${error_code ? ` (${error_code})` : ""}`, isWrite && status >= 500);
  }
  if (known.code === "TOO_MANY_MAILS") return new AppError(known.code, known.message, { retry_after_s: MAIL_PERIOD_S });
  if (!known.field) return new AppError(known.code, known.message);
  const message = error_code === "weak_password" ? `${known.message}: ${msg}` : known.message;
  return new AppError(known.code, `${known.field}: ${message}`, [{ field: known.field, message }]);
}

/** The cause of an error when Auth may have made the change. */
const UNKNOWN = Symbol("outcome unknown");

/** The error for a fault of Auth. */
export const unavailable = (message: string, isOutcomeUnknown: boolean): AppError =>
  new AppError("AUTH_UNAVAILABLE", message, undefined, isOutcomeUnknown ? { cause: UNKNOWN } : undefined);

/** Whether Auth may have made the change of a failed request. */
export const isOutcomeUnknown = (error: unknown): boolean => error instanceof AppError && error.cause === UNKNOWN;
