import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { z } from "zod";
import { ChangeRuleRequest } from "../../../../types/admin.ts";
import { ChannelRequest } from "../../../../types/channel-request.ts";
import { ROUTES } from "../../../../types/routes.ts";
import { AppError } from "../../../../services/errors.ts";
import { parse } from "../app.ts";

const cases: [schema: z.ZodType, value: unknown, message: string][] = [
  [z.object({ a: z.string() }), {}, "a: is required"],
  [z.object({ a: z.string() }), "text", "body: must be an object"],
  [z.object({ a: z.string() }), { a: null }, "a: must be text"],
  [z.object({ a: z.boolean() }), { a: "yes" }, "a: must be true or false"],
  [z.object({ a: z.array(z.number()) }), { a: 1 }, "a: must be a list"],
  [z.object({ a: z.array(z.number()) }), { a: [1, "2"] }, "a.1: must be a number"],
  [z.object({ a: z.record(z.string(), z.string()) }), { a: [] }, "a: must be an object"],
  [z.object({ a: z.coerce.number() }), { a: "1e309" }, "a: must be a number"],
  [z.object({ a: z.number().int() }), { a: 1.5 }, "a: must be a whole number"],
  [z.object({ a: z.date() }), { a: "today" }, "a: has the wrong type"],
  [z.object({ a: z.null() }), { a: 1 }, "a: must be null"],
  [z.object({ a: z.literal("x") }), { a: "y" }, "a: must be x"],
  [z.object({ a: z.enum(["x", "y", "z"]) }), { a: 1 }, "a: must be x, y or z"],
  [z.object({ a: z.enum(["x", "y"]) }), {}, "a: is required and must be x or y"],
  [z.object({ a: z.string().min(1) }), { a: "" }, "a: must have at least 1 character"],
  [z.object({ a: z.string().max(3) }), { a: "1234" }, "a: must have at most 3 characters"],
  [z.object({ a: z.string().length(3) }), { a: "12" }, "a: must have exactly 3 characters"],
  [z.object({ a: z.array(z.string()).min(1) }), { a: [] }, "a: must have at least 1 item"],
  [z.object({ a: z.array(z.string()).max(2) }), { a: ["1", "2", "3"] }, "a: must have at most 2 items"],
  [z.object({ a: z.string().trim().min(3).max(200) }), { a: "x " }, "a: must have 3 to 200 characters"],
  [z.object({ a: z.string().min(3).max(5).optional() }), { a: "123456" }, "a: must have 3 to 5 characters"],
  [z.object({ a: z.array(z.string()).min(1).max(10) }), { a: [] }, "a: must have 1 to 10 items"],
  [z.object({ a: z.coerce.number().int().min(1).max(200) }), { a: "0" }, "a: must be between 1 and 200"],
  [z.object({ a: z.number().min(0) }), { a: -1 }, "a: must be at least 0"],
  [z.object({ a: z.number().max(200) }), { a: 201 }, "a: must be at most 200"],
  [z.object({ a: z.number().gt(0) }), { a: 0 }, "a: must be more than 0"],
  [z.object({ a: z.number().lt(1) }), { a: 1 }, "a: must be less than 1"],
  [z.object({ a: z.number().multipleOf(5) }), { a: 3 }, "a: must be a multiple of 5"],
  [z.object({ a: z.email() }), { a: "x" }, "a: must be an email address"],
  [z.object({ a: z.url() }), { a: "x" }, "a: must be a URL"],
  [z.object({ a: z.uuid() }), { a: "x" }, "a: must be a UUID"],
  [
    z.object({ a: z.iso.datetime({ offset: true }) }),
    { a: "today" },
    "a: must be a time with its offset from UTC, such as 2026-06-10T12:00:00Z",
  ],
  [z.object({ a: z.iso.date() }), { a: "today" }, "a: must be a date, such as 2026-06-10"],
  [z.object({ a: z.string().regex(/^x/) }), { a: "y" }, "a: has the wrong format"],
  [z.object({ a: z.string().regex(/^x/, "must begin with x") }), { a: "y" }, "a: must begin with x"],
  [z.strictObject({ a: z.strictObject({}) }), { a: { b: 1 }, c: 2 }, "a.b: is not a known field; c: is not a known field"],
  [z.object({ a: z.record(z.string().max(1), z.string()) }), { a: { bb: "" } }, "a.bb: has a name that must have at most 1 character"],
  [z.object({ a: z.union([z.string(), z.number()]) }), { a: true }, "a: must be text, or must be a number"],
  [z.object({ a: z.xor([z.string(), z.string().min(1)]) }), { a: "x" }, "a: matches more than one of the allowed forms"],
  [z.object({ a: z.string().refine(() => false) }), { a: "x" }, "a: is not allowed"],
  [z.object({ a: z.string().refine(() => false, "must be better") }), { a: "x" }, "a: must be better"],
  [
    ChannelRequest,
    {},
    "kind: is required and must be webhook, slack, teams, discord, telegram, ntfy, pagerduty, email, alertmanager or dashboard",
  ],
  [
    ChannelRequest,
    { kind: "pigeon" },
    "kind: must be webhook, slack, teams, discord, telegram, ntfy, pagerduty, email, alertmanager or dashboard",
  ],
  [ChannelRequest, { kind: "webhook", config: { url: "ftp://x" } }, "config.url: must be a URL that begins with http:// or https://"],
  [ChangeRuleRequest, { runbook_url: "x" }, "runbook_url: must be a URL that begins with http:// or https://"],
];

for (const [schema, value, message] of cases) {
  Deno.test(`the message of an invalid request is "${message}"`, () => {
    assertEquals(assertThrows(() => parse(schema, value), Error).message, message);
  });
}

/** Values of each kind of JSON, and texts and numbers outside of common limits. */
const WRONG = [undefined, null, true, -1, 1.5, 1e12, "", "?", "x".repeat(3_000), [], [1], ["?"], {}, { a: 1 }];
/** The first words of the message of a field, after its name. */
const SENTENCE = /^(?:must|is|are|has|can|needs|name) /;

/** The object schemas of a body, also those of a union. */
const objectsOf = (schema: z.ZodType): z.ZodObject[] =>
  schema instanceof z.ZodObject
    ? [schema]
    : schema instanceof z.ZodDiscriminatedUnion
    ? schema.options.filter((option) => option instanceof z.ZodObject)
    : [];
const bodies = new Set(ROUTES.flatMap(({ body, query }) => [body, query]).filter((schema) => schema !== undefined));

Deno.test("each field of each body and query refuses values of another kind with a sentence that names it, in no library's words", () => {
  let refused = 0;
  for (const object of [...bodies].flatMap(objectsOf)) {
    for (const [field, schema] of Object.entries(object.shape)) {
      for (const value of WRONG.filter((value) => !(schema as z.ZodType).safeParse(value).success)) {
        const error = assertThrows(() => parse(object, { [field]: value }), AppError);
        const issues = error.details as { field: string; message: string }[];
        assert(issues.some((issue) => issue.field.split(".")[0] === field), `${field} = ${JSON.stringify(value)}: ${error.message}`);
        for (const { message } of issues) assertMatch(message, SENTENCE, `${field} = ${JSON.stringify(value)}`);
        refused++;
      }
    }
  }
  assert(refused > 500, `${refused} refusals`);
});
