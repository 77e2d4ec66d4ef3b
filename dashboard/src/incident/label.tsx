import { UnusedResponse, useAct } from "../queries.ts";
import { Refusal } from "../components/states.tsx";
import { useUser } from "../session.ts";
import type { Incident } from "./incident.ts";

const LABELS = [["USEFUL", "Useful"], ["NOISE", "Noise"]] as const;

/** The label of the incident: worth a notification or not; the quality of its rule counts the labels. */
export function Label({ of: { id, state, label, labelled_by } }: { of: Incident }) {
  const { can } = useUser();
  const act = useAct(
    (wanted: Incident["label"]) => ({ method: "PUT", path: `sync-admin/alerts/${id}/label`, body: { label: wanted } }),
    UnusedResponse,
  );
  if (state === "PENDING" || (label === null && !can("operator"))) return null;
  return (
    <section class="card pad">
      <h2>Worth a notification?</h2>
      {can("operator")
        ? (
          <div class="acts" role="group" aria-label="Worth a notification?">
            {LABELS.map(([value, name]) => (
              <button
                key={value}
                type="button"
                aria-pressed={label === value}
                aria-busy={act.isPending && act.variables === value}
                onClick={() => act.mutate(label === value ? null : value)}
              >
                {name}
              </button>
            ))}
          </div>
        )
        : <p>{label === "USEFUL" ? "Useful" : "Noise"}</p>}
      <p class="muted">{labelled_by ? `Labelled by ${labelled_by}.` : "The answers show which rules to tune."}</p>
      <Refusal error={act.error} />
    </section>
  );
}
