import type { ObjectiveDetailResponse } from "../../../types/objectives.ts";
import { Table } from "../components/table.tsx";
import { percent } from "../format.ts";
import { causeText, eventsText } from "./budget.ts";
import { CauseLink } from "./parts.tsx";

/** The causes that spent the budget, the largest first. */
export function Causes({ objective }: { objective: ObjectiveDetailResponse }) {
  const { causes, bad_events } = objective;
  if (causes.length === 0) return <p class="empty">No bad event spent the budget in this window.</p>;
  return (
    <Table
      caption="Causes, the largest first"
      rows={causes}
      keyOf={({ fingerprint, channel }) => fingerprint ?? channel ?? ""}
      columns={[
        {
          name: "Cause",
          isHead: true,
          cell: (cause) => {
            const { code } = causeText(cause);
            return (
              <>
                <CauseLink of={cause} /> {code && <p class="under">{code}</p>}
              </>
            );
          },
        },
        { name: "Bad events", isNumber: true, cell: (cause) => eventsText(cause.bad_events, objective) },
        {
          name: "Share",
          card: "wide",
          cell: (cause) => (
            <span class="cause-share">
              <meter value={cause.bad_events} max={bad_events} aria-hidden="true" /> {percent(cause.bad_events / bad_events)}
            </span>
          ),
        },
      ]}
    />
  );
}
