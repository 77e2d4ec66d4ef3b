import { Ajv2020 } from "ajv/2020";
import { z } from "zod";
import { createApp } from "../supabase/functions/sync-monitoring/app.ts";
import { openApiDocument } from "../supabase/functions/sync-monitoring/openapi.ts";
import { TestClock } from "./clock.ts";
import { testEnv } from "./env.ts";

const Media = z.object({ "application/json": z.object({ schema: z.record(z.string(), z.unknown()) }).optional() });
const Documented = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ responses: z.record(z.string(), z.object({ content: Media.optional() })) }))),
});

const refuseRpc = () => Promise.reject(new Error("the document needs no database"));
/** The OpenAPI document that `GET sync-monitoring/openapi.json` returns. */
export const document = JSON.parse(
  JSON.stringify(
    openApiDocument(createApp({ rpc: refuseRpc, clock: new TestClock("2026-06-10T12:00:00Z"), log: () => {}, env: testEnv() })),
  ),
) as Record<string, unknown>;
const inlined = new Map<string, unknown>();
/** A part of the document with the components that it refers to. */
function inline(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(inline);
  if (typeof part !== "object" || part === null) return part;
  if (!("$ref" in part)) return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, inline(value)]));
  const ref = String(part.$ref);
  if (!inlined.has(ref)) {
    const target = ref.split("/").slice(1).reduce<unknown>((found, name) => (found as Record<string, unknown>)[name], document);
    inlined.set(ref, inline(target));
  }
  return inlined.get(ref);
}
const paths = Object.entries(Documented.parse(inline({ paths: document.paths })).paths).map(([path, methods]) => ({
  pattern: new URLPattern({ pathname: path.replace(/\{(\w+)\}/g, ":$1") }),
  fixed: path.split("/").filter((part) => !part.startsWith("{")).length,
  methods,
  path,
}));
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });

/** The app with a validation of each JSON response of a documented route against the OpenAPI document. */
export function documented(app: { fetch(request: Request): Response | Promise<Response> }): { fetch(request: Request): Promise<Response> } {
  return {
    async fetch(request) {
      const response = await app.fetch(request);
      // `/alert-rules/preview` also matches `/alert-rules/:id`, so the path with more fixed parts is used.
      const [found] = paths.filter(({ pattern }) => pattern.test({ pathname: new URL(request.url).pathname })).toSorted((a, b) =>
        b.fixed - a.fixed
      );
      const operation = found?.methods[request.method.toLowerCase()];
      if (!operation || response.status === 304) return response;
      const answer = operation.responses[String(response.status)];
      const what = `${request.method} ${found?.path} ${response.status}`;
      if (!answer) throw new Error(`${what} is not documented`);
      if (answer.content && !answer.content["application/json"]) return response;
      const schema = answer.content?.["application/json"]?.schema;
      const text = await response.clone().text();
      if (!schema) {
        if (text) throw new Error(`${what} is documented without a body`);
      } else if (!ajv.validate(schema, JSON.parse(text))) {
        throw new Error(`${what} does not match its schema: ${ajv.errorsText()}: ${text.slice(0, 500)}`);
      }
      return response;
    },
  };
}
