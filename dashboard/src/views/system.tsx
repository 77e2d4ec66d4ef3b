import { useState } from "preact/hooks";
import { ConnectivityResponse } from "../../../types/admin.ts";
import { SystemStatusResponse } from "../../../types/history.ts";
import { useApi } from "../api.ts";
import { Page, Section } from "../components/page.tsx";
import { Retention } from "../components/retention.tsx";
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
      <Retention />
    </Page>
  );
}

/** Tests on demand whether each component can be reached. */
function Connectivity() {
  const api = useApi();
  const [result, setResult] = useState<ConnectivityResponse | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const test = async () => {
    setBusy(true);
    try {
      setResult(
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
          aria-busy={isBusy}
          onClick={() => void test()}
        >
          Test connectivity
        </button>
      }
    >
      <Refusal error={error} />
      {result
        ? (
          <Table
            caption="Connectivity of each component"
            rows={result.checks}
            keyOf={(check) => `${check.kind} ${check.name}`}
            columns={[
              { name: "Component", isHead: true, cell: (check) => check.name },
              { name: "Kind", cell: (check) => title(check.kind) },
              { name: "State", cell: (check) => <Status of={check.status} /> },
              {
                name: "Response time",
                isNumber: true,
                cell: (check) => duration(check.response_time_ms),
              },
              { name: "Message", cell: (check) => check.message },
            ]}
          />
        )
        : <p class="empty">The test starts no run and sends no notification.</p>}
    </Section>
  );
}
