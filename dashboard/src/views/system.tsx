import { SystemStatusResponse } from "../../../types/history.ts";
import { Page } from "../components/page.tsx";
import { Retention } from "../components/retention.tsx";
import { Reading } from "../components/states.tsx";
import { Pill } from "../components/status.tsx";
import { useRead } from "../queries.ts";
import { ComponentList, SharedMessages, sharedOf } from "../system/component-list.tsx";
import { Connectivity } from "../system/connectivity.tsx";

type Component = SystemStatusResponse["components"][number];

/** The groups of components, in the order in which a run depends on them. */
const GROUPS: [name: string, kinds: Component["kind"][]][] = [
  ["Runs", ["runs", "scheduler", "schedule", "upstream", "queue"]],
  ["Alerts", ["alert_processor", "channel"]],
  ["Storage", ["database", "audit"]],
];

export default function System() {
  const system = useRead("sync-monitoring/system-status", SystemStatusResponse, { every: 10_000 });
  return (
    <Page
      title="System"
      lead={system.data && (
        <>
          <Pill of={system.data.status} /> <span>{system.data.summary}</span>
        </>
      )}
    >
      <div class="split incident">
        <div class="stack">
          <Reading of={system}>
            {({ components }) => (
              <>
                <SharedMessages of={components} />
                {GROUPS.map(([name, kinds]) => (
                  <section key={name} class="card headed">
                    <h2>{name}</h2>
                    <ComponentList of={components.filter(({ kind }) => kinds.includes(kind))} shared={sharedOf(components)} />
                  </section>
                ))}
              </>
            )}
          </Reading>
        </div>
        <aside class="stack">
          <Connectivity />
          <Retention />
        </aside>
      </div>
    </Page>
  );
}
