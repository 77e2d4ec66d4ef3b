import type { EntityHealthStatus } from "../../../types/monitoring.ts";
import { Distance, useNow } from "./time.tsx";

/** The time of the next run of an entity, or the reason why none starts. */
export function NextRun({ health }: { health: EntityHealthStatus }) {
  const now = useNow();
  if (health.is_paused) return <>paused</>;
  if (!health.idle_since && health.next_sync && Date.parse(health.next_sync) <= now) return <>due now</>;
  if (!health.idle_since) return <Distance at={health.next_sync} />;
  if (!health.next_sync) return <>idle</>;
  return (
    <>
      idle, starts <Distance at={health.next_sync} />
    </>
  );
}
