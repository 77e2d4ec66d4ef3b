import { useState } from "preact/hooks";
import { JobDetailResponse } from "../../../types/jobs.ts";
import { go } from "../address.ts";
import { Refusal } from "../components/states.tsx";
import { useAct } from "../queries.ts";
import { useUser } from "../session.ts";
import { isFinished, type Job } from "./job.ts";

/** The acts of an operator on a job: cancel it, or after its end sync its target again. */
export function Acts({ job }: { job: Job }) {
  const { can } = useUser();
  if (!can("operator")) return null;
  if (isFinished(job)) return <Requeue job={job} />;
  return job.cancel_requested_at ? null : <Cancel job={job} />;
}

function Cancel({ job }: { job: Job }) {
  const cancel = useAct(() => ({ method: "POST", path: `sync-admin/jobs/${job.id}/cancel`, body: {} }), JobDetailResponse);
  const [isConfirming, setConfirming] = useState(false);
  return (
    <>
      <Refusal error={cancel.error} />
      {isConfirming
        ? <button type="button" class="danger" aria-busy={cancel.isPending} onClick={() => cancel.mutate()}>Yes, cancel it</button>
        : <button type="button" onClick={() => setConfirming(true)}>Cancel</button>}
    </>
  );
}

/** Queues the job or its failed tournaments again; the failed tournaments are the main act until they are queued. */
function Requeue({ job }: { job: Job }) {
  const requeue = useAct(
    (only_failed: boolean) => ({ method: "POST", path: `sync-admin/jobs/${job.id}/requeue`, body: { only_failed } }),
    JobDetailResponse,
    ({ id }) => go(`/jobs/${id}`),
  );
  const isBusy = (only_failed: boolean) => requeue.isPending && requeue.variables === only_failed;
  return (
    <>
      <Refusal error={requeue.error} />
      <button type="button" aria-busy={isBusy(false)} onClick={() => requeue.mutate(false)}>Sync again</button>
      {(job.progress?.tournaments_failed ?? 0) > 0 && (
        <button
          type="button"
          class={job.requeued_as.length ? undefined : "primary"}
          aria-busy={isBusy(true)}
          onClick={() => requeue.mutate(true)}
        >
          Sync failed tournaments again
        </button>
      )}
    </>
  );
}
