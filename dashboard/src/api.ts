import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { z } from "zod";
import { ErrorResponse } from "../../types/sync.ts";

const Issues = z.array(z.object({ field: z.string(), message: z.string() }));
/** The number of responses that are stored with their ETags; the oldest is removed first. */
const CACHED_RESPONSES = 100;
const TIMEOUT_MS = 15_000;

/** An error response of the server. */
export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details?: unknown,
  ) {
    super(message);
  }
  /** The message for each invalid field of the request. */
  get fields(): Record<string, string> {
    return Object.fromEntries(
      (Issues.safeParse(this.details).data ?? []).map((
        { field, message },
      ) => [field, message]),
    );
  }
}

/** The error when the server did not answer. */
class Unreachable extends Error {
  override name = "Unreachable";
}

interface Api {
  /** The full address of a path under `/functions/v1`. */
  urlOf(path: string): string;
  /** Reads a path under `/functions/v1`; on 304 it returns the same object as before. @throws ApiError, Unreachable */
  get<T>(path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T>;
  /** Sends a change. @throws ApiError, Unreachable */
  send<T>(change: Change, schema: z.ZodType<T>): Promise<T>;
}

/** A request with a change; `key` is its `Idempotency-Key`, so that a repetition after a lost response has no effect. */
export interface Change {
  method: "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  key?: string;
  /** The time limit of the answer, for a request in which the server waits for others. */
  limitMs?: number;
}

interface ApiParts {
  url: string;
  /** Returns the access token, renewed when `isRefused`; null when no user is signed in. */
  token: (isRefused: boolean) => Promise<string | null>;
  /** Called when the server also refuses a renewed token. */
  onRefused: () => void;
}

export function createApi({ url, token, onRefused }: ApiParts): Api {
  const cached = new Map<string, { etag: string; data: unknown }>();
  const urlOf = (path: string): string => `${url}/functions/v1/${path}`;

  async function request(
    path: string,
    init: RequestInit,
    limitMs = TIMEOUT_MS,
    isRetry = false,
  ): Promise<Response> {
    const bearer = await token(isRetry);
    const timeout = AbortSignal.timeout(limitMs);
    const response = await fetch(urlOf(path), {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${bearer}` },
      // The cache of the browser turns a 304 into a 200, so it is not used.
      cache: "no-store",
      signal: init.signal ? AbortSignal.any([init.signal, timeout]) : timeout,
    }).catch((error: unknown) => {
      if (init.signal?.aborted) throw error;
      throw new Unreachable("The server cannot be reached.");
    });
    if (response.status === 401 && !isRetry) return await request(path, init, limitMs, true);
    if (response.status === 401) onRefused();
    return response;
  }

  async function errorOf(response: Response): Promise<Error> {
    const body = ErrorResponse.safeParse(await response.json().catch(() => null)).data;
    if (!body) {
      return new Unreachable(`The server answered ${response.status}.`);
    }
    return new ApiError(response.status, body.code, body.message, body.details);
  }

  return {
    urlOf,
    async get(path, schema, signal) {
      const previous = cached.get(path);
      const response = await request(path, {
        signal,
        headers: previous ? { "if-none-match": previous.etag } : {},
      });
      if (response.status === 304 && previous) {
        return previous.data as z.infer<typeof schema>;
      }
      if (!response.ok) throw await errorOf(response);
      const data = schema.parse(await response.json());
      const etag = response.headers.get("etag");
      cached.delete(path);
      if (etag) cached.set(path, { etag, data });
      for (const oldest of cached.keys()) {
        if (cached.size <= CACHED_RESPONSES) break;
        cached.delete(oldest);
      }
      return data;
    },
    async send({ method, path, body, key, limitMs }, schema) {
      const response = await request(path, {
        method,
        headers: { "content-type": "application/json", ...key ? { "idempotency-key": key } : {} },
        body: body === undefined ? undefined : JSON.stringify(body),
      }, limitMs);
      if (!response.ok) throw await errorOf(response);
      return schema.parse(
        response.status === 204 ? null : await response.json(),
      );
    },
  };
}

export const ApiContext = createContext<Api | null>(null);

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (!api) throw new Error("useApi needs an ApiContext");
  return api;
}
