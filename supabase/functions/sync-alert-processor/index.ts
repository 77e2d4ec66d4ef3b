import { productionDeps } from "../_shared/runtime.ts";
import { createApp } from "./app.ts";
import { createChannels, createHeartbeat } from "./notification-service.ts";

const deps = productionDeps("sync-alert-processor");
const channels = createChannels(deps.env, deps.clock);
const heartbeat = createHeartbeat(deps.env.ALERT_HEARTBEAT_URL, deps.log);
Deno.serve(createApp({ ...deps, channels, heartbeat }).fetch);
