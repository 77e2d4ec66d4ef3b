import { assertEquals } from "@std/assert";
import { createApp as createAdmin } from "../../supabase/functions/sync-admin/app.ts";
import { ROUTES } from "../../types/routes.ts";
import { TestClock } from "../../testing/clock.ts";
import { document } from "../../testing/openapi.ts";
import { testEnv } from "../../testing/env.ts";

const deps = {
  rpc: () => Promise.reject(new Error("no call is expected")),
  clock: new TestClock("2026-06-10T12:00:00Z"),
  log: () => {},
  env: testEnv(),
  waitUntil: () => {},
};

Deno.test("the OpenAPI document has exactly the routes of sync-admin", () => {
  const served = createAdmin(deps).routes.filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, "{$1}")}`);
  const documented = ROUTES.filter((route) => route.function === "sync-admin").map(({ method, path }) => `${method} /sync-admin${path}`);
  assertEquals([...new Set(served)].sort(), documented.sort());
});

Deno.test("the OpenAPI document covers all functions, and every operation has one success and the statuses 401, 403 and 503", () => {
  const { openapi, paths } = document as {
    openapi: string;
    paths: Record<string, Record<string, { description?: string; responses: object }>>;
  };
  assertEquals(openapi, "3.1.0");
  assertEquals([...new Set(Object.keys(paths).map((path) => path.split("/")[1]))].sort(), [
    "match-live-sync",
    "match-schedule-sync",
    "sync-admin",
    "sync-alert-processor",
    "sync-monitoring",
    "tournament-master-sync",
  ]);
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(operations)) {
      const statuses = Object.keys(responses);
      assertEquals(["401", "403", "503"].filter((status) => !statuses.includes(status)), [], `${method} ${path}`);
      assertEquals(statuses.filter((status) => status.startsWith("2")).length, 1, `${method} ${path}`);
    }
  }
});
