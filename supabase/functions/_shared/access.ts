import * as jose from "jose";
import { z } from "zod";
import type { Env } from "../../../services/env.ts";
import { AppError } from "../../../services/errors.ts";
import { SecretKeys } from "../../../services/secret-keys.ts";

/** The means to identify callers. */
export interface Access {
  keys: SecretKeys;
  /** The user of an access token. @throws AppError with a code of TOKEN_*, or AUTH_UNAVAILABLE */
  verify(token: string): Promise<User>;
}

const Claims = z.object({
  sub: z.string(),
  email: z.string().optional(),
  /** The times of the token, in seconds. */
  iat: z.number().optional(),
  exp: z.number(),
  app_metadata: z.object({ role: z.unknown() }).partial().optional(),
});
export type User = z.output<typeof Claims>;

/** The claims of an access token that Auth always sets. */
const REQUIRED_CLAIMS = ["sub", "aud", "iss", "exp"];

export function createAccess(env: Env, keys: SecretKeys = new SecretKeys(env.secretKeys)): Access {
  const auth = `${env.SUPABASE_PUBLIC_URL ?? env.SUPABASE_URL}/auth/v1`;
  // A key set verifies only with the algorithms of its public keys, never with `none` or a shared secret.
  const key = env.SUPABASE_JWKS
    ? jose.createLocalJWKSet(env.SUPABASE_JWKS)
    : jose.createRemoteJWKSet(new URL(`${env.SUPABASE_URL}/auth/v1/.well-known/jwks.json`));
  const options = {
    audience: "authenticated",
    issuer: env.AUTH_ISSUER ?? auth,
    requiredClaims: REQUIRED_CLAIMS,
  };
  return {
    keys,
    async verify(token) {
      const verified = await jose.jwtVerify(token, key, options).catch((error: unknown) => {
        throw refusalOf(error);
      });
      const claims = Claims.safeParse(verified.payload);
      if (!claims.success) throw invalidClaim(String(claims.error.issues[0]?.path[0]));
      return claims.data;
    },
  };
}

const invalidClaim = (claim: string): AppError => new AppError("TOKEN_CLAIM_INVALID", `the claim ${claim} of the access token is wrong`);

/** The refusal of a token; it names claims only after the signature was verified, so that a forged token reveals none. */
function refusalOf(error: unknown): AppError {
  if (error instanceof jose.errors.JWTExpired) return new AppError("TOKEN_EXPIRED", "the access token has expired: sign in again");
  if (error instanceof jose.errors.JWTClaimValidationFailed) return invalidClaim(error.claim);
  const isSource = !(error instanceof jose.errors.JOSEError) ||
    ["ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID", "ERR_JOSE_GENERIC"].includes(error.code);
  if (isSource) return new AppError("AUTH_UNAVAILABLE", "the signing keys of the project could not be read", undefined, { cause: error });
  return new AppError("TOKEN_UNTRUSTED", "the access token is not one of this project: sign in again");
}
