import type { CallFacts, ScheduleFacts } from "../../../services/contract/system.ts";
import { instant, SECOND } from "../../../services/verdict.ts";

/** The time after which a missing answer is lost; pg_net sends a request within about a second and ends it after 5 s. */
const ANSWER_MS = 15 * SECOND;

/** The cause of an unsuccessful answer, and the act that corrects it. */
function refusal(status: number, functionName: string): string {
  const answered = `${functionName} answered ${status}`;
  if (status === 401 || status === 403) {
    return `${answered}, because secret_key in Vault is not a key of the project: run ` +
      "select vault.update_secret(id, '<secret key>') from vault.secrets where name = 'secret_key';";
  }
  if (status === 404) return `${answered}, because it is not deployed: run supabase functions deploy ${functionName}`;
  if (status >= 500) return `${answered}: read its log, which names the environment variable, the schema version or the error`;
  return `${answered}: read its log and net._http_response`;
}

/** The reason why a call started no run; null while its answer can still arrive. */
export function lossOf(call: CallFacts, functionName: string, now: number): string | null {
  const sent = `the call of ${instant(call.at)}`;
  if (call.outcome === "NOT_CONFIGURED") return `${sent} was not sent, because Vault had no project_url or no secret_key`;
  if (!call.is_answered) {
    if (now - Date.parse(call.at) <= ANSWER_MS) return null;
    return call.is_queued
      ? `${sent} is still queued, because the worker of pg_net does not run: run select net.worker_restart();`
      : `${sent} has no answer: read the log of ${functionName} and of pg_net`;
  }
  if (call.is_timed_out) return `${sent} timed out, because ${functionName} did not answer within 5 s: read its log`;
  if (call.error) return `${sent} failed (${call.error}): check project_url in Vault`;
  const status = call.status_code ?? 0;
  if (status >= 300) return `${sent} started no run: ${refusal(status, functionName)}`;
  return `${functionName} accepted ${sent} (${status}), but no run started: look for sync_not_recorded in its log`;
}

/** The loss of the newest lost call, with its due time; null when the last call is settled or its answer can still arrive. */
export function lostCall({ calls, function_name, good_at }: ScheduleFacts, now: number): string | null {
  for (const call of calls) {
    if (call.has_run || (good_at !== null && Date.parse(call.at) < Date.parse(good_at))) return null;
    const loss = lossOf(call, function_name, now);
    if (loss) return `no run has settled the due time ${instant(call.due_at)}; ${loss}`;
  }
  return null;
}
