import { useQueryClient } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { announce } from "./announce.ts";
import { ApiError, type Change, useApi } from "./api.ts";
import { describeError, UnusedResponse } from "./queries.ts";

/** The number of parallel requests of a bulk act. */
const IN_FLIGHT = 4;

/** An act on several items, with one request for each. */
export interface BulkAct<T> {
  changeOf: (item: T) => Change;
  /** The result for an item, such as `acknowledged`. */
  done: string;
  /** The reason of a refusal, in words that follow `was` or `were`. */
  refusalOf: (error: unknown) => string;
}

interface Outcome<T> {
  item: T;
  error: unknown;
}

/** The outcomes in one sentence: `2 acknowledged, 1 was already resolved`. */
function summaryOf<T>(outcomes: Outcome<T>[], { done, refusalOf }: BulkAct<T>): string {
  const groups = Map.groupBy(outcomes, ({ error }) => error === null ? null : refusalOf(error));
  return [...groups].sort(([a], [b]) => Number(a !== null) - Number(b !== null))
    .map(([refusal, { length }]) => `${length} ${refusal === null ? done : `${length === 1 ? "was" : "were"} ${refusal}`}`).join(", ");
}

export interface Bulk<T> {
  /** Sends an act for each item. @throws ApiError when the request itself is invalid; no item is then changed */
  run: (items: T[], act: BulkAct<T>) => Promise<void>;
  isPending: boolean;
  /** The items that the last act could not change. */
  refused: { item: T; message: string }[];
  forget: () => void;
}

/** Sends a bulk act, announces its outcome in one sentence, and keeps the refused items until `forget`. */
export function useBulk<T>(): Bulk<T> {
  const api = useApi();
  const queries = useQueryClient();
  const [isPending, setPending] = useState(false);
  const [refused, setRefused] = useState<Bulk<T>["refused"]>([]);

  async function attempt(item: T, act: BulkAct<T>): Promise<Outcome<T>> {
    return await api.send(act.changeOf(item), UnusedResponse).then(() => ({ item, error: null }), (error: unknown) => ({ item, error }));
  }

  async function run(items: T[], act: BulkAct<T>): Promise<void> {
    setPending(true);
    try {
      const rest = [...items], first = rest.shift();
      if (first === undefined) return;
      // The first request is sent alone, because a fault in its fields is in every request.
      const outcomes = [await attempt(first, act)];
      const error = outcomes[0]?.error;
      if (error instanceof ApiError && error.status === 400) throw error;
      const work = async () => {
        for (let item = rest.shift(); item !== undefined; item = rest.shift()) outcomes.push(await attempt(item, act));
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, work));
      setRefused(outcomes.flatMap(({ item, error }) => error === null ? [] : [{ item, message: describeError(error).message }]));
      announce(summaryOf(outcomes, act));
      void queries.invalidateQueries();
    } finally {
      setPending(false);
    }
  }
  return { run, isPending, refused, forget: () => setRefused([]) };
}
