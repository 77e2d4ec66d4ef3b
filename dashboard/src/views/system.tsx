import type { ComponentChildren } from "preact";
import { SystemStatusResponse } from "../../../types/history.ts";
import { attentionOf, Headline } from "../components/headline.tsx";
import { Page } from "../components/page.tsx";
import { Retention } from "../components/retention.tsx";
import { Reading, Skeleton } from "../components/states.tsx";
import { counted, number, title } from "../format.ts";
import { HEALTH, isInTrouble } from "../health.ts";
import { useOverview } from "../overview.ts";
import { useRead } from "../queries.ts";
import { ComponentGroup, type Row, rowsOf, SharedMessages, sharedOf, useTitles } from "../system/component-list.tsx";
import { Connectivity } from "../system/connectivity.tsx";
import type { Component } from "../system/health.ts";

type Figure = [name: string, value: ComponentChildren, status: string];

/** The groups of the components that need no person, in the order in which a run depends on them. */
const GROUPS: [name: string, kinds: Component["kind"][]][] = [
  ["Runs", ["runs", "scheduler", "schedule", "upstream", "queue"]],
  ["Alerts", ["alert_processor", "channel"]],
  ["Storage", ["database", "audit"]],
];

/** The number of components with each health, counted from the rows below, and the names of the worst ones. */
function State({ of: rows, summary }: { of: Row[]; summary: string }) {
  const titleOf = useTitles();
  const counts = HEALTH.map((health) => [health, rows.filter((row) => row.health === health).length] as const)
    .filter(([, count]) => count > 0);
  const bad = rows.filter(({ health }) => isInTrouble(health)).length;
  const worst = counts[0]?.[0] ?? "UNKNOWN", ofWorst = rows.filter(({ health }) => health === worst);
  // The row of the runs already shows the summary when the runs are in trouble.
  const isSaid = rows.some(({ component, health }) => component.kind === "runs" && isInTrouble(health));
  const good = rows.filter(({ health }) => health === "HEALTHY").length;
  return (
    <Headline
      of={worst}
      title={bad > 0
        ? attentionOf(bad, rows.length, "component")
        : `${good === rows.length ? "All" : `${number(good)} of`} ${counted(rows.length, "component")} work`}
      figures={counts.length > 1 ? counts.map(([health, count]): Figure => [title(health), number(count), health]) : []}
    >
      {isInTrouble(worst) && `${title(worst)}: ${ofWorst.map(({ component }) => titleOf(component)).join(", ")}. `}
      {!isSaid && summary}
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
