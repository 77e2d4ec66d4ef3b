import type { ComponentChildren } from "preact";
import { PERIODS } from "../../../types/history.ts";
import { CopyMenu } from "../components/copy-menu.tsx";
import { EntityName } from "../components/entity-name.tsx";
import type { Analytics } from "../components/error-analytics.tsx";
import { Facts, Figure } from "../components/page.tsx";
import { Distance, Moment } from "../components/time.tsx";
import { counted, number, title } from "../format.ts";
import { pathOf } from "../queries.ts";
import type { ErrorOfGroup } from "./occurrences.ts";
import { COUNTED } from "./shares.tsx";

/** The number of occurrences of the error in the period, their tournaments and times; empty for an older error. */
export function Summary({ of: data }: { of: Analytics }) {
  const [group] = data.groups;
  const tournaments = data.by_tournament.length;
  if (!group) return null;
  return (
    <div class="card pad now">
      <Facts
        class="facts"
        of={[
          [
            `Errors in ${PERIODS[data.period].span}`,
            <Figure is={number(data.total)} more={data.open === data.total ? "all open" : `${number(data.open)} open`} />,
          ],
          [
            "Affected",
            <Figure
              is={counted(tournaments, "tournament")}
              more={tournaments === COUNTED ? "or more" : `in ${counted(Object.keys(data.by_entity).length, "sync")}`}
            />,
          ],
          ["First seen", <When at={group.first_seen} />],
          ["Last seen", <When at={group.last_seen} />],
        ]}
      />
    </div>
  );
}

const When = ({ at }: { at: string }) => <Figure is={<Moment at={at} />} more={<Distance at={at} />} />;

/** The facts that all errors of the group have in common. */
export function Details({ error }: { error: ErrorOfGroup }) {
  const { fingerprint } = error;
  return (
    <section class="card pad">
      <header class="section">
        <h2>Details</h2>
        <CopyMenu id={fingerprint} path={pathOf("sync-monitoring/errors", { fingerprint })} />
      </header>
      <Facts
        class="pairs"
        of={[
          ["Code", <code>{error.error_code}</code>],
          ["Class", title(error.error_type)],
          ["Sync", <EntityName of={error.entity_type} />],
          ["Retried", error.retryable ? "yes" : "no"],
          // The fingerprint of an error without a detail is its code.
          ...fingerprint === error.error_code ? [] : [["Fingerprint", <code>{fingerprint}</code>] as [string, ComponentChildren]],
        ]}
      />
    </section>
  );
}
