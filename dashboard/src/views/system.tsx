import { LastConnectivityResponse } from "../../../types/admin.ts";
import { SystemStatusResponse } from "../../../types/history.ts";
import { Page, Section } from "../components/page.tsx";
import { Retention } from "../components/retention.tsx";
import { Reading, Refusal } from "../components/states.tsx";
import { Icon, Pill, Status } from "../components/status.tsx";
import { Table } from "../components/table.tsx";
import { Message, Moment } from "../components/time.tsx";
import { duration, sentence, title } from "../format.ts";
import { UnusedResponse, useAct, useRead } from "../queries.ts";
import { useNames } from "../names.ts";
import { useUser } from "../session.ts";

type Component = SystemStatusResponse["components"][number];

/** The groups of components, in the order in which a run depends on them. */
const GROUPS: [name: string, kinds: Component["kind"][]][] = [
  ["Runs", ["runs", "scheduler", "schedule", "upstream", "queue"]],
  ["Alerts", ["alert_processor", "channel"]],
  ["Storage", ["database", "audit"]],
];

export default function System() {
  const system = useRead("sync-monitoring/system-status", SystemStatusResponse, { every: 10_000 });
  return (
    <Page
      title="System"
      lead={system.data && (
        <>
          <Pill of={system.data.status} /> {system.data.summary}
        </>
      )}
    >
      <Reading of={system}>
        {({ components }) => (
          <div class="stack parts">
            <SharedMessages of={components} />
            {GROUPS.map(([name, kinds]) => (
              <Section key={name} title={name}>
                <Components group={name} shared={sharedOf(components)} of={components.filter(({ kind }) => kinds.includes(kind))} />
              </Section>
            ))}
          </div>
        )}
      </Reading>
      <Connectivity />
      <Retention />
    </Page>
  );
}

/** The order of the states: what needs a person comes first. */
const STATES: Component["status"][] = ["FAILED", "DEGRADED", "UNKNOWN", "OK"];

/** The messages that several components have, such as of pg_cron that stopped. */
const sharedOf = (components: Component[]): string[] =>
  [
    ...new Set(components.filter(({ status }) => status !== "OK").map(({ message }) => message)),
  ].filter((message) => components.filter((component) => component.message === message).length > 1);

/** A statement of SQL in a message. */
const SQL = /\b(show [\w.]+;)/;

/** A message as a sentence, with its SQL as code. */
const Said = ({ message }: { message: string }) => (
  <>{sentence(message).split(SQL).map((part, index) => index % 2 ? <code key={index}>{part}</code> : <Message key={index} of={part} />)}</>
);

/** What several components report, each once. */
const SharedMessages = ({ of }: { of: Component[] }) => (
  <>
    {sharedOf(of).map((message) => (
      <p key={message} class="notice">
        <Icon of="WARNING" />
        <span>
          <Said message={message} />
        </span>
      </p>
    ))}
  </>
);

function Components({ group, shared, of }: { group: string; shared: string[]; of: Component[] }) {
  const nameOf = useNames();
  return (
    <Table
      caption={`Components of ${group.toLowerCase()}`}
      rows={of.toSorted((one, other) => STATES.indexOf(one.status) - STATES.indexOf(other.status))}
      keyOf={({ kind, name }) => `${kind} ${name}`}
      columns={[
        {
          name: "Component",
          isHead: true,
          cell: ({ name, kind }) => kind === "schedule" ? nameOf(name) : kind === "channel" ? `Channel ${name}` : COMPONENTS[kind],
        },
        { name: "State", card: "state", cell: ({ status }) => <Status of={status} /> },
        {
          name: "Why",
          card: "wide",
          cell: ({ message, evidence }) => (
            <details>
              <summary>
                {shared.includes(message) ? "The cause above." : <Said message={message} />}
              </summary>
              <pre tabIndex={0}>{JSON.stringify(evidence, null, 2)}</pre>
            </details>
          ),
        },
      ]}
    />
  );
}

const COMPONENTS: Record<Exclude<Component["kind"], "schedule" | "channel">, string> = {
  runs: "Outcome of the runs",
  scheduler: "Scheduler",
  upstream: "VIS",
  queue: "Queue",
  alert_processor: "Alert processor",
  database: "Database",
  audit: "Audit log",
};

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
              { name: "State", card: "state", cell: (check) => <Status of={check.status} /> },
              {
                name: "Response time",
                isNumber: true,
                cell: (check) => duration(check.response_time_ms),
              },
              { name: "Message", cell: (check) => <Message of={sentence(check.message)} /> },
            ]}
          />
        )
        : <p class="empty">No test was made. A test starts no run and sends no notification.</p>}
    </Section>
  );
}
