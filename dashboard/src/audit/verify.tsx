import { useState } from "preact/hooks";
import { AuditVerifyResponse } from "../../../types/admin.ts";
import { announce } from "../announce.ts";
import { useApi } from "../api.ts";
import { Refusal } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { capitalised, counted, number, title } from "../format.ts";
import { pathOf } from "../queries.ts";

/** The result so far; `next_cursor` is null at the end of the log, and after a row that is not intact. */
type Result = AuditVerifyResponse;

/** The results of two consecutive parts of the log as one. */
const joined = (before: Result, next: Result): Result => ({
  ...next,
  status: next.status === "INTACT" ? before.status : next.status,
  rows: before.rows + next.rows,
  unvouched: before.unvouched + next.unvouched,
  pruned_to: before.pruned_to,
});

/** Verifies the seals of the audit log from its first row to its last row, part by part. */
export function useVerify() {
  const api = useApi();
  const [result, setResult] = useState<Result | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const verify = async () => {
    setBusy(true);
    setError(null);
    setResult(null);
    try {
      let all: Result | null = null;
      do {
        const part: Result = await api.get(pathOf("sync-admin/audit/verify", { cursor: all?.next_cursor }), AuditVerifyResponse);
        all = all ? joined(all, part) : part;
        setResult(all);
      } while (all.next_cursor !== null);
      announce(`The audit log is ${title(all.status).toLowerCase()}.`);
    } catch (refusal) {
      setResult(null);
      setError(refusal);
    }
    setBusy(false);
  };
  return { result, error, isBusy, verify };
}

function unchangedOf(rows: number): string {
  if (rows === 0) return "No row is sealed yet.";
  return rows === 1
    ? "The only sealed row is unchanged."
    : `All ${number(rows)} sealed rows from the first to the newest one are unchanged.`;
}

/** The range of the verified rows, and the verdict. */
export function Verified({ of: { result, error } }: { of: Pick<ReturnType<typeof useVerify>, "result" | "error"> }) {
  if (error) return <Refusal error={error} />;
  if (!result) return null;
  const { first_bad, next_cursor, rows, unvouched, unsealed, pruned_to } = result;
  if (next_cursor !== null) return <p class="card pad muted">Verified {counted(rows, "row")}, reading on …</p>;
  return (
    <p class="card pad verified" role="status">
      <Status of={result.status} />
      <span>
        {first_bad
          ? `${capitalised(first_bad.message)}; the ${counted(rows, "row")} before it ${rows === 1 ? "is" : "are"} unchanged.`
          : unchangedOf(rows)}
        {!first_bad && pruned_to !== null && ` Retention deleted the rows up to ${number(pruned_to)}.`}
      </span>
      <span class="muted">
        {counted(unvouched, "row")} not signed by the server · {counted(unsealed, "row")} not sealed yet
      </span>
    </p>
  );
}
