import { assertEquals } from "@std/assert";
import { document } from "../../testing/openapi.ts";

Deno.test("the OpenAPI document covers all functions, and every operation has one success and the statuses 401, 403 and 503", () => {
  const { openapi, paths } = document as {
    openapi: string;
    paths: Record<string, Record<string, { description?: string; responses: object }>>;
  };
  assertEquals(openapi, "3.1.0");
  assertEquals([...new Set(Object.keys(paths).map((path) => path.split("/")[1]))].sort(), [
    "sync-admin",
    "sync-alert-processor",
    "sync-monitoring",
    "{function_name}",
  ]);
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(operations)) {
      const statuses = Object.keys(responses);
      assertEquals(["401", "403", "503"].filter((status) => !statuses.includes(status)), [], `${method} ${path}`);
      assertEquals(statuses.filter((status) => status.startsWith("2")).length, 1, `${method} ${path}`);
    }
  }
});
