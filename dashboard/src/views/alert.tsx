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
import { Anything, pathOf, useAct, useRead, wordsOf } from "../queries.ts";
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
      <Reading of={incident}>{(data) => <Story incident={data} />}</Reading>
    </Page>
  );
}

type Action = "acknowledge" | "unacknowledge" | "resolve";
const QUESTIONS: Record<Action, string> = {
  acknowledge: "Acknowledge: somebody is on it, and it escalates no further",
  unacknowledge: "Let go of it: it fires again, and escalates",
  resolve: "Resolve it by hand: if it still holds, it opens again",
};

function Acts({ incident }: { incident: Incident }) {
  const { can } = useUser();
  const [asked, ask] = useState<Action | null>(null);
  if (!can("operator")) return null;
  const possible: Action[] = incident.state === "FIRING"
    ? ["acknowledge", "resolve"]
    : incident.state === "ACKNOWLEDGED"
    ? ["unacknowledge", "resolve"]
    : [];
  const silence = pathOf("/alerts/silences", {
    rule: incident.rule_id,
    entity: incident.entity_type,
    tournament: incident.tournament_no,
  });
  return (
    <>
      {possible.map((action) => (
        <button
          key={action}
          type="button"
          class={action === "acknowledge" ? undefined : "secondary"}
          onClick={() => ask(action)}
        >
          {title(action)}
        </button>
      ))}
      {incident.state !== "RESOLVED" && <Link href={silence} role="button" class="secondary">Silence</Link>}
      {asked && (
        <Act
          incident={incident}
          action={asked}
          onClose={() => ask(null)}
        />
      )}
    </>
  );
}

const EXPIRIES = [["", "until it ends"], ["30", "for 30 minutes"], [
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
    Anything,
    onClose,
  );
  return (
    <Dialog title={QUESTIONS[action]} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          act.mutate();
        }}
      >
        <LongTextField
          label="Note"
          help="It becomes part of the incident's story."
          value={note}
          onChange={setNote}
          error={wordsOf(act.error).fields.note}
        />
        {action === "acknowledge" && (
          <SelectField
            label="How long"
            help="If it still holds then, it fires again."
            value={minutes}
            options={EXPIRIES}
            onChange={setMinutes}
            error={wordsOf(act.error).fields.until}
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

function Story({ incident }: { incident: Incident }) {
  const run = incident.evidence.execution_id;
  return (
    <>
      <Facts
        of={[
          [
            "About",
            incident.tournament_no
              ? (
                <Link href={`/tournaments/${incident.tournament_no}`}>
                  Tournament {incident.tournament_no}
                </Link>
              )
              : title(incident.entity_type),
          ],
          ["Began", <Moment at={incident.began_at} />],
          ["Told", <Distance at={incident.notified_at} />],
          [
            "Value",
            `${number(incident.value)}, limit ${number(incident.threshold)}`,
          ],
          ["Lasted", duration(incident.downtime_ms)],
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
          It has the same cause as <Link href={`/alerts/${incident.parent_id}`}>another incident</Link>, which speaks for it.
        </p>
      )}
      {typeof run === "string" && (
        <p>
          <Link href={`/runs/${run}`}>The run that shows it</Link>
        </p>
      )}
      <Section title="Its story">
        <ol class="story">
          {incident.events.map(({ at, to_state, severity, reason }, index) => (
            <li key={index}>
              <Moment at={at} /> <Status of={to_state} /> <small>{words(severity)}</small> {reason}
            </li>
          ))}
        </ol>
      </Section>
      {incident.children.length > 0 && (
        <Section title="What hangs under it">
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
      <Section title="Who was told">
        {incident.notifications.length === 0
          ? <Empty>Nobody.</Empty>
          : incident.notifications.map((one) => <Notification key={one.id} of={one} />)}
      </Section>
      <Section title="Evidence">
        <pre tabIndex={0}>{JSON.stringify(incident.evidence, null, 2)}</pre>
      </Section>
    </>
  );
}

function Notification({ of: one }: { of: Incident["notifications"][number] }) {
  const { can } = useUser();
  const resend = useAct(
    () => ({
      method: "POST",
      path: `sync-admin/notifications/${one.id}/resend`,
    }),
    Anything,
  );
  return (
    <article class="notification">
      <header>
        <strong>{one.channel}</strong> {title(one.kind)} <Status of={one.status} /> <Moment at={one.sent_at ?? one.created_at} />
        {one.status === "DEAD" && can("operator") && (
          <button
            type="button"
            class="secondary small"
            aria-busy={resend.isPending}
            onClick={() => resend.mutate()}
          >
            Send again
          </button>
        )}
      </header>
      {one.last_error && <p>{one.last_error}</p>}
      <Refusal error={resend.error} />
      {one.deliveries.length > 0 && (
        <ul>
          {one.deliveries.map((
            { attempt, at, outcome, status_code, error, duration_ms },
          ) => (
            <li key={attempt}>
              try {attempt}, <Moment at={at} />: <Status of={outcome} /> {status_code ?? ""} {error ?? ""}{" "}
              <small>{duration(duration_ms)}</small>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}
