import { productionDeps } from "../_shared/runtime.ts";
import { createApp } from "./app.ts";
import { createChannels } from "./notification-service.ts";

const deps = productionDeps("sync-alert-processor");
Deno.serve(createApp({ ...deps, channels: createChannels(deps.env, deps.clock) }).fetch);
