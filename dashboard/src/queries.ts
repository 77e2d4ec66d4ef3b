import { QueryClient, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/preact-query";
import { z } from "zod";
import { ApiError, type Change, useApi } from "./api.ts";

export const LIVE_MS = 5_000;
const IDLE_MS = 30_000;
/** So long after the last key, click or scroll somebody is taken to be watching. */
const WATCHED_MS = 120_000;

let lastSign = Date.now();
for (
  const sign of ["pointerdown", "pointermove", "keydown", "wheel", "focus"]
) {
  addEventListener(sign, () => lastSign = Date.now(), { passive: true });
}
const isWatched = (): boolean => Date.now() - lastSign < WATCHED_MS;

/** Reads are polled, so a failed one is tried again by the next poll; a hidden tab does not poll. */
export const createQueries = (): QueryClient =>
  new QueryClient({
    defaultOptions: {
      queries: {
        retry: false,
        networkMode: "always",
        refetchOnWindowFocus: "always",
        gcTime: 60_000,
      },
      mutations: { networkMode: "always" },
    },
  });

/** The path with its query; what is empty is left out. */
export function pathOf(
  path: string,
  query: Record<string, string | number | null | undefined> = {},
): string {
  const wanted = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(
    wanted.map(([name, value]) => [name, String(value)]),
  ).toString();
  return search ? `${path}?${search}` : path;
}

/** Reads a path every five seconds while something in it is live or somebody watches, slower otherwise. */
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
    // While another filter of the same list loads, the last answer stays. The library's guard against functions as data leaves T unresolved.
    placeholderData: ((before: T | undefined, query?: { queryKey: readonly [string] }) =>
      query?.queryKey[0].split("?")[0] === path.split("?")[0] ? before : undefined) as never,
    refetchInterval: (query) => {
      const { data, error } = query.state;
      const isLive = isWatched() || error !== null ||
        (data !== undefined && options.isLive?.(data));
      return Math.max(isLive ? LIVE_MS : IDLE_MS, options.every ?? 0);
    },
  });
}

/** Reads a list page by page; the first one is kept up to date. */
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
    // Who has read on to older pages is not moved about by new ones.
    refetchInterval: (state) => (state.state.data?.pages.length ?? 0) > 1 ? false : isWatched() ? every : IDLE_MS,
  });
}

/** An act of a person: what it changed is read anew at once. */
export function useAct<T, V = void>(
  request: (value: V) => Change,
  schema: z.ZodType<T>,
  onDone?: (answer: T) => void,
) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (value: V) => api.send(request(value), schema),
    onSuccess: (answer) => {
      void queries.invalidateQueries();
      onDone?.(answer);
    },
  });
}

/** What an act answers where the page does not need it. */
export const Anything = z.unknown();

/** The words for an error, and what is wrong with each field. */
export function wordsOf(
  error: unknown,
): { message: string; fields: Record<string, string> } {
  if (error instanceof ApiError) {
    return { message: error.message, fields: error.fields };
  }
  if (error instanceof z.ZodError) {
    return {
      message: "The server answered in another shape than this page was built for.",
      fields: {},
    };
  }
  return {
    message: error instanceof Error ? error.message : String(error),
    fields: {},
  };
}
