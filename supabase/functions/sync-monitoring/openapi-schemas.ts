import { z } from "zod";
import * as contract from "../../../types/index.ts";
import * as routes from "../../../types/routes.ts";

const capitalize = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** The schemas of the contract with the names of their exports; the request of a channel has no export, so its kind makes its name. */
function namedSchemas(): [name: string, schema: unknown][] {
  const channels = contract.ChannelRequest.options.flatMap((request): [string, unknown][] => {
    const { kind, config } = request.shape;
    const name = `${capitalize(kind.value)}Channel`;
    return [[`${name}Request`, request], [`${name}Config`, config]];
  });
  return [...Object.entries({ ...contract, ...routes }).filter(([name]) => /^[A-Z]/.test(name)), ...channels];
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Changes a schema to the form that generators of clients read, and removes limits that a format or type implies, a third of the text. */
function simplify(schema: JsonSchema): void {
  if (schema.format) delete schema.pattern;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  const names = typeof schema.propertyNames === "object" ? schema.propertyNames.enum : undefined;
  delete schema.propertyNames;
  if (names && schema.required) {
    // A record with a value for each name of a list is an object with these properties.
    schema.properties = Object.fromEntries(names.map((name) => [name, schema.additionalProperties ?? {}]));
    delete schema.additionalProperties;
  }
}

/** Creates a writer of JSON Schema; a named schema becomes a component, and other schemas refer to it. */
export function createSchemaWriter() {
  const names = z.registry<{ id: string }>();
  for (const [name, schema] of namedSchemas()) {
    // A schema with two names keeps the first one.
    if (schema instanceof z.ZodType && !names.has(schema)) names.add(schema, { id: name });
  }
  const components: Record<string, JsonSchema> = {};
  return {
    components,
    /** Writes the input form of a schema; the schemas of answers have no defaults and no transformations, so their two forms are equal. */
    write(schema: z.ZodType): JsonSchema {
      const { properties, $defs } = z.toJSONSchema(z.object({ schema }), {
        metadata: names,
        io: "input",
        unrepresentable: "any",
        override: ({ jsonSchema }) => simplify(jsonSchema),
      });
      for (const [name, { id: _, ...component }] of Object.entries($defs ?? {})) components[name] = component;
      return properties?.schema as JsonSchema;
    },
  };
}
