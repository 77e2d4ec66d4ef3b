import type { UseQueryResult } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { ApiError } from "../api.ts";
import { wordsOf } from "../queries.ts";

/** What a read has to show: its data, or that it is on its way, or why there is none. Data that grew old stays. */
export function Reading<T>(
  { of: { data, error, isPending, refetch }, children }: {
    of: Pick<UseQueryResult<T>, "data" | "error" | "isPending" | "refetch">;
    children: (data: T) => ComponentChildren;
  },
) {
  if (data !== undefined) return <>{children(data)}</>;
  if (isPending) return <p class="loading" aria-busy="true">Loading …</p>;
  return <Failure error={error} onRetry={() => void refetch()} />;
}

function Failure(
  { error, onRetry }: { error: unknown; onRetry?: () => void },
) {
  const { message } = wordsOf(error);
  const isMissing = error instanceof ApiError && error.status === 404;
  return (
    <article class="failure" role="alert">
      <strong>
        {isMissing ? "There is nothing here" : "This could not be read"}
      </strong>
      <p>{message}</p>
      {onRetry && !isMissing && (
        <button type="button" class="secondary" onClick={onRetry}>
          Try again
        </button>
      )}
    </article>
  );
}

/** An act that was refused, in the server's words. */
export function Refusal({ error }: { error: unknown }) {
  if (!error) return null;
  return <p class="refusal" role="alert">{wordsOf(error).message}</p>;
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
