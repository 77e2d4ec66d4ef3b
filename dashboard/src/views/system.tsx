import { useState } from "preact/hooks";
import { ConnectivityResponse } from "../../../types/admin.ts";
import { SystemStatusResponse } from "../../../types/history.ts";
import { useApi } from "../api.ts";
import { Page, Section } from "../components/page.tsx";
import { Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { duration, title } from "../format.ts";
import { useRead } from "../queries.ts";

export default function System() {
  const system = useRead(
    "sync-monitoring/system-status",
    SystemStatusResponse,
    { every: 10_000 },
  );
  return (
    <Page
      title="System"
      lead={system.data && <Status of={system.data.status} />}
    >
      <Reading of={system}>
        {({ components }) => (
          <div class="components">
            {components.map(({ name, kind, status, message, evidence }) => (
              <article key={`${kind} ${name}`}>
                <header>
                  <strong>{name}</strong> <small>{title(kind)}</small> <Status of={status} />
                </header>
                <p>{message}</p>
                <details>
                  <summary>Evidence</summary>
                  <pre tabIndex={0}>{JSON.stringify(evidence, null, 2)}</pre>
                </details>
              </article>
            ))}
          </div>
        )}
      </Reading>
      <Connectivity />
    </Page>
  );
}

/** Tries to reach every part, on demand. */
function Connectivity() {
  const api = useApi();
  const [answer, setAnswer] = useState<ConnectivityResponse | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const ask = async () => {
    setBusy(true);
    try {
      setAnswer(
        await api.get("sync-admin/test-connectivity", ConnectivityResponse),
      );
      setError(null);
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  return (
    <Section
      title="Connectivity"
      acts={
        <button
          type="button"
          class="secondary"
          aria-busy={isBusy}
          onClick={() => void ask()}
        >
          Reach every part now
        </button>
      }
    >
      <Refusal error={error} />
      {answer
        ? (
          <Table
            caption="What can be reached"
            rows={answer.checks}
            keyOf={(one) => `${one.kind} ${one.name}`}
            columns={[
              { name: "Part", isHead: true, cell: (one) => one.name },
              { name: "Kind", cell: (one) => title(one.kind) },
              { name: "State", cell: (one) => <Status of={one.status} /> },
              {
                name: "Answered in",
                isNumber: true,
                cell: (one) => duration(one.response_time_ms),
              },
              { name: "Says", cell: (one) => one.message },
            ]}
          />
        )
        : <p class="empty">Nothing is started by it, and nothing is sent.</p>}
    </Section>
  );
}
