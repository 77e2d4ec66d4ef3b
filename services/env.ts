import { z } from "zod";
import type { SecretKey } from "./secret-keys.ts";

/** A variable with the JSON of a value. */
const json = <T extends z.ZodType>(schema: T, what: string) =>
  z.string().transform((text, ctx): z.output<T> => {
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      ctx.addIssue({ code: "custom", message: `must be ${what}` });
      return z.NEVER;
    }
  });
const named = json(z.record(z.string(), z.string().min(1)), "a JSON object of names and keys");
const publicKeys = z.array(z.looseObject({ kty: z.string() }));
const jwks = json(
  z.union([z.object({ keys: publicKeys }), publicKeys.transform((keys) => ({ keys }))]),
  'a JSON object of the form {"keys": […]}, or the list alone',
);
const whole = (low: number, high: number) => z.coerce.number().int().min(low).max(high);
/** An empty variable counts as not set. */
const optional = <T extends z.ZodType>(schema: T) => z.preprocess((value) => value === "" ? undefined : value, schema.optional());

const Variables = z.object({
  SUPABASE_URL: z.url(),
  // The hosted platform sets the first variable, self-hosted installations the second, and projects with legacy keys the third.
  SUPABASE_SECRET_KEYS: optional(named),
  SUPABASE_SECRET_KEY: optional(z.string()),
  SUPABASE_SERVICE_ROLE_KEY: optional(z.string()),
  SUPABASE_JWKS: optional(jwks),
  // The address of the project for its users, when SUPABASE_URL is an address inside the installation.
  SUPABASE_PUBLIC_URL: optional(z.url({ protocol: /^https?$/ })),
  // The issuer of the users' tokens, when it is not the address of the project.
  AUTH_ISSUER: optional(z.url({ protocol: /^https?$/ })),
  VIS_API_URL: z.url().default("https://www.fivb.org/Vis2009/XmlRequest.asmx"),
  VIS_APP_ID: optional(z.string()),
  VIS_USERNAME: optional(z.string()),
  VIS_PASSWORD: optional(z.string()),
  // Below the slot's lease of 90 s, so that two requests never share a slot.
  VIS_TIMEOUT_MS: whole(1, 60_000).default(30_000),
  VIS_RETRIES: whole(0, 5).default(3),
  VIS_RETRY_MIN_MS: whole(0, 60_000).default(2_000),
  SMTP_URL: optional(
    // Nodemailer reads options from the query, and one of them accepts any certificate.
    z.url({ protocol: /^smtps?$/ }).refine((value) => !/[?#]/.test(value), "must not have a query: SMTP_CA and SMTP_TLS set the options")
      .refine(
        (value) => !["", "25", "587"].includes(new URL(value).port),
        "must name port 465, 2465 or 2587: hosted functions cannot reach ports 25 and 587",
      ),
  ),
  SMTP_FROM: optional(z.string().min(3)),
  // A secret on one line has a backslash and an n in place of each line break.
  SMTP_CA: optional(
    z.string().transform((pem) => pem.replaceAll("\\n", "\n")).refine(
      (pem) => /-----BEGIN CERTIFICATE-----\r?\n[^]+-----END CERTIFICATE-----/.test(pem),
      "must be a certificate in PEM format",
    ),
  ),
  SMTP_TLS: z.preprocess((value) => value === "" ? undefined : value, z.enum(["required", "off"]).default("required")),
  // Without AUDIT_KEY, rows of the audit log have no voucher and no seal.
  AUDIT_KEY: optional(z.string().min(32)),
  // The header in which the platform sends the address of the client. Callers can set every other header themselves.
  CLIENT_ADDRESS_HEADER: optional(z.string().toLowerCase().regex(/^[a-z][a-z0-9-]{1,62}$/, "must be the name of a header")),
  // The tokens of /prometheus and /badge; without its token a route is closed.
  PROMETHEUS_TOKEN: optional(z.string().regex(/^\S{32,}$/, "must have at least 32 characters and no blanks")),
  BADGE_TOKEN: optional(z.string().regex(/^\S{32,}$/, "must have at least 32 characters and no blanks")),
  DASHBOARD_URL: optional(z.url({ protocol: /^https?$/ })),
  // The address of the folder that contains docs/runbook.md.
  RUNBOOK_URL: optional(z.url({ protocol: /^https?$/ })),
  ALERT_HEARTBEAT_URL: optional(z.url({ protocol: /^https?$/ })),
  ALERT_ALLOW_PRIVATE_URLS: optional(z.enum(["true", "false"])),
  SYNC_CONCURRENCY: whole(1, 5).default(4),
  SYNC_WALL_CLOCK_MS: whole(40_000, 3_600_000).default(150_000),
});

type Variables = z.infer<typeof Variables>;

/** The environment, read once at start. */
export interface Env extends Omit<Variables, "SUPABASE_SECRET_KEYS" | "SUPABASE_SECRET_KEY" | "SUPABASE_SERVICE_ROLE_KEY"> {
  /** The secret keys: at least one, with different values. */
  secretKeys: SecretKey[];
}

/** The secret keys of all three variables, each value once. */
function secretKeysOf({ SUPABASE_SECRET_KEYS, SUPABASE_SECRET_KEY, SUPABASE_SERVICE_ROLE_KEY }: Partial<Variables>): SecretKey[] {
  const named = Object.entries({ ...SUPABASE_SECRET_KEYS }).map(([name, value]) => ({ name, value }));
  // A new worker first sends the key that most projects have.
  const keys = named.toSorted((a, b) => Number(b.name === "default") - Number(a.name === "default"));
  if (SUPABASE_SECRET_KEY) keys.push({ name: "default", value: SUPABASE_SECRET_KEY });
  if (SUPABASE_SERVICE_ROLE_KEY) keys.push({ name: "service_role", value: SUPABASE_SERVICE_ROLE_KEY });
  return keys.filter(({ value }, index) => keys.findIndex((key) => key.value === value) === index);
}

/**
 * Parses the environment.
 * @throws Error that names each missing or malformed variable, without its value.
 */
export function readEnv(source: Record<string, string | undefined> = Deno.env.toObject()): Env {
  const parsed = Variables.safeParse(source);
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  const secretKeys = secretKeysOf(parsed.data ?? {});
  if (parsed.success && !secretKeys.length) {
    problems.push("SUPABASE_SECRET_KEYS: needs a key (or set SUPABASE_SECRET_KEY or SUPABASE_SERVICE_ROLE_KEY)");
  }
  if (parsed.data && !parsed.data.VIS_USERNAME !== !parsed.data.VIS_PASSWORD) problems.push("VIS_USERNAME, VIS_PASSWORD: set both or none");
  if (parsed.data && !parsed.data.SMTP_URL !== !parsed.data.SMTP_FROM) problems.push("SMTP_URL, SMTP_FROM: set both or none");
  if (!parsed.success || problems.length) throw new Error(`environment: ${problems.join("; ")}`);
  const { SUPABASE_SECRET_KEYS: _keys, SUPABASE_SECRET_KEY: _key, SUPABASE_SERVICE_ROLE_KEY: _legacy, ...rest } = parsed.data;
  return { ...rest, secretKeys };
}
