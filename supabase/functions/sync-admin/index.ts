import { productionDeps } from "../_shared/runtime.ts";
import { createApp } from "./app.ts";

Deno.serve(createApp(productionDeps("sync-admin")).fetch);
