import { useRef } from "preact/hooks";
import { announce } from "../announce.ts";
import { UnusedResponse, useAct } from "../queries.ts";
import { useUser } from "../session.ts";
import { Refusal } from "./states.tsx";

/** A button that acknowledges an incident until it resolves; the focus moves to the link of the incident, because the button is removed. */
export function Acknowledge({ id, cause, isMain = false, isSmall = false }: {
  id: string;
  cause: string;
  isMain?: boolean;
  isSmall?: boolean;
}) {
  const { can } = useUser();
  const button = useRef<HTMLButtonElement>(null);
  const act = useAct(
    () => ({ method: "POST", path: `sync-admin/alerts/${id}/acknowledge`, body: {} }),
    UnusedResponse,
    () => {
      announce(`Acknowledged: ${cause}`);
      button.current?.closest("li, tr")?.querySelector("a")?.focus();
    },
  );
  if (!can("operator")) return null;
  return (
    <>
      <button
        ref={button}
        type="button"
        class={isMain ? "primary" : isSmall ? "small" : undefined}
        aria-label={`Acknowledge: ${cause}`}
        aria-busy={act.isPending}
        disabled={act.isPending}
        onClick={() => act.mutate()}
      >
        Acknowledge
      </button>
      <Refusal error={act.error} />
    </>
  );
}
