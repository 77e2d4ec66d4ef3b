import { Status } from "../components/status.tsx";
import { Moment } from "../components/time.tsx";
import { title } from "../format.ts";
import { UnusedResponse, useAct } from "../queries.ts";
import { useUser } from "../session.ts";
import type { Incident } from "./incident.ts";
import { KINDS } from "./timeline.ts";

/** The latest notification of each channel and recipient; an operator can send a dead one again, and discard a waiting one. */
export function Notifications({ incident }: { incident: Incident }) {
  const latest = new Map<string, Incident["notifications"][number]>();
  for (const notification of incident.notifications) {
    const key = `${notification.channel} ${notification.recipient ?? ""}`;
    const known = latest.get(key);
    if (notification.status !== "SUPERSEDED" && (!known || known.created_at <= notification.created_at)) latest.set(key, notification);
  }
  return (
    <section class="card pad">
      <h2>Notifications</h2>
      {latest.size === 0
        ? <p class="muted">{unnotified(incident)}</p>
        : <ul class="links">{[...latest.values()].map((notification) => <Notification key={notification.id} of={notification} />)}</ul>}
    </section>
  );
}

/** Whether the incident fires and its rule notifies no channel that reaches a person. */
export const reachesNobody = ({ rule, state, muted_by }: Incident): boolean =>
  rule !== null && state === "FIRING" && muted_by === null && rule.channels.every((name) => name === "dashboard");

/** The reason why no channel was notified. */
function unnotified({ muted_by, rule }: Incident): string {
  if (muted_by === "SILENCE") return "Nobody: a silence covers this incident, or its sync is paused.";
  if (muted_by === "PARENT") return "Nobody: the incident with the same cause was notified instead.";
  if (muted_by === "COVERAGE") return "Nobody: other incidents were notified about the same runs.";
  return rule?.channels.some((name) => name !== "dashboard")
    ? "Nobody so far."
    : "Nobody: the rule names no channel that reaches a person.";
}

function Notification({ of: notification }: { of: Incident["notifications"][number] }) {
  const { can } = useUser();
  const act = (action: "resend" | "discard") => ({
    method: "POST" as const,
    path: `sync-admin/notifications/${notification.id}/${action}`,
  });
  const resend = useAct(() => act("resend"), UnusedResponse);
  const discard = useAct(() => act("discard"), UnusedResponse);
  const { status, channel, recipient, kind, sent_at, created_at, last_error } = notification;
  return (
    <li class="notified">
      <p>
        <strong>{channel === "dashboard" ? "This page" : channel}</strong> {recipient && <>to {recipient}</>}
      </p>
      <p class="dotted">
        <span>{channel === "dashboard" ? "Shown" : <Status of={status} label={status === "SENT" ? "Delivered" : title(status)} />}</span>
        <span>{KINDS[kind]}</span>
        <Moment at={sent_at ?? created_at} />
      </p>
      {last_error && status !== "SENT" && <p class="bad">{last_error}</p>}
      {status === "DEAD" && can("operator") && (
        <button
          type="button"
          class="small"
          aria-busy={resend.isPending}
          onClick={() => resend.mutate()}
        >
          Send again
        </button>
      )}
      {status === "PENDING" && can("operator") && (
        <button
          type="button"
          class="small"
          aria-busy={discard.isPending}
          onClick={() => discard.mutate()}
        >
          Discard
        </button>
      )}
    </li>
  );
}
