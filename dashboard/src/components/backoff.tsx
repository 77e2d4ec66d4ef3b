import type { EntityHealthStatus } from "../../../types/monitoring.ts";
import { announce } from "../announce.ts";
import { sentence } from "../format.ts";
import { UnusedResponse, useAct } from "../queries.ts";
import { useUser } from "../session.ts";
import { Refusal } from "./states.tsx";
import { Icon } from "./status.tsx";
import { Message } from "./time.tsx";

/** The upstream backoff for which every sync waits; an operator can end it. */
export function Backoff({ entities }: { entities: EntityHealthStatus[] }) {
  const { can } = useUser();
  const act = useAct(
    () => ({ method: "POST", path: "sync-admin/upstream/end-backoff", body: {} }),
    UnusedResponse,
    () => announce("The upstream backoff has ended."),
  );
  const backoff = entities.flatMap(({ because }) => because).find(({ code }) => code === "UPSTREAM_BACKOFF");
  if (!backoff) return null;
  return (
    <section class="notice backoff" aria-label="Upstream backoff">
      <p>
        <Icon of="WARNING" /> <Message of={sentence(backoff.message)} />
      </p>
      {can("operator") && (
        <button
          type="button"
          aria-busy={act.isPending}
          disabled={act.isPending}
          onClick={() => act.mutate()}
        >
          End the backoff
        </button>
      )}
      <Refusal error={act.error} />
    </section>
  );
}
