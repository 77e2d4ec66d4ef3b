import { QueryClient, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/preact-query";
import { useRef } from "preact/hooks";
import { z } from "zod";
import { ApiError, type Change, useApi } from "./api.ts";
import { refusalOf } from "./refusals.ts";

export const LIVE_MS = 5_000;
const IDLE_MS = 30_000;
/** The time after the last input in which a user counts as watching. */
const WATCHED_MS = 120_000;

let lastInput = Date.now();
for (
  const event of ["pointerdown", "pointermove", "keydown", "wheel", "focus"]
) {
  addEventListener(event, () => lastInput = Date.now(), { passive: true });
}
const isWatched = (): boolean => Date.now() - lastInput < WATCHED_MS;

/** Whether the server refused the request itself, so that it also refuses a repetition. */
const isRefused = (error: unknown): boolean => error instanceof ApiError && error.status === 400;

/** Creates the client of the reads; it does not retry, because the next poll repeats a failed read, and a hidden tab does not poll. */
export const createQueries = (): QueryClient =>
  new QueryClient({
    defaultOptions: {
      queries: {
        retry: false,
        networkMode: "always",
        refetchOnWindowFocus: ({ state }) => isRefused(state.error) ? false : "always",
        gcTime: 60_000,
      },
      mutations: { networkMode: "always" },
    },
  });

/** The path with its query; empty parameters are omitted. */
export function pathOf(
  path: string,
  query: Record<string, string | number | null | undefined> = {},
): string {
  const parameters = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(
    parameters.map(([name, value]) => [name, String(value)]),
  ).toString();
  return search ? `${path}?${search}` : path;
}

/** Reads a path every 5 s while its data is live or the user is watching, and every 30 s otherwise. */
export function useRead<T>(
  path: string,
  schema: z.ZodType<T>,
  options: {
    isLive?: (data: T) => boolean;
    isEnabled?: boolean;
    every?: number;
  } = {},
) {
  const api = useApi();
  return useQuery<T, Error, T, readonly [string]>({
    queryKey: [path],
    queryFn: ({ signal }) => api.get(path, schema, signal),
    enabled: options.isEnabled ?? true,
    // The previous response stays visible while a new filter of the same list loads. The cast is needed, because the type of the library
    // excludes functions from T, and TypeScript cannot resolve that for a generic T.
    placeholderData: ((previous: T | undefined, query?: { queryKey: readonly [string] }) =>
      query?.queryKey[0].split("?")[0] === path.split("?")[0] ? previous : undefined) as never,
    refetchInterval: (query) => {
      const { data, error } = query.state;
      const isLive = isWatched() || error !== null ||
        (data !== undefined && options.isLive?.(data));
      return isRefused(error) ? false : Math.max(isLive ? LIVE_MS : IDLE_MS, options.every ?? 0);
    },
  });
}

/** Reads a list page by page; polls while only the first page is loaded. */
export function usePages<T extends { next_cursor: string | null }>(
  path: string,
  query: Record<string, string | number | null | undefined>,
  schema: z.ZodType<T>,
  every = LIVE_MS,
) {
  const api = useApi();
  return useInfiniteQuery({
    queryKey: [path, query],
    queryFn: ({ pageParam, signal }) => api.get(pathOf(path, { ...query, cursor: pageParam }), schema, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    // The list does not poll after further pages were loaded, because new rows shift the rows under the user.
    refetchInterval: (state) => (state.state.data?.pages.length ?? 0) > 1 ? false : isWatched() ? every : IDLE_MS,
  });
}

/** Sends a user's change, and then reads every query again. */
export function useAct<T, V = void>(
  request: (value: V) => Change,
  schema: z.ZodType<T>,
  onDone?: (answer: T) => void,
) {
  const api = useApi();
  const queries = useQueryClient();
  // The library receives new options only after the next paint, so a form that is sent before it lacks the last typed key.
  const latest = useRef(request);
  latest.current = request;
  return useMutation({
    mutationFn: (value: V) => api.send(latest.current(value), schema),
    onSuccess: (answer) => {
      void queries.invalidateQueries();
      onDone?.(answer);
    },
  });
}

/** The schema of a response that the page does not use. */
export const UnusedResponse = z.unknown();

/** Returns the message of an error, and the message for each invalid field. */
export function describeError(
  error: unknown,
): { message: string; fields: Record<string, string> } {
  if (error instanceof ApiError) {
    const { fields } = error;
    const problems = Object.entries(fields).map(([field, message]) => refusalOf(field, message));
    return { message: problems.join(" ") || error.message, fields };
  }
  if (error instanceof z.ZodError) {
    return {
      message: "The server's response does not match this version of the page. Reload the page.",
      fields: {},
    };
  }
  return {
    message: error instanceof Error ? error.message : String(error),
    fields: {},
  };
}
