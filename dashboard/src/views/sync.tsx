import { EntityListResponse } from "../../../types/admin.ts";
import { QueueStatusResponse } from "../../../types/jobs.ts";
import { Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { Jobs } from "../sync/jobs.tsx";
import { QueueState } from "../sync/queue.tsx";
import { Trigger } from "../sync/trigger.tsx";

export default function Sync() {
  const { can } = useUser();
  const entities = useRead("sync-admin/entities", EntityListResponse, { every: 60_000 });
  const queue = useRead("sync-admin/queue-status", QueueStatusResponse, { isLive: ({ running }) => running.length > 0 });
  const state = queue.data && <QueueState queue={queue.data} />;
  return (
    <Page title="Sync now" lead="A job waits for a free slot and then starts a run, without waiting for the schedule.">
      {can("operator")
        ? (
          <Reading of={entities}>
            {({ entities }) => (
              <Trigger types={entities.filter(({ is_active }) => is_active).map(({ entity_type }) => entity_type)}>{state}</Trigger>
            )}
          </Reading>
        )
        : (
          <>
            <Empty>Only an operator can start a sync.</Empty>
            {state}
          </>
        )}
      <Jobs />
    </Page>
  );
}
