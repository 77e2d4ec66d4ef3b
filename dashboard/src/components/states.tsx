import type { UseQueryResult } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { ApiError } from "../api.ts";
import { describeError } from "../queries.ts";
import { Message } from "./time.tsx";

/** Shows the data of a query, its loading state or its error; earlier data stays visible when a later read fails. */
export function Reading<T>(
  { of: { data, error, isPending, refetch }, children }: {
    of: Pick<UseQueryResult<T>, "data" | "error" | "isPending" | "refetch">;
    children: (data: T) => ComponentChildren;
  },
) {
  if (data !== undefined) return <>{children(data)}</>;
  if (isPending) return <Skeleton />;
  return <Failure error={error} onRetry={() => void refetch()} />;
}

/** The outline of a view, or of a part of it, that is loading. */
export const Skeleton = ({ blocks = 3 }: { blocks?: number }) => (
  <div class="skeleton" aria-busy="true">
    <span class="unseen">Loading …</span>
    {Array.from({ length: blocks }, (_, block) => <span key={block} class="block" aria-hidden="true" />)}
  </div>
);

function Failure(
  { error, onRetry }: { error: unknown; onRetry?: () => void },
) {
  const { message } = describeError(error);
  const isMissing = error instanceof ApiError && error.status === 404;
  return (
    <div class="failure card pad" role="alert">
      <strong>
        {isMissing ? "Not found" : "The data could not be read"}
      </strong>
      <p>{message}</p>
      {onRetry && !isMissing && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** The server's message for a refused change. */
export function Refusal({ error }: { error: unknown }) {
  if (!error) return null;
  return (
    <p class="refusal" role="alert">
      <Message of={describeError(error).message} />
    </p>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
