import { useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import type { z } from "zod";
import { AlertDetailResponse } from "../../../types/alerts.ts";
import { Dialog } from "../components/dialog.tsx";
import { LongTextField, SelectField } from "../components/fields.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Empty, Reading, Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { duration, number, title, words } from "../format.ts";
import { describeError, pathOf, UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

type Incident = z.infer<typeof AlertDetailResponse>;

export default function Alert() {
  const { id = "" } = useParams();
  const incident = useRead(
    `sync-monitoring/alerts/${id}`,
    AlertDetailResponse,
    { isLive: ({ state }) => state !== "RESOLVED" },
  );
  return (
    <Page
      title={incident.data?.rule_name ?? "Incident"}
      lead={incident.data && (
        <>
          <Status of={incident.data.state} /> <Status of={incident.data.severity} /> {incident.data.message}
        </>
      )}
      acts={incident.data && <Acts incident={incident.data} />}
    >
      <Reading of={incident}>{(data) => <Details incident={data} />}</Reading>
    </Page>
  );
}

type Action = "acknowledge" | "unacknowledge" | "resolve";
const DIALOG_TITLES: Record<Action, string> = {
  acknowledge: "Acknowledge the incident: it escalates no further",
  unacknowledge: "Withdraw the acknowledgement: the incident fires and escalates again",
  resolve: "Resolve the incident: it opens again if the condition is still met",
};

function Acts({ incident }: { incident: Incident }) {
  const { can } = useUser();
  const [openAction, setOpenAction] = useState<Action | null>(null);
  if (!can("operator")) return null;
  const possible: Action[] = incident.state === "FIRING"
    ? ["acknowledge", "resolve"]
    : incident.state === "ACKNOWLEDGED"
    ? ["unacknowledge", "resolve"]
    : [];
  const silence = pathOf("/alerts/silences", { incident: incident.id });
  return (
    <>
      {possible.map((action) => (
        <button
          key={action}
          type="button"
          class={action === "acknowledge" ? undefined : "secondary"}
          onClick={() => setOpenAction(action)}
        >
          {title(action)}
        </button>
      ))}
      {incident.state !== "RESOLVED" && <Link href={silence} role="button" class="secondary">Silence</Link>}
      {openAction && (
        <Act
          incident={incident}
          action={openAction}
          onClose={() => setOpenAction(null)}
        />
      )}
    </>
  );
}

const EXPIRIES = [["", "until it resolves"], ["30", "for 30 minutes"], [
  "120",
  "for 2 hours",
], ["480", "for 8 hours"]] as const;

function Act(
  { incident, action, onClose }: {
    incident: Incident;
    action: Action;
    onClose: () => void;
  },
) {
  const [note, setNote] = useState("");
  const [minutes, setMinutes] = useState("");
  const until = minutes ? { until: new Date(Date.now() + Number(minutes) * 60_000).toISOString() } : {};
  const act = useAct(
    () => ({
      method: "POST",
      path: `sync-admin/alerts/${incident.id}/${action}`,
      body: {
        ...note ? { note } : {},
        ...action === "acknowledge" ? until : {},
      },
    }),
    UnusedResponse,
    onClose,
  );
  return (
    <Dialog title={DIALOG_TITLES[action]} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          act.mutate();
        }}
      >
        <LongTextField
          label="Note"
          help="The note appears in the incident's timeline."
          value={note}
          onChange={setNote}
          error={describeError(act.error).fields.note}
        />
        {action === "acknowledge" && (
          <SelectField
            label="How long"
            help="If the condition is still met then, the incident fires again."
            value={minutes}
            options={EXPIRIES}
            onChange={setMinutes}
            error={describeError(act.error).fields.until}
          />
        )}
        <Refusal error={act.error} />
        <button
          type="submit"
          aria-busy={act.isPending}
          disabled={act.isPending}
        >
          {title(action)}
        </button>
      </form>
    </Dialog>
  );
}

function Details({ incident }: { incident: Incident }) {
  const run = incident.evidence.execution_id;
  return (
    <>
      <Facts
        of={[
          [
            "Scope",
            incident.tournament_no
              ? (
                <Link href={`/tournaments/${incident.tournament_no}`}>
                  Tournament {incident.tournament_no}
                </Link>
              )
              : title(incident.entity_type),
          ],
          ["Condition met", <Moment at={incident.began_at} />],
          ["Notified", <Distance at={incident.notified_at} />],
          [
            "Value",
            `${number(incident.value)}, threshold ${number(incident.threshold)}`,
          ],
          ["Duration", duration(incident.downtime_ms)],
          [
            "Acknowledged",
            incident.acknowledged_by
              ? (
                <>
                  by {incident.acknowledged_by} <Distance at={incident.acknowledged_at} />
                  {incident.acknowledged_until && (
                    <>
                      , until <Moment at={incident.acknowledged_until} />
                    </>
                  )}
                </>
              )
              : "no",
          ],
        ]}
      />
      {incident.parent_id && (
        <p>
          <Link href={`/alerts/${incident.parent_id}`}>Another incident</Link>{" "}
          has the same cause: a recipient of its message gets none about this one.
        </p>
      )}
      {incident.muted_by === "COVERAGE" && <p>Not notified: other incidents were notified about the same runs.</p>}
      {incident.muted_by === "SILENCE" && <p>Not notified: silenced, or its sync is paused.</p>}
      {typeof run === "string" && (
        <p>
          <Link href={`/runs/${run}`}>Run in the evidence</Link>
        </p>
      )}
      <Section title="Timeline">
        <ol class="timeline">
          {incident.events.map(({ at, to_state, severity, reason }, index) => (
            <li key={index}>
              <Moment at={at} /> <Status of={to_state} /> <small>{words(severity)}</small> {reason}
            </li>
          ))}
        </ol>
      </Section>
      {incident.children.length > 0 && (
        <Section title="Inhibited incidents">
          <ul>
            {incident.children.map((child) => (
              <li key={child.id}>
                <Link href={`/alerts/${child.id}`}>
                  {child.rule_name}
                  {child.tournament_no && `, tournament ${child.tournament_no}`}
                </Link>{" "}
                <Status of={child.state} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section title="Notifications">
        {incident.notifications.length === 0
          ? <Empty>There is no notification for this incident.</Empty>
          : incident.notifications.map((notification) => <Notification key={notification.id} of={notification} />)}
      </Section>
      <Section title="Evidence">
        <pre tabIndex={0}>{JSON.stringify(incident.evidence, null, 2)}</pre>
      </Section>
    </>
  );
}

function Notification({ of: notification }: { of: Incident["notifications"][number] }) {
  const { can } = useUser();
  const act = (action: "resend" | "discard") => ({
    method: "POST" as const,
    path: `sync-admin/notifications/${notification.id}/${action}`,
  });
  const resend = useAct(() => act("resend"), UnusedResponse);
  const discard = useAct(() => act("discard"), UnusedResponse);
  return (
    <article class="notification">
      <header>
        <strong>{notification.channel}</strong> {notification.recipient && <>to {notification.recipient}{" "}</>}
        {title(notification.kind)} <Status of={notification.status} /> <Moment at={notification.sent_at ?? notification.created_at} />
        {notification.status === "DEAD" && can("operator") && (
          <button
            type="button"
            class="secondary small"
            aria-busy={resend.isPending}
            onClick={() => resend.mutate()}
          >
            Send again
          </button>
        )}
        {notification.status === "PENDING" && can("operator") && (
          <button
            type="button"
            class="secondary small"
            aria-busy={discard.isPending}
            onClick={() => discard.mutate()}
          >
            Discard
          </button>
        )}
      </header>
      {notification.last_error && <p>{notification.last_error}</p>}
      <Refusal error={resend.error ?? discard.error} />
      {notification.deliveries.length > 0 && (
        <ul>
          {notification.deliveries.map((
            { attempt, at, outcome, status_code, error, duration_ms },
          ) => (
            <li key={attempt}>
              attempt {attempt}, <Moment at={at} />: <Status of={outcome} /> {status_code ?? ""} {error ?? ""}{" "}
              <small>{duration(duration_ms)}</small>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}
