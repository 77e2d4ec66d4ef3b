// A client that reads the health and triggers a sync. It imports only the schemas of the API.
//   SUPABASE_URL=http://127.0.0.1:54321 SECRET_KEY=sb_secret_… deno run -A docs/client/example.ts
import type { z } from "zod";
import { ErrorResponse, JobDetailResponse, type ManualSyncRequest, ManualSyncResponse, SyncHealthResponse } from "../../types/index.ts";

const url = Deno.env.get("SUPABASE_URL") ?? "http://127.0.0.1:54321";
const headers = { apikey: Deno.env.get("SECRET_KEY") ?? "", "content-type": "application/json" };
// deno-lint-ignore no-console -- an example speaks to a person
const print = (line: string): void => console.log(line);

/** Calls a route under `/functions/v1` and parses its answer by the schema. @throws Error with the code and message of the error response */
async function call<T>(schema: z.ZodType<T>, path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(`${url}/functions/v1/${path}`, { ...init, headers: { ...headers, ...init.headers } });
  const body: unknown = await response.json();
  if (response.ok) return schema.parse(body);
  const { code, message } = ErrorResponse.parse(body);
  throw new Error(`${response.status} ${code}: ${message}`);
}

const health = await call(SyncHealthResponse, "sync-monitoring/health-overview");
for (const [entity, { status, because }] of Object.entries(health.sync_entities)) {
  print(`${entity} is ${status}: ${because.map(({ message }) => message).join("; ")}`);
}

const request: ManualSyncRequest = {
  entity_type: "matches_schedule",
  priority: "HIGH",
  triggered_by: "operator@example.com",
  reason: "the example of the documentation",
};
const { sync_job_id } = await call(ManualSyncResponse, "sync-admin/manual-trigger", {
  method: "POST",
  // After a lost answer, a request with the same key returns the same job.
  headers: { "idempotency-key": crypto.randomUUID() },
  body: JSON.stringify(request),
});
for (let isFinished = false; !isFinished;) {
  const job = await call(JobDetailResponse, `sync-admin/jobs/${sync_job_id}`);
  const { tournaments_processed = 0, total_tournaments = null } = job.progress ?? {};
  print(
    `${job.status}: ${tournaments_processed} of ${total_tournaments ?? "?"}, estimated to end at ${
      job.estimated_completion ?? "an unknown time"
    }`,
  );
  isFinished = ["COMPLETED", "FAILED", "CANCELLED"].includes(job.status);
  if (!isFinished) await new Promise((resolve) => setTimeout(resolve, 2_000));
}
