import { LastConnectivityResponse } from "../../../types/admin.ts";
import { SystemStatusResponse } from "../../../types/history.ts";
import { Page, Section } from "../components/page.tsx";
import { Retention } from "../components/retention.tsx";
import { Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { Message, Moment } from "../components/time.tsx";
import { duration, title } from "../format.ts";
import { UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

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
                <p>
                  <Message of={message} />
                </p>
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

/** Shows the last test of whether each component can be reached, and lets an operator test again. */
function Connectivity() {
  const { can } = useUser();
  const last = useRead("sync-admin/test-connectivity", LastConnectivityResponse, { every: 60_000 }).data?.last;
  const test = useAct(() => ({ method: "POST", path: "sync-admin/test-connectivity" }), UnusedResponse);
  return (
    <Section
      title="Connectivity"
      acts={can("operator") && (
        <button
          type="button"
          aria-busy={test.isPending}
          onClick={() => test.mutate()}
        >
          Test connectivity
        </button>
      )}
    >
      <Refusal error={test.error} />
      {last && (
        <p>
          Tested <Moment at={last.tested_at} />.
        </p>
      )}
      {last
        ? (
          <Table
            caption="Connectivity of each component"
            rows={last.checks}
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
              { name: "Message", cell: (check) => <Message of={check.message} /> },
            ]}
          />
        )
        : <p class="empty">No test was made. A test starts no run and sends no notification.</p>}
    </Section>
  );
}
