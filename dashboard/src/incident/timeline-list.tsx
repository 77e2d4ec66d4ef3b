import { Bell, BellOff, ChevronsUp, Info, RefreshCw, UserCheck } from "lucide-preact";
import { Link } from "wouter-preact";
import { Icon, toneOf } from "../components/status.tsx";
import { Message, Moment } from "../components/time.tsx";
import type { Incident } from "./incident.ts";
import { type Entry, timelineOf } from "./timeline.ts";

/** The icon of each kind of entry; an entry of a state has the icon of its pill. */
const ICONS = { run: RefreshCw, escalation: ChevronsUp, note: Info, notification: Bell };

function EntryIcon({ of: { kind, status } }: { of: Entry }) {
  if (kind === "state" && status === "ACKNOWLEDGED") return <UserCheck aria-hidden="true" />;
  if (kind === "state") return <Icon of={status} />;
  const Shape = status === "DEAD" ? BellOff : ICONS[kind];
  return <Shape aria-hidden="true" />;
}

/** The timeline of the incident, oldest first. */
export const TimelineList = ({ incident }: { incident: Incident }) => (
  <section class="card pad">
    <h2>Timeline</h2>
    <ol class="timeline">
      {timelineOf(incident).map((entry) => {
        const { kind, at, until, count, status, text, runId } = entry;
        return (
          <li key={`${at} ${text}`} class={kind === "run" ? "minor-event" : undefined}>
            <span class="when">
              <Moment at={at} />
              {count > 1 && (
                <>
                  –<Moment at={until} />
                </>
              )}
            </span>{" "}
            <span class={`point ${status === "ACKNOWLEDGED" ? "busy" : toneOf(status)}`}>
              <EntryIcon of={entry} />
            </span>{" "}
            <p>
              {count > 1 && <strong>{`${count} × `}</strong>}
              {runId ? <Link href={`/runs/${runId}`}>{text}</Link> : <Message of={text} />}
            </p>
          </li>
        );
      })}
    </ol>
  </section>
);
