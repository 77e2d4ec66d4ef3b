import { Link } from "wouter-preact";
import { Message, Moment } from "../components/time.tsx";
import { toneOf } from "../components/status.tsx";
import type { Incident } from "./incident.ts";
import { timelineOf } from "./timeline.ts";

/** What happened, oldest first. */
export const TimelineList = ({ incident }: { incident: Incident }) => (
  <section class="card pad">
    <h2>Timeline</h2>
    <ol class="timeline">
      {timelineOf(incident).map(({ at, until, count, status, text, runId }) => (
        <li key={`${at} ${text}`}>
          <span class="when">
            <Moment at={at} />
            {count > 1 && (
              <>
                –<Moment at={until} />
              </>
            )}
          </span>{" "}
          <span class={`point ${toneOf(status)}`} />{" "}
          <p>
            {count > 1 && <strong>{`${count} × `}</strong>}
            {runId ? <Link href={`/runs/${runId}`}>{text}</Link> : <Message of={text} />}
          </p>
        </li>
      ))}
    </ol>
  </section>
);
