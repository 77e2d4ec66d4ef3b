import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { ObjectiveDetailResponse } from "../../../types/objectives.ts";
import { Severity, Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { useNames } from "../names.ts";

/** The number of rows that are shown at first. */
const FIRST = 10;

/** The incidents of the syncs of an objective in its window, the newest first, without inhibited ones. */
export function Incidents({ of: { incidents, rolling_window } }: { of: ObjectiveDetailResponse }) {
  const nameOf = useNames();
  const [isWhole, setWhole] = useState(false);
  const rows = incidents.filter(({ parent_id }) => parent_id === null);
  if (rows.length === 0) return <p class="empty">No incident of its syncs in the last {rolling_window}.</p>;
  return (
    <>
      <Table
        caption="Incidents in the window, the newest first"
        rows={isWhole ? rows : rows.slice(0, FIRST)}
        keyOf={({ id }) => id}
        columns={[
          {
            name: "Incident",
            isHead: true,
            cell: ({ id, rule_name }) => <Link href={`/alerts/${id}`}>{rule_name}</Link>,
          },
          { name: "State", card: "state", cell: ({ state }) => <Status of={state} /> },
          { name: "Severity", card: "head", cell: ({ severity }) => <Severity of={severity} /> },
          {
            name: "Scope",
            cell: ({ entity_type, tournament_no }) => tournament_no === null ? nameOf(entity_type) : `Tournament ${tournament_no}`,
          },
          { name: "From", cell: ({ began_at }) => <Moment at={began_at} /> },
          { name: "Until", cell: ({ resolved_at }) => resolved_at === null ? "now" : <Moment at={resolved_at} /> },
        ]}
      />
      {!isWhole && rows.length > FIRST && <button type="button" onClick={() => setWhole(true)}>Show all {rows.length}</button>}
    </>
  );
}
