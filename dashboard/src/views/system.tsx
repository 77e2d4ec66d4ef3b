import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import { SystemStatusResponse } from "../../../types/history.ts";
import type { EntityHealthStatus } from "../../../types/monitoring.ts";
import { attentionOf, Headline } from "../components/headline.tsx";
import { Page } from "../components/page.tsx";
import { Retention } from "../components/retention.tsx";
import { Reading } from "../components/states.tsx";
import { number, title } from "../format.ts";
import { useOverview } from "../overview.ts";
import { useRead } from "../queries.ts";
import { ComponentList, SharedMessages, sharedOf } from "../system/component-list.tsx";
import { Connectivity } from "../system/connectivity.tsx";
import { countedOf } from "../tab.ts";

type Component = SystemStatusResponse["components"][number];
type Figure = [name: string, value: ComponentChildren];

/** The groups of components, in the order in which a run depends on them; the columns of the view. */
const COLUMNS: [name: string, kinds: Component["kind"][]][][] = [
  [["Runs", ["runs", "scheduler", "schedule", "upstream", "queue"]]],
  [["Alerts", ["alert_processor", "channel"]], ["Storage", ["database", "audit"]]],
];
const STATES: Component["status"][] = ["FAILED", "DEGRADED", "UNKNOWN", "OK"];

/** The number of components that need attention, in words, or the number of syncs with a warning when every component works. */
function stateOf(components: Component[], syncs: EntityHealthStatus[]): string {
  const bad = components.filter(({ status }) => status !== "OK").length;
  if (bad > 0) return attentionOf(bad, components.length, "component");
  const [first, ...others] = syncs;
  if (!first) return components.length === 1 ? "The only component works" : `All ${number(components.length)} components work`;
  if (others.length) return `${number(syncs.length)} syncs need attention`;
  return `${first.title} ${first.status === "CRITICAL" ? "is critical" : "has a warning"}`;
}

function State({ of: { status, summary, components } }: { of: SystemStatusResponse }) {
  const overview = useOverview().data;
  const syncs = Object.values(overview?.sync_entities ?? {}).filter((sync) => sync.status !== "HEALTHY");
  const worst = syncs.some((sync) => sync.status === "CRITICAL") ? "CRITICAL" : "WARNING";
  const isWhole = components.every(({ status }) => status === "OK");
  const live = countedOf(overview?.active_alerts ?? []).length;
  const counts = STATES.map((state) => [state, components.filter((component) => component.status === state).length] as const);
  return (
    <Headline
      // When every component works, the headline has the worst status of the syncs.
      of={status === "OK" && syncs.length > 0 ? worst : status}
      title={stateOf(components, syncs)}
      figures={[
        ...counts.filter(([, count]) => count > 0 && !isWhole).map(([state, count]) => [title(state), number(count)] as Figure),
        ...live > 0 ? [["Incidents", <Link class="late" href="/alerts">{number(live)}</Link>] as Figure] : [],
      ]}
    >
      {isWhole && syncs.length > 0 ? `Every component works. ${summary}` : summary}
    </Headline>
  );
}

export default function System() {
  const system = useRead("sync-monitoring/system-status", SystemStatusResponse, { every: 10_000 });
  return (
    <Page title="System">
      <Reading of={system}>
        {(data) => (
          <>
            <State of={data} />
            <SharedMessages of={data.components} />
            <div class="pair system">
              {COLUMNS.map((groups) => (
                <div key={groups[0]?.[0]} class="stack">
                  {groups.map(([name, kinds]) => (
                    <section key={name} class="card headed">
                      <h2>{name}</h2>
                      <ComponentList of={data.components.filter(({ kind }) => kinds.includes(kind))} shared={sharedOf(data.components)} />
                    </section>
                  ))}
                </div>
              ))}
            </div>
          </>
        )}
      </Reading>
      <Connectivity />
      <Retention />
    </Page>
  );
}
