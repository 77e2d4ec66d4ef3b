import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { INDICATORS, type Objective, ObjectiveListResponse } from "../../../types/objectives.ts";
import { go, useFilters } from "../address.ts";
import { Export } from "../components/export.tsx";
import { attentionOf, Headline } from "../components/headline.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { number } from "../format.ts";
import { useNames } from "../names.ts";
import { isInTrouble, shareText, STATUSES, worstFirst } from "../objective/budget.ts";
import { ObjectiveForm } from "../objective/form.tsx";
import { useObjectives } from "../objective/list.ts";
import { BudgetBar, BudgetWords, TopCause } from "../objective/parts.tsx";
import { useUser } from "../session.ts";

export default function Objectives() {
  const list = useObjectives();
  const { can } = useUser();
  const [{ new: isNew }] = useFilters(["new"]);
  const [isCreating, setCreating] = useState(false);
  // A person can follow the link to a new objective while the view is open, and again after closing the dialog.
  useEffect(() => {
    if (!isNew) return;
    setCreating(true);
    go("/objectives", { replace: true });
  }, [isNew]);
  return (
    <Page
      title="Objectives"
      acts={
        <>
          <Export
            name="objectives"
            path="sync-monitoring/objectives"
            query={{}}
            schema={ObjectiveListResponse}
            rowsOf={({ objectives }) => objectives}
            hasPages={false}
          />
          {can("admin") && <button type="button" class="primary" onClick={() => setCreating(true)}>New objective</button>}
        </>
      }
    >
      <Reading of={list}>
        {({ objectives }) =>
          objectives.length
            ? (
              <>
                <State of={objectives} />
                <List objectives={worstFirst(objectives)} />
              </>
            )
            : <Empty>There is no objective.</Empty>}
      </Reading>
      {can("admin") && isCreating && <ObjectiveForm objective={null} onClose={() => setCreating(false)} />}
    </Page>
  );
}

/** The number of objectives with each status. */
function State({ of: objectives }: { of: Objective[] }) {
  const counts = Object.entries(STATUSES).map(([status, { name, of }]) => ({
    name,
    of,
    count: objectives.filter((objective) => objective.status === status).length,
  })).filter(({ count }) => count > 0);
  const worst = counts[0];
  const bad = objectives.filter(isInTrouble).length;
  return (
    <Headline
      of={worst?.of ?? "IDLE"}
      title={bad > 0 ? attentionOf(bad, objectives.length, "objective") : "No objective needs attention"}
      figures={counts.map(({ name, of, count }) => [name, number(count), of])}
    >
      An objective is the share of good events that a window should have. The other events are its error budget.
    </Headline>
  );
}

function List({ objectives }: { objectives: Objective[] }) {
  const nameOf = useNames();
  return (
    <Table
      caption="Objectives, the worst first"
      rows={objectives}
      keyOf={({ id }) => id}
      columns={[
        {
          name: "Objective",
          isHead: true,
          cell: ({ id, name, indicator, entity_type }) => (
            <div class="objective-name">
              <Link href={`/objectives/${id}`}>{name}</Link>
              <p class="under">{nameOf(entity_type)}: {INDICATORS[indicator].label}</p>
            </div>
          ),
        },
        { name: "Status", card: "state", cell: ({ status }) => <Status of={STATUSES[status].of} label={STATUSES[status].name} /> },
        {
          name: "Attainment",
          cell: ({ attainment, target, rolling_window }) => (
            <div class="attainment">
              <strong>{shareText(attainment)}</strong> <small>target {shareText(target)} in {rolling_window}</small>
            </div>
          ),
        },
        {
          name: "Budget",
          card: "wide",
          cell: (objective) => (
            <>
              <BudgetBar of={objective} />
              <BudgetWords of={objective} />
              <TopCause of={objective} />
            </>
          ),
        },
        ...objectives.some(({ owner }) => owner) ? [{ name: "Owner", cell: ({ owner }: Objective) => owner }] : [],
      ]}
    />
  );
}
