import { useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import { ObjectiveDetailResponse } from "../../../types/objectives.ts";
import { go } from "../address.ts";
import { announce } from "../announce.ts";
import { Confirm } from "../components/confirm.tsx";
import { CopyMenu } from "../components/copy-menu.tsx";
import { Page, Section } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Pill } from "../components/status.tsx";
import { BurnRules, Definition } from "../objective/beside.tsx";
import { BudgetChart } from "../objective/budget-chart.tsx";
import { budgetText, endText, STATUSES } from "../objective/budget.ts";
import { Causes } from "../objective/causes.tsx";
import { ObjectiveForm } from "../objective/form.tsx";
import { ObjectiveHead } from "../objective/head.tsx";
import { Incidents } from "../objective/incidents.tsx";
import { sentence } from "../format.ts";
import { UnusedResponse, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

export default function ObjectiveView() {
  const { id = "" } = useParams();
  const path = `sync-monitoring/objectives/${id}`;
  const objective = useRead(path, ObjectiveDetailResponse, { every: 60_000 });
  const { can } = useUser();
  return (
    <Page
      key={id}
      title={objective.data?.name ?? "Objective"}
      crumb={<Link href="/objectives">Objectives</Link>}
      lead={objective.data && <Lead of={objective.data} />}
      acts={objective.data && (
        <>
          <CopyMenu id={id} path={path} />
          {can("admin") && <Acts of={objective.data} />}
        </>
      )}
    >
      <Reading of={objective}>{(data) => <Body objective={data} />}</Reading>
    </Page>
  );
}

/** The status and the remaining budget in words. */
function Lead({ of: objective }: { of: ObjectiveDetailResponse }) {
  const { name, of } = STATUSES[objective.status], end = endText(objective), rest = budgetText(objective);
  return (
    <>
      <Pill of={of} label={name} />
      <p>{sentence(objective.status === "MISSED" ? `the error budget is ${rest}` : end === null ? rest : `${rest}, ${end}`)}</p>
    </>
  );
}

function Body({ objective }: { objective: ObjectiveDetailResponse }) {
  const { events, rolling_window } = objective;
  return (
    <>
      <ObjectiveHead of={objective} />
      <div class="split">
        <div class="stack">
          {events === 0 ? <Empty>No event was counted in the last {rolling_window}, so there is no budget to spend.</Empty> : (
            <>
              <BudgetChart objective={objective} />
              <Section title="Causes of the spent budget">
                <Causes objective={objective} />
              </Section>
            </>
          )}
          <Section title="Incidents in the window">
            <Incidents of={objective} />
          </Section>
        </div>
        <aside class="stack">
          <Definition of={objective} />
          <BurnRules of={objective} />
        </aside>
      </div>
    </>
  );
}

/** The acts of an admin on the objective. */
function Acts({ of: objective }: { of: ObjectiveDetailResponse }) {
  const [isChanging, setChanging] = useState(false);
  const { id, name, rules } = objective;
  return (
    <>
      <button type="button" onClick={() => setChanging(true)}>Change</button>
      <Confirm
        label="Delete"
        title={`Delete the objective ${name}?`}
        confirm="Delete the objective"
        change={{ method: "DELETE", path: `sync-admin/objectives/${id}` }}
        schema={UnusedResponse}
        onDone={() => {
          announce(`${name} is deleted.`);
          go("/objectives");
        }}
      >
        {rules.length > 0
          ? "Its burn-rate rules are deleted, too, and their incidents resolve. Its past events stay."
          : "Its past events stay, and an objective of the same indicator counts them again."}
      </Confirm>
      {isChanging && <ObjectiveForm objective={objective} onClose={() => setChanging(false)} />}
    </>
  );
}
