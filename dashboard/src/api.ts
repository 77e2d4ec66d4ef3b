import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { z } from "zod";
import { ErrorResponse } from "../../types/sync.ts";

const Issues = z.array(z.object({ field: z.string(), message: z.string() }));
/** Answers remembered with their tags, the oldest forgotten first. */
const REMEMBERED = 100;
const TIMEOUT_MS = 15_000;

/** A refusal by the server, in its words. */
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
  /** What is wrong with each field of what was sent. */
  get fields(): Record<string, string> {
    return Object.fromEntries(
      (Issues.safeParse(this.details).data ?? []).map((
        { field, message },
      ) => [field, message]),
    );
  }
}

/** The server did not answer. */
class Unreachable extends Error {
  override name = "Unreachable";
}

interface Api {
  /** Reads a path under `/functions/v1`; what did not change since is not sent again and is the same object. */
  get<T>(path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T>;
  /** Changes something. @throws ApiError, Unreachable */
  send<T>(change: Change, schema: z.ZodType<T>): Promise<T>;
}

/** A change to ask for; the same key again, after an answer that got lost, is the same change. */
export interface Change {
  method: "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  key?: string;
}

interface ApiParts {
  url: string;
  /** The access token, renewed if it must be; null when nobody is signed in. */
  token: (isRefused: boolean) => Promise<string | null>;
  /** Called when the server takes no token of this session any more. */
  onRefused: () => void;
}

export function createApi({ url, token, onRefused }: ApiParts): Api {
  const remembered = new Map<string, { etag: string; data: unknown }>();

  async function ask(
    path: string,
    init: RequestInit,
    isAgain = false,
  ): Promise<Response> {
    const bearer = await token(isAgain);
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`${url}/functions/v1/${path}`, {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${bearer}` },
      // Tags are kept here, where a 304 can be seen for what it is.
      cache: "no-store",
      signal: init.signal ? AbortSignal.any([init.signal, timeout]) : timeout,
    }).catch((error: unknown) => {
      if (init.signal?.aborted) throw error;
      throw new Unreachable("The server cannot be reached.");
    });
    if (response.status === 401 && !isAgain) return await ask(path, init, true);
    if (response.status === 401) onRefused();
    return response;
  }

  async function refusal(response: Response): Promise<Error> {
    const body = ErrorResponse.safeParse(await response.json().catch(() => null)).data;
    if (!body) {
      return new Unreachable(`The server answered ${response.status}.`);
    }
    return new ApiError(response.status, body.code, body.message, body.details);
  }

  return {
    async get(path, schema, signal) {
      const known = remembered.get(path);
      const response = await ask(path, {
        signal,
        headers: known ? { "if-none-match": known.etag } : {},
      });
      if (response.status === 304 && known) {
        return known.data as z.infer<typeof schema>;
      }
      if (!response.ok) throw await refusal(response);
      const data = schema.parse(await response.json());
      const etag = response.headers.get("etag");
      remembered.delete(path);
      if (etag) remembered.set(path, { etag, data });
      for (const oldest of remembered.keys()) {
        if (remembered.size <= REMEMBERED) break;
        remembered.delete(oldest);
      }
      return data;
    },
    async send({ method, path, body, key }, schema) {
      const response = await ask(path, {
        method,
        headers: { "content-type": "application/json", ...key ? { "idempotency-key": key } : {} },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      if (!response.ok) throw await refusal(response);
      return schema.parse(
        response.status === 204 ? null : await response.json(),
      );
    },
  };
}

export const ApiContext = createContext<Api | null>(null);

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (!api) throw new Error("there is no api");
  return api;
}
