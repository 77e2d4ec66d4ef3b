import { z } from "zod";

/** The kinds of objects that a search finds, in the order of its results. */
export const SEARCH_KINDS = ["entity", "incident", "tournament", "rule", "job", "run"] as const;
const SHORTEST = "must have at least 2 characters", LONGEST = "must have at most 100 characters";

/** The query of `GET sync-monitoring/search`. */
export const SearchQuery = z.strictObject({
  q: z.string().trim().min(2, SHORTEST).max(100, LONGEST),
  limit: z.coerce.number().int().min(1).max(20).default(20),
});

/** An object that a search found. */
export const SearchResult = z.object({
  kind: z.enum(SEARCH_KINDS),
  /** The type of an entity, the number of a tournament, or the id of any other object. */
  id: z.string(),
  title: z.string(),
  /** The difference from other results with the same title; empty without one. */
  detail: z.string(),
  /** The state of an incident, a job or a run; null for the other kinds. */
  status: z.string().nullable(),
  /** The start of an incident or a run, or the time at which a job was queued; null for the other kinds. */
  at: z.string().nullable(),
});
export type SearchResult = z.infer<typeof SearchResult>;

/** `GET sync-monitoring/search`: the results; each kind with enough results has an equal share. */
export const SearchResponse = z.object({ results: z.array(SearchResult).max(20) });
