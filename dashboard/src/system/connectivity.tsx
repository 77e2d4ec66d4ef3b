import { LastConnectivityResponse } from "../../../types/admin.ts";
import { Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { Distance, Message } from "../components/time.tsx";
import { duration, sentence, title } from "../format.ts";
import { UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";

/** A component in the words of the list of components; a function has its own name. */
const nameOf = (kind: string, name: string): string =>
  kind === "function" ? name : kind === "channel" ? `Channel ${name}` : kind === "upstream" ? "VIS" : title(name);

/** Shows the last test of connectivity for each component; an operator can test again. */
export function Connectivity() {
  const { can } = useUser();
  const last = useRead("sync-admin/test-connectivity", LastConnectivityResponse, { every: 60_000 }).data?.last;
  const test = useAct(() => ({ method: "POST", path: "sync-admin/test-connectivity" }), UnusedResponse);
  return (
    <section class="card pad connectivity">
      <header class="section">
        <h2>Connectivity</h2>
        <p class="muted">
          {last
            ? (
              <>
                Tested <Distance at={last.tested_at} />.
              </>
            )
            : "Not tested yet. A test starts no run and sends no notification."}
        </p>
        {can("operator") && (
          <button
            type="button"
            class="small"
            aria-busy={test.isPending}
            aria-label="Test connectivity"
            onClick={() => test.mutate()}
          >
            Test
          </button>
        )}
      </header>
      <Refusal error={test.error} />
      {last && (
        <ul class="lines reached" aria-label="Connectivity of each component">
          {last.checks.map(({ kind, name, status, response_time_ms, message }) => (
            <li key={`${kind} ${name}`}>
              <span>{nameOf(kind, name)}</span> <Status of={status} label={status === "OK" ? duration(response_time_ms) : title(status)} />
              {" "}
              {status !== "OK" && (
                <small>
                  <Message of={sentence(message)} />
                </small>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
