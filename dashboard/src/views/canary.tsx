import { useEffect } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import { ConfirmedCanary } from "../../../types/alerts.ts";
import { Headline } from "../components/headline.tsx";
import { Page } from "../components/page.tsx";
import { Refusal, Skeleton } from "../components/states.tsx";
import { Moment } from "../components/time.tsx";
import { useAct } from "../queries.ts";
import { useUser } from "../session.ts";

/** The view that the link in a test message opens; the view confirms the canary at once and shows the proof of the channel. */
export default function Canary() {
  const { id } = useParams(), { can } = useUser();
  const confirm = useAct(() => ({ method: "POST", path: `sync-admin/canaries/${id}/confirm` }), ConfirmedCanary);
  useEffect(() => confirm.mutate(), [id]);
  const { data, error } = confirm;
  return (
    <Page title="Test of a channel">
      <Refusal error={error} />
      {!data && !error && <Skeleton blocks={1} />}
      {data && (
        <Headline
          of="OK"
          title={`The channel ${data.channel} is proven`}
          acts={can("admin") && <Link href="/alerts/channels">Channels</Link>}
        >
          The test message of <Moment at={data.opened_at} /> arrived: {data.confirmed_by} followed its link at{" "}
          <Moment at={data.proven_at} />.
        </Headline>
      )}
    </Page>
  );
}
