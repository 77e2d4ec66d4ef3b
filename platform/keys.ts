import * as jose from "jose";

/** The keys of a project: API keys, and the key that signs its tokens. */
export interface Keys {
  publishable: string;
  /** The secret key of lite, and the first secret key of the project. */
  secret: string;
  /** Signs the tokens of lite, which never leave the gateway. */
  jwtSecret: string;
  signing: jose.JWK;
  /** Seals the audit log. */
  audit: string;
}

/** Random, URL-safe text of `bytes` bytes. */
export const randomText = (bytes: number): string => jose.base64url.encode(crypto.getRandomValues(new Uint8Array(bytes)));

export async function createKeys(): Promise<Keys> {
  const { privateKey } = await jose.generateKeyPair("ES256", { extractable: true });
  return {
    publishable: `sb_publishable_${randomText(24)}`,
    secret: `sb_secret_${randomText(24)}`,
    jwtSecret: randomText(32),
    audit: randomText(32),
    signing: { ...await jose.exportJWK(privateKey), kid: crypto.randomUUID(), alg: "ES256", use: "sig" },
  };
}

/** The secret keys of a project by name; as in a hosted project, keys are created and deleted while it runs. */
export interface SecretKeyStore {
  /** The keys by name. */
  all(): Record<string, string>;
  /** Creates a key and returns it. @throws Error when the name is taken */
  create(name: string): Promise<string>;
  /** @throws Error for an unknown name and for the last key */
  delete(name: string): Promise<void>;
}

export function createSecretKeyStore(known: Record<string, string>, save: (keys: Record<string, string>) => Promise<void>): SecretKeyStore {
  let keys = { ...known };
  return {
    all: () => ({ ...keys }),
    async create(name) {
      if (Object.hasOwn(keys, name)) throw new Error(`a secret key ${name} exists`);
      const key = `sb_secret_${randomText(24)}`;
      keys = { ...keys, [name]: key };
      await save(keys);
      return key;
    },
    async delete(name) {
      if (!Object.hasOwn(keys, name)) throw new Error(`there is no secret key ${name}`);
      if (Object.keys(keys).length === 1) throw new Error(`${name} is the only secret key`);
      const { [name]: _deleted, ...rest } = keys;
      keys = rest;
      await save(keys);
    },
  };
}

/** Converts the HS256 tokens of lite to the ES256 tokens of hosted projects, and back. */
export interface TokenSigner {
  jwks: { keys: jose.JWK[] };
  outward(token: string, claims: Record<string, unknown>): Promise<string>;
  /** Converts a token of a client to one of lite. @throws JOSEError when the token is forged or expired */
  inward(token: string): Promise<string>;
}

export async function createSigner(keys: Keys, issuer: string): Promise<TokenSigner> {
  const { d: _private, ...publicJwk } = keys.signing;
  const [signingKey, publicKey] = await Promise.all([jose.importJWK(keys.signing, "ES256"), jose.importJWK(publicJwk, "ES256")]);
  const inner = new TextEncoder().encode(keys.jwtSecret);
  return {
    jwks: { keys: [publicJwk] },
    async outward(token, claims) {
      const { payload } = await jose.jwtVerify(token, inner);
      return await new jose.SignJWT({ iss: issuer, ...payload, ...claims })
        .setProtectedHeader({ alg: "ES256", typ: "JWT", kid: keys.signing.kid })
        .sign(signingKey);
    },
    async inward(token) {
      if (jose.decodeProtectedHeader(token).alg !== "ES256") return token;
      const { payload } = await jose.jwtVerify(token, publicKey, { issuer });
      return await new jose.SignJWT(payload).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(inner);
    },
  };
}
