import { ChevronRight } from "lucide-preact";
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { AlertIncident } from "../../../types/alerts.ts";
import { useBulk } from "../bulk.ts";
import { Acknowledge } from "../components/acknowledge.tsx";
import { Refused } from "../components/bulk-dialog.tsx";
import { IncidentActs } from "../components/bulk-incidents.tsx";
import { selectionColumn, useSelection } from "../components/selection.tsx";
import { Icon, Severity } from "../components/status.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { span, title, unbroken } from "../format.ts";
import { useUser } from "../session.ts";
import { familiesOf } from "./families.ts";

interface Row {
  incident: AlertIncident;
  /** The number of incidents that the incident inhibits. */
  inhibited: number;
  /** The incident under which this one is folded. */
  root: AlertIncident;
}

const isChild = ({ incident, root }: Row): boolean => incident !== root;

/** The reasons why an incident is less urgent than its state, and the time at which it fires again. */
function Notes({ of: { state, muted_by, is_flapping, acknowledged_by, acknowledged_until } }: { of: AlertIncident }) {
  return (
    <>
      {state === "ACKNOWLEDGED" && (
        <span>
          acknowledged by {acknowledged_by} {acknowledged_until && (
            <>
              until <Moment at={acknowledged_until} />
            </>
          )}
        </span>
      )}
      {state !== "RESOLVED" && muted_by === "COVERAGE" && <span>other incidents were notified about the same runs</span>}
      {is_flapping && <span>flapping</span>}
    </>
  );
}

function Badges({ of: row }: { of: Row }) {
  const { state, severity, muted_by } = row.incident;
  const isQuiet = state === "RESOLVED" || muted_by === "SILENCE";
  if (muted_by === "PARENT") return <span class="pill">Inhibited</span>;
  return (
    <div class="badges">
      {isQuiet ? <span class="pill">{title(severity)}</span> : <Severity of={severity} />}
      {muted_by === "SILENCE" && <span class="pill">Silenced</span>}
    </div>
  );
}

/** A row of an incident; an inhibited incident has the cause of its parent, so its row has its rule in place of the cause. */
function Incident({ row, isOpen, onFold }: { row: Row; isOpen: boolean; onFold: () => void }) {
  const { incident, inhibited } = row;
  const { id, cause, scope, rule_name, state, severity } = incident;
  if (isChild(row)) {
    return (
      <div class="child">
        <Link href={`/alerts/${id}`}>{rule_name}</Link>
        <p class="dotted">
          <span>{scope}</span> <span>{title(severity)}</span> <Notes of={incident} />
        </p>
      </div>
    );
  }
  return (
    <>
      <Link href={`/alerts/${id}`} class={state === "RESOLVED" ? "cause quiet" : "cause"}>{unbroken(cause)}</Link>
      <p class="dotted">
        <span>{scope}</span> <span>{rule_name}</span> <Notes of={incident} />
      </p>
      {inhibited > 0 && (
        <button type="button" class="plain fold" aria-expanded={isOpen} aria-label={`${inhibited} inhibited by ${cause}`} onClick={onFold}>
          <ChevronRight aria-hidden="true" /> {inhibited} inhibited
        </button>
      )}
    </>
  );
}

const Began = ({ of: { began_at, resolved_at } }: { of: AlertIncident }) => (
  <>
    <Distance at={began_at} />
    {resolved_at && <p class="under">lasted {span(Date.parse(resolved_at) - Date.parse(began_at))}</p>}
  </>
);

/** Whether the incident of a row fires and is not inhibited. */
const needsPerson = (row: Row): boolean => row.incident.state === "FIRING" && !isChild(row);

const ACKNOWLEDGE: Column<Row> = {
  name: "Actions",
  isNumber: true,
  card: "end",
  cell: (row) => needsPerson(row) && <Acknowledge id={row.incident.id} cause={row.incident.cause} isSmall />,
};

/** The incidents, each with its inhibited incidents folded under it; an operator can select the live ones. */
export function IncidentList({ incidents }: { incidents: AlertIncident[] }) {
  const { can } = useUser();
  const [open, setOpen] = useState<readonly string[]>([]);
  const families = familiesOf(incidents);
  const rows = families.flatMap(({ incident, inhibited }): Row[] => [
    { incident, inhibited: inhibited.length, root: incident },
    ...open.includes(incident.id) ? inhibited.map((child) => ({ incident: child, inhibited: 0, root: incident })) : [],
  ]);
  const roots = families.map(({ incident }) => incident);
  const selection = useSelection(roots, ({ id }) => id, ({ state }) => can("operator") && state !== "RESOLVED");
  const select = selectionColumn(selection, ({ cause, scope }) => `${cause}, ${scope}`);
  const bulk = useBulk<AlertIncident>();
  const fold = ({ id }: AlertIncident) => setOpen(open.includes(id) ? open.filter((other) => other !== id) : [...open, id]);
  const columns: Column<Row>[] = [
    ...can("operator") ? [{ ...select, cell: ({ incident }: Row) => select.cell(incident) }] : [],
    { name: "Severity", card: "head", cell: (row) => <Badges of={row} /> },
    {
      name: "Incident",
      isHead: true,
      cell: (row) => <Incident row={row} isOpen={open.includes(row.incident.id)} onFold={() => fold(row.incident)} />,
    },
    { name: "Began", card: "end", isNumber: true, cell: ({ incident }) => <Began of={incident} /> },
    ...can("operator") && rows.some(needsPerson) ? [ACKNOWLEDGE] : [],
  ];
  return (
    <>
      <Refused of={bulk.refused} nameOf={({ id, cause }) => <Link href={`/alerts/${id}`}>{cause}</Link>} onForget={bulk.forget} />
      <Table
        caption="Incidents, by state and urgency"
        columns={columns}
        rows={rows}
        keyOf={({ incident }) => incident.id}
        groupOf={({ root }) => root.state}
        groupHead={(state) => (
          <>
            <Icon of={state} /> {title(state)}
          </>
        )}
      />
      <IncidentActs selection={selection} bulk={bulk} />
    </>
  );
}
