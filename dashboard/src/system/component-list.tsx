import { Link } from "wouter-preact";
import type { EntityHealthStatus } from "../../../types/monitoring.ts";
import { Icon, Status } from "../components/status.tsx";
import { Message } from "../components/time.tsx";
import { counted, sentence } from "../format.ts";
import { byHealth, type Health, isInTrouble } from "../health.ts";
import { useNames } from "../names.ts";
import { type Component, healthOf } from "./health.ts";

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

export interface Row {
  component: Component;
  health: Health;
  message: string;
}

/** A row of each component, the worst first. A sync that is in trouble while its schedule works shows the reasons of the overview. */
export const rowsOf = (components: Component[], syncs: Record<string, EntityHealthStatus>): Row[] =>
  components.map((component) => {
    const { kind, name, status, message } = component, health = healthOf(component, syncs);
    const because = kind === "schedule" && status === "OK" && isInTrouble(health) ? syncs[name]?.because ?? [] : [];
    return { component, health, message: because.map(({ message }) => sentence(message)).join(" ") || message };
  }).sort((one, other) => byHealth(one.health, other.health));

/** A titled group of components with their health and its reason; a row opens its evidence. */
export function ComponentGroup({ title, of: rows, shared }: { title: string; of: Row[]; shared: string[] }) {
  const nameOf = useNames();
  const titleOf = ({ name, kind }: Component) => kind === "schedule" ? nameOf(name) : kind === "channel" ? `Channel ${name}` : NAMES[kind];
  if (!rows.length) return null;
  return (
    <>
      <h2>
        {title} <small>{counted(rows.length, "component")}</small>
      </h2>
      <ul>
        {rows.map(({ component, health, message }) => (
          <li key={`${component.kind} ${component.name}`}>
            <details>
              <summary>
                <strong>{titleOf(component)}</strong> <Status of={health} />{" "}
                <span class="why">
                  <Said message={shared.includes(message) ? causeOf(message) : message} />
                </span>
              </summary>
              <pre tabIndex={0}>{JSON.stringify(component.evidence, null, 2)}</pre>
            </details>
          </li>
        ))}
      </ul>
    </>
  );
}
