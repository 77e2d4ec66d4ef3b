import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import { SystemStatusResponse } from "../../../types/history.ts";
import { attentionOf, Headline } from "../components/headline.tsx";
import { Page } from "../components/page.tsx";
import { Retention } from "../components/retention.tsx";
import { Reading, Skeleton } from "../components/states.tsx";
import { counted, number, title } from "../format.ts";
import { HEALTH, isInTrouble } from "../health.ts";
import { useOverview } from "../overview.ts";
import { useRead } from "../queries.ts";
import { ComponentGroup, type Row, rowsOf, SharedMessages, sharedOf } from "../system/component-list.tsx";
import { Connectivity } from "../system/connectivity.tsx";
import type { Component } from "../system/health.ts";
import { countedOf } from "../tab.ts";

type Figure = [name: string, value: ComponentChildren, status: string];

/** The groups of the components that need no person, in the order in which a run depends on them. */
const GROUPS: [name: string, kinds: Component["kind"][]][] = [
  ["Runs", ["runs", "scheduler", "schedule", "upstream", "queue"]],
  ["Alerts", ["alert_processor", "channel"]],
  ["Storage", ["database", "audit"]],
];

/** The number of components with each health, counted from the rows below. */
function State({ of: rows, summary }: { of: Row[]; summary: string }) {
  const live = countedOf(useOverview().data?.active_alerts ?? []).length;
  const counts = HEALTH.map((health) => [health, rows.filter((row) => row.health === health).length] as const)
    .filter(([, count]) => count > 0);
  const bad = rows.filter(({ health }) => isInTrouble(health)).length;
  const good = rows.filter(({ health }) => health === "HEALTHY").length;
  return (
    <Headline
      of={counts[0]?.[0] ?? "UNKNOWN"}
      title={bad > 0
        ? attentionOf(bad, rows.length, "component")
        : `${good === rows.length ? "All" : `${number(good)} of`} ${counted(rows.length, "component")} work`}
      figures={[
        ...counts.length > 1 ? counts.map(([health, count]): Figure => [title(health), number(count), health]) : [],
        ...live > 0 ? [["Incidents", <Link href="/alerts">{number(live)}</Link>, "FIRING"] as Figure] : [],
      ]}
    >
      {summary}
    </Headline>
  );
}

function Body({ of: { components, summary } }: { of: SystemStatusResponse }) {
  const rows = rowsOf(components, useOverview().data?.sync_entities ?? {}), shared = sharedOf(components);
  return (
    <>
      <State of={rows} summary={summary} />
      <SharedMessages of={components} />
      <div class="card checks">
        <ComponentGroup title="Needs attention" of={rows.filter(({ health }) => isInTrouble(health))} shared={shared} />
        {GROUPS.map(([name, kinds]) => (
          <ComponentGroup
            key={name}
            title={name}
            of={rows.filter(({ component, health }) => kinds.includes(component.kind) && !isInTrouble(health))}
            shared={shared}
          />
        ))}
      </div>
    </>
  );
}

export default function System() {
  const system = useRead("sync-monitoring/system-status", SystemStatusResponse, { every: 10_000 });
  // The overview has the health of the syncs, so the rows wait for it and do not change under the pointer.
  const isPending = useOverview().isPending;
  return (
    <Page title="System">
      {isPending ? <Skeleton /> : <Reading of={system}>{(data) => <Body of={data} />}</Reading>}
      <Connectivity />
      <Retention />
    </Page>
  );
}
