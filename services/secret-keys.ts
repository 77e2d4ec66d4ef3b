import { DatabaseError } from "./errors.ts";
import { isToken } from "./tokens.ts";

/** A secret key of the project, by its name in the project's settings. */
export interface SecretKey {
  name: string;
  value: string;
}

/** The form of a key that can be newer than the environment of the worker. */
const MODERN_KEY = /^sb_secret_[\w-]{1,200}$/;
/** The time for which a key counts as valid after the database accepted it; a deleted key is accepted for at most this time. */
const TRUST_MS = 10_000;
/** pg_net ends a request after 5 s. */
const CONFIRM_TIMEOUT_MS = 4_000;

interface SecretKeysOptions {
  /** The URL that confirms a key with the database; without it, only the keys of the environment are accepted. */
  confirmUrl?: string;
  fetch?: typeof fetch;
  now?: () => number;
}

/**
 * The secret keys of the project that this worker knows; requests to the database have the first one. The database decides about each key,
 * because people create and delete keys after the worker has read its environment.
 */
export class SecretKeys {
  #keys: SecretKey[];
  /** The time at which the database last accepted the first key. */
  #acceptedAt = -Infinity;
  #confirmUrl: string | undefined;
  #send: typeof fetch;
  #now: () => number;

  constructor(keys: SecretKey[], { confirmUrl, fetch: send = fetch, now = Date.now }: SecretKeysOptions = {}) {
    this.#keys = [...keys];
    this.#confirmUrl = confirmUrl;
    this.#send = send;
    this.#now = now;
  }

  /** The key that the database accepted last. */
  get current(): string {
    return this.#keys[0]?.value ?? "";
  }

  /**
   * The name of a valid key, which the database receives first from now on; null for another value.
   * @throws DatabaseError when the database does not answer
   */
  async accept(given: string): Promise<string | null> {
    // The filter compares every key, so that its time does not show which key is equal.
    const [known] = this.#keys.filter(({ value }) => isToken(given, value));
    if (known && known === this.#keys[0] && this.#now() - this.#acceptedAt < TRUST_MS) return known.name;
    const key = known ?? (MODERN_KEY.test(given) ? { name: "unnamed", value: given } : null);
    if (!key || !await this.#confirm(key, known !== undefined)) return null;
    this.#prefer(key);
    return key.name;
  }

  /** Sends a request to the database with the first key, and after a 401 with each of the others. */
  fetch: typeof fetch = async (input, init) => {
    const keys = [...this.#keys];
    for (const [index, key] of keys.entries()) {
      const response = await this.#send(input, { ...init, headers: headersWith(key, init?.headers) });
      if (response.status === 401) this.#acceptedAt = -Infinity;
      else if (response.status < 500) this.#prefer(key);
      if (response.status !== 401 || index === keys.length - 1) return response;
      await response.body?.cancel();
    }
    throw new TypeError("the project has no secret key");
  };

  #prefer(key: SecretKey): void {
    this.#acceptedAt = this.#now();
    this.#keys = [key, ...this.#keys.filter(({ value }) => value !== key.value)];
  }

  /** Whether the database accepts the key: only the service may call `schema_version`. */
  async #confirm(key: SecretKey, isInEnvironment: boolean): Promise<boolean> {
    if (!this.#confirmUrl) return isInEnvironment;
    try {
      const headers = headersWith(key, { "content-type": "application/json" });
      const signal = AbortSignal.timeout(CONFIRM_TIMEOUT_MS);
      const response = await this.#send(this.#confirmUrl, { method: "POST", headers, body: "{}", signal });
      await response.body?.cancel();
      if (response.status >= 500) throw new Error(`status ${response.status}`);
      return response.ok;
    } catch (error) {
      throw new DatabaseError("schema_version", "", `the database did not confirm a key: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** The headers with a key; PostgREST reads the role of a legacy key, a token, from `authorization`, where another key is not allowed. */
function headersWith({ value }: SecretKey, init?: HeadersInit): Headers {
  const headers = new Headers(init);
  headers.set("apikey", value);
  if (value.startsWith("sb_")) headers.delete("authorization");
  else headers.set("authorization", `Bearer ${value}`);
  return headers;
}
