import { closeLiveRuns } from "../../../services/SyncRun.ts";
import { productionDeps } from "../_shared/runtime.ts";
import { createApp } from "./app.ts";

addEventListener("beforeunload", () => void closeLiveRuns());
Deno.serve(createApp(productionDeps("match-live-sync")).fetch);
