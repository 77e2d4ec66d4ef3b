import { Link } from "wouter-preact";
import type { z } from "zod";
import type { SyncErrorRecord } from "../../../types/history.ts";
import { title } from "../format.ts";
import { Status } from "./status.tsx";
import { Moment } from "./time.tsx";

/** The advice for an error, and the note of its resolution. */
const Advice = ({ of: error }: { of: z.infer<typeof SyncErrorRecord> }) => (
  <>
    {error.recovery_suggestion && (
      <p>
        <strong>What to do:</strong> {error.recovery_suggestion}
      </p>
    )}
    {error.resolution_notes && (
      <p>
        <strong>Resolved:</strong> {error.resolution_notes}
      </p>
    )}
  </>
);

/** An error with its message, advice, links and context. */
export function ErrorRecord(
  { of: error }: { of: z.infer<typeof SyncErrorRecord> },
) {
  return (
    <article class="error">
      <header>
        <Status of={error.error_severity} /> <strong>{title(error.error_type)}</strong> <code>{error.error_code}</code>{" "}
        {error.resolved_at ? <Status of="RESOLVED" /> : <Status of="PENDING" label="Open" />} <Moment at={error.occurred_at} />
      </header>
      <p class="message">{error.error_message}</p>
      <Advice of={error} />
      <p>
        {error.tournament_no && (
          <>
            <Link href={`/tournaments/${error.tournament_no}`}>
              Tournament {error.tournament_no}
            </Link>
            {" · "}
          </>
        )}
        {error.sync_execution_id && (
          <>
            <Link href={`/runs/${error.sync_execution_id}`}>Run</Link>
            {" · "}
          </>
        )}
        <Link href={`/errors/${encodeURIComponent(error.fingerprint)}`}>
          All errors with this fingerprint
        </Link>
      </p>
      {error.error_context !== null && (
        <details>
          <summary>Context</summary>
          <pre tabIndex={0}>{JSON.stringify(error.error_context, null, 2)}</pre>
        </details>
      )}
    </article>
  );
}
