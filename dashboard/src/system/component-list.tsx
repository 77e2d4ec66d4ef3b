import { Link } from "wouter-preact";
import type { SystemStatusResponse } from "../../../types/history.ts";
import { Icon, Status } from "../components/status.tsx";
import { Message } from "../components/time.tsx";
import { sentence } from "../format.ts";
import { useNames } from "../names.ts";

type Component = SystemStatusResponse["components"][number];

/** The order of the states; a state that needs a person is first. */
const STATES: Component["status"][] = ["FAILED", "DEGRADED", "UNKNOWN", "OK"];

const NAMES: Record<Exclude<Component["kind"], "schedule" | "channel">, string> = {
  runs: "Outcome of the runs",
  scheduler: "Scheduler",
  upstream: "VIS",
  queue: "Queue",
  alert_processor: "Alert processor",
  database: "Database",
  audit: "Audit log",
};

/** The messages that several components have, such as the message about a stopped pg_cron. */
export const sharedOf = (components: Component[]): string[] =>
  [
    ...new Set(components.filter(({ status }) => status !== "OK").map(({ message }) => message)),
  ].filter((message) => components.filter((component) => component.message === message).length > 1);

/** The cause in a message, without the advice at its end. */
const causeOf = (message: string): string => message.split(/: (?=check|read|run|an operator)/)[0] ?? message;

/** A statement of SQL in a message. */
const SQL = /\b(show [\w.]+;)/;
/** The advice to read a run in the API, for which the page shows a link. */
const READ_RUN = /: read GET sync-monitoring\/executions\/([0-9a-f-]{36})$/;

/** A message as a sentence, with its SQL as code and a link to the run that it names. */
function Said({ message }: { message: string }) {
  const runId = READ_RUN.exec(message)?.[1];
  const parts = sentence(message.replace(READ_RUN, "")).split(SQL);
  return (
    <>
      {parts.map((part, index) => index % 2 ? <code key={index} class="inline">{part}</code> : <Message key={index} of={part} />)}
      {runId && (
        <>
          {" "}
          <Link href={`/runs/${runId}`}>Open the run</Link>
        </>
      )}
    </>
  );
}

/** The messages that several components have, each once with its advice. */
export const SharedMessages = ({ of }: { of: Component[] }) => (
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

/** The state of a component; a component with failed or partial runs has no mark of success. */
function State({ of: { kind, status, message } }: { of: Component }) {
  if (status === "OK" && kind === "runs" && /^\d+ of \d+ /.test(message)) return <Status of="IDLE" label="Some failed" />;
  if (status === "OK" && kind === "schedule" && message.endsWith("was partial")) return <Status of="PARTIAL" />;
  return <Status of={status} />;
}

/** The components with their states and reasons; a row opens its evidence. */
export function ComponentList({ of, shared }: { of: Component[]; shared: string[] }) {
  const nameOf = useNames();
  const titleOf = ({ name, kind }: Component) => kind === "schedule" ? nameOf(name) : kind === "channel" ? `Channel ${name}` : NAMES[kind];
  return (
    <ul class="checks">
      {of.toSorted((one, other) => STATES.indexOf(one.status) - STATES.indexOf(other.status)).map((component) => (
        <li key={`${component.kind} ${component.name}`}>
          <details>
            <summary>
              <strong>{titleOf(component)}</strong> <State of={component} />{" "}
              <span class="why">
                <Said message={shared.includes(component.message) ? causeOf(component.message) : component.message} />
              </span>
            </summary>
            <pre tabIndex={0}>{JSON.stringify(component.evidence, null, 2)}</pre>
          </details>
        </li>
      ))}
    </ul>
  );
}
