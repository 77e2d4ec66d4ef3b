import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import type { Rpc } from "../../services/rpc.ts";
import { SecretKeys } from "../../services/secret-keys.ts";
import { SCHEMA_VERSION } from "../../supabase/functions/_shared/schema-check.ts";
import { createApp } from "../../supabase/functions/sync-monitoring/app.ts";
import { TestClock } from "../../testing/clock.ts";
import { testEnv } from "../../testing/env.ts";
import { document } from "../../testing/openapi.ts";

const Operation = z.looseObject({
  operationId: z.string(),
  summary: z.string().min(1),
  description: z.string(),
  tags: z.array(z.string()),
  parameters: z.array(z.looseObject({})).default([]),
  requestBody: z.unknown().optional(),
  responses: z.record(z.string(), z.looseObject({})),
});
const { openapi, paths, tags } = z.object({
  openapi: z.string(),
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
}).parse(document);
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ route: `${method} ${path}`, ...operation }))
);
const find = (id: string) => operations.find(({ operationId }) => operationId === id);
const mentions = (part: unknown, text: string) => JSON.stringify(part).includes(text);

Deno.test("the OpenAPI document covers all functions, and every operation has one success and the statuses 401, 403 and 503", () => {
  assertEquals(openapi, "3.1.0");
  assertEquals([...new Set(Object.keys(paths).map((path) => path.split("/")[1]))].sort(), [
    "sync-admin",
    "sync-alert-processor",
    "sync-monitoring",
    "{function_name}",
  ]);
  for (const { route, responses } of operations) {
    const statuses = Object.keys(responses);
    assertEquals(["401", "403", "503"].filter((status) => !statuses.includes(status)), [], route);
    assertEquals(statuses.filter((status) => status.startsWith("2")).length, 1, route);
  }
});

Deno.test("each operation has an id of its own that is a name, one tag that is described, and its access in words", () => {
  const ids = operations.map(({ operationId }) => operationId);
  assertEquals(ids.filter((id, index) => ids.indexOf(id) !== index || !/^[a-z]+([A-Z][a-z]+)*$/.test(id)), []);
  for (const { route, tags, description } of operations) {
    assertEquals(tags.length, 1, route);
    assert(description.startsWith("Needs "), route);
  }
  const used = new Set(operations.flatMap(({ tags }) => tags));
  assertEquals(tags.map(({ name }) => name).sort(), [...used].sort());
});

Deno.test("the headers are documented where they exist: If-None-Match and ETag, Idempotency-Key, Retry-After", () => {
  const reads = operations.filter(({ responses }) => "304" in responses);
  for (const { route, parameters, responses } of reads) {
    assert(mentions(parameters, "parameters/IfNoneMatch") && mentions(responses["200"], "headers/ETag"), route);
  }
  assertEquals(operations.filter(({ parameters }) => mentions(parameters, "IfNoneMatch")).length, reads.length);
  assert(reads.length > 15 && !find("listJobs")?.responses["304"] && !find("suggestRuleChange")?.responses["304"]);
  assertEquals(
    operations.filter(({ parameters }) => mentions(parameters, "Idempotency-Key")).map(({ operationId }) => operationId),
    ["triggerSync"],
  );
  const { responses } = document.components as { responses: Record<string, unknown> };
  assertEquals(Object.keys(responses).filter((name) => mentions(responses[name], "headers/RetryAfter")), ["TooManyRequests"]);
  assert(operations.every(({ responses: { 429: refusal } }) => !refusal || mentions(refusal, "responses/TooManyRequests")));
});

/** The properties of each object schema that is no component. */
function anonymousObjects(part: unknown, path: string): string[] {
  if (typeof part !== "object" || part === null) return [];
  const isNamed = /^\/components\/schemas\/\w+$/.test(path);
  const own = "properties" in part && "type" in part && !isNamed ? [JSON.stringify(part.properties)] : [];
  return [...own, ...Object.entries(part).flatMap(([name, value]) => anonymousObjects(value, `${path}/${name}`))];
}

Deno.test("each body is a component, and an object that occurs twice is one too", () => {
  const bodies = operations.flatMap(({ route, requestBody, responses }) =>
    [requestBody, ...Object.values(responses)].map((body) => [route, JSON.stringify(body) ?? ""] as const)
  );
  assertEquals(bodies.filter(([, body]) => body.includes('"properties"')).map(([route]) => route), []);
  const objects = anonymousObjects(document, "");
  assert(objects.length > 10, "the walk finds nested objects");
  assertEquals(objects.filter((object, index) => objects.indexOf(object) !== index), []);
});

Deno.test("the document is smaller than 190 kB, and the first request for it builds it, once", async () => {
  const user = { sub: "a-user", exp: 1, app_metadata: { role: "viewer" } };
  const app = createApp({
    rpc: (() => Promise.resolve({ version: SCHEMA_VERSION, min_code_version: 1 })) as unknown as Rpc,
    clock: new TestClock("2026-06-10T12:00:00Z"),
    log: () => {},
    env: testEnv(),
    access: { keys: new SecretKeys(testEnv().secretKeys), verify: () => Promise.resolve(user) },
  });
  const { definitions } = app.openAPIRegistry;
  let builds = 0;
  Object.defineProperty(app.openAPIRegistry, "definitions", { get: () => (builds++, definitions) });
  const request = new Request("http://functions.test/sync-monitoring/openapi.json", { headers: { authorization: "Bearer a-token" } });
  const texts = [await (await app.fetch(request)).text(), await (await app.fetch(request)).text()];
  assertEquals([texts[0] === texts[1], JSON.parse(String(texts[0])), builds], [true, document, 1]);
  assert(String(texts[0]).length < 190_000, `${texts[0]?.length} characters`);
});

Deno.test("the recommended rules of Redocly find no error and no warning", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  const lint = async (linted: object) => {
    await Deno.writeTextFile(path, JSON.stringify(linted));
    const args = ["run", "-A", "--quiet", "--no-config", "--no-lock", "npm:@redocly/cli@2.77.0", "lint", "--extends=recommended"];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args, "--format=json", "--max-problems=1000", path],
      env: { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert(text.startsWith("{"), text + new TextDecoder().decode(stderr));
    const { problems } = z.object({ problems: z.array(z.object({ ruleId: z.string(), message: z.string() })) }).parse(JSON.parse(text));
    return problems.map(({ ruleId, message }) => `${ruleId}: ${message}`);
  };
  try {
    assertEquals(await lint(document), []);
    assertEquals(await lint({ ...document, tags: tags.slice(1), servers: [] }).then((problems) => problems.length > 0), true);
  } finally {
    await Deno.remove(path);
  }
});
