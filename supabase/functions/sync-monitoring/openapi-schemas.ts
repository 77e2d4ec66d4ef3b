import { z } from "zod";
import * as contract from "../../../types/index.ts";
import * as routes from "../../../types/routes.ts";

const capitalize = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** The schemas of the contract, each with the name of its export. The requests of channels are made from a table of their kinds. */
function namedSchemas(): [name: string, schema: unknown][] {
  const channels = contract.ChannelRequest.options.flatMap((request): [string, unknown][] => {
    const { kind, config } = request.shape;
    const name = `${capitalize(kind.value)}Channel`;
    return [[`${name}Request`, request], [`${name}Config`, config]];
  });
  return [...Object.entries({ ...contract, ...routes }).filter(([name]) => /^[A-Z]/.test(name)), ...channels];
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Writes what generators of clients understand, and leaves out what a format or a type already says: a third of the document. */
function simplify(schema: JsonSchema): void {
  if (schema.format) delete schema.pattern;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  const names = typeof schema.propertyNames === "object" ? schema.propertyNames.enum : undefined;
  delete schema.propertyNames;
  if (names && schema.required) {
    // A record that has each name of a list is an object with these properties.
    schema.properties = Object.fromEntries(names.map((name) => [name, schema.additionalProperties ?? {}]));
    delete schema.additionalProperties;
  }
}

/** Writes schemas as JSON Schema; the named ones become components, to which the others refer. */
export function createSchemaWriter() {
  const names = z.registry<{ id: string }>();
  for (const [name, schema] of namedSchemas()) {
    // The first of two names of a schema counts.
    if (schema instanceof z.ZodType && !names.has(schema)) names.add(schema, { id: name });
  }
  const components: Record<string, JsonSchema> = {};
  return {
    components,
    /** A schema as a client sends it; answers have no defaults and are not transformed. */
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
