import { SystemStatusResponse } from "../../../types/history.ts";
import { attentionOf, Headline } from "../components/headline.tsx";
import { Page } from "../components/page.tsx";
import { Retention } from "../components/retention.tsx";
import { Reading } from "../components/states.tsx";
import { number, title } from "../format.ts";
import { useRead } from "../queries.ts";
import { ComponentList, SharedMessages, sharedOf } from "../system/component-list.tsx";
import { Connectivity } from "../system/connectivity.tsx";

type Component = SystemStatusResponse["components"][number];

/** The groups of components, in the order in which a run depends on them; the columns of the view. */
const COLUMNS: [name: string, kinds: Component["kind"][]][][] = [
  [["Runs", ["runs", "scheduler", "schedule", "upstream", "queue"]]],
  [["Alerts", ["alert_processor", "channel"]], ["Storage", ["database", "audit"]]],
];
const STATES: Component["status"][] = ["FAILED", "DEGRADED", "UNKNOWN", "OK"];

/** How many components need a person, in words. */
function stateOf(components: Component[]): string {
  const bad = components.filter(({ status }) => status !== "OK").length;
  if (bad > 0) return attentionOf(bad, components.length, "component");
  return components.length === 1 ? "The only component works" : `All ${number(components.length)} components work`;
}

function State({ of: { status, summary, components } }: { of: SystemStatusResponse }) {
  const isWhole = components.every(({ status }) => status === "OK");
  const counts = STATES.map((state) => [state, components.filter((component) => component.status === state).length] as const);
  return (
    <Headline
      of={status}
      title={stateOf(components)}
      figures={counts.filter(([, count]) => count > 0 && !isWhole).map(([state, count]) => [title(state), number(count)])}
    >
      {summary}
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
      <div class="split">
        <Retention />
        <aside class="stack">
          <Connectivity />
        </aside>
      </div>
    </Page>
  );
}
