import { Circle, CircleCheck } from "lucide-preact";
import { SetupResponse, type SetupStep } from "../../../types/admin.ts";
import { sentence } from "../format.ts";
import { useRead } from "../queries.ts";
import { Message } from "./time.tsx";

/** The steps that an admin must do before the installation can run unattended; empty when all are done. */
export default function Setup() {
  const setup = useRead("sync-admin/setup", SetupResponse, { every: 300_000 }).data;
  if (!setup || setup.is_ready) return null;
  const open = setup.steps.filter(({ is_done }) => !is_done), done = setup.steps.filter(({ is_done }) => is_done);
  return (
    <section class="card pad setup" aria-label="Setup">
      <header class="section">
        <h2>Setup: {done.length} of {setup.steps.length} steps done</h2>
        <progress value={done.length} max={setup.steps.length} aria-label="Steps done" />
      </header>
      <ul class="links">{open.map((step) => <Step key={step.code} of={step} />)}</ul>
      <details>
        <summary>Done</summary>
        <ul class="links">{done.map((step) => <Step key={step.code} of={step} />)}</ul>
      </details>
    </section>
  );
}

/** A step with a link to its view of the page, or to the runbook. */
const Step = ({ of: { is_done, message, link } }: { of: SetupStep }) => (
  <li>
    {is_done ? <CircleCheck class="good" aria-hidden="true" /> : <Circle class="muted" aria-hidden="true" />}
    <span class="unseen">{is_done ? "done:" : "open:"}</span>{" "}
    <p>
      <Message of={sentence(message)} />
    </p>{" "}
    {!is_done && <a href={link}>{link.startsWith("#/runbook/") ? "How" : "Open"}</a>}
  </li>
);
