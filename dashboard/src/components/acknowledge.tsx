import { announce } from "../announce.ts";
import { UnusedResponse, useAct } from "../queries.ts";
import { useUser } from "../session.ts";
import { Refusal } from "./states.tsx";

/** A button that acknowledges an incident until it resolves. */
export function Acknowledge({ id, cause }: { id: string; cause: string }) {
  const { can } = useUser();
  const act = useAct(
    () => ({ method: "POST", path: `sync-admin/alerts/${id}/acknowledge`, body: {} }),
    UnusedResponse,
    () => announce(`Acknowledged: ${cause}`),
  );
  if (!can("operator")) return null;
  return (
    <>
      <button
        type="button"
        aria-label={`Acknowledge: ${cause}`}
        aria-busy={act.isPending}
        disabled={act.isPending}
        onClick={() => act.mutate()}
      >
        Acknowledge
      </button>
      <Refusal error={act.error} />
    </>
  );
}
