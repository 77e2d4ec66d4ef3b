import { decodeXML } from "entities";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { z } from "zod";
import { codeOfHttpStatus, codeOfVisId, SyncError } from "./classification.ts";

/** One row of VIS with camelCase names: an empty field is null; a number is a text in XML and a number in JSON. */
export type VisRow = Record<string, string | number | boolean | null>;

/** The rows of a reply, with its row count and its version. */
export interface VisReply {
  rows: VisRow[];
  nbItems: number | null;
  version: number | null;
}

/** An HTTP reply, read to its end. */
export interface RawReply {
  status: number;
  contentType: string;
  body: string;
}

const Attributes = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));
const Scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

// The parser expands no entities; `decodeXML` decodes only the five predefined ones and character references, in values.
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  processEntities: false,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
});

interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

const Node = z.record(z.string(), z.unknown());

function elementsOf(nodes: unknown): Element[] {
  return z.array(Node).parse(nodes).flatMap((node) => {
    const name = Object.keys(node).find((key) => key !== ":@" && key !== "#text");
    if (name === undefined) return [];
    const children = z.array(Node).parse(node[name]);
    const attributes = z.record(z.string(), z.string()).parse(node[":@"] ?? {});
    return [{
      name,
      attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, decodeXML(value)])),
      children: elementsOf(children),
      text: children.map((child) => typeof child["#text"] === "string" ? decodeXML(child["#text"]) : "").join("").trim(),
    }];
  });
}

const camelCase = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
const rowOf = (element: Element): VisRow =>
  Object.fromEntries(Object.entries(element.attributes).map(([name, value]) => [camelCase(name), value === "" ? null : value]));
const numberOf = (text: string | undefined): number | null => text !== undefined && /^\d+$/.test(text) ? Number(text) : null;

function fromXml(body: string, rowName: string): VisReply {
  if (body.includes("<!DOCTYPE")) throw new SyncError("REPLY_NOT_DATA", "the reply declares a document type, which VIS never sends");
  const wellFormed = XMLValidator.validate(body);
  if (wellFormed !== true) {
    throw new SyncError("REPLY_MALFORMED", `the reply is not well-formed XML: ${wellFormed.err.msg}`, { at: wellFormed.err });
  }
  const [root] = elementsOf(parser.parse(body));
  const answer = root?.name === "Responses" ? root.children[0] : root;
  if (!answer) throw new SyncError("REPLY_MALFORMED", "the reply contains no element");
  if (answer.name === "NoChanges") return { rows: [], nbItems: 0, version: null };
  if (answer.name === rowName) return { rows: [rowOf(answer)], nbItems: 1, version: numberOf(answer.attributes.Version) };
  if (answer.attributes.NbItems !== undefined) {
    const rows = answer.children.filter((child) => child.name === rowName);
    if (rows.length !== answer.children.length) throw new SyncError("REPLY_WRONG_ROWS", `the list contains elements other than ${rowName}`);
    return { rows: rows.map(rowOf), nbItems: numberOf(answer.attributes.NbItems), version: numberOf(answer.attributes.Version) };
  }
  throw errorOf(answer.name, numberOf(answer.attributes.id), answer.text);
}

const errorOf = (name: string, id: number | null, detail: string): SyncError => {
  const code = name === "html" ? "REPLY_NOT_DATA" : codeOfVisId(id ?? VIS_IDS[name.toLowerCase()] ?? null);
  return new SyncError(code, `VIS answered ${name}${id === null ? "" : ` (${id})`}${detail ? `: ${detail.slice(0, 200)}` : ""}`, {
    vis_error: name,
    vis_id: id,
  });
};

/** Ids of the errors that JSON replies only name (VIS documentation, "Errors"). */
const VIS_IDS: Record<string, number> = {
  accesstokenexpired: 1,
  accesstokeninvalid: 2,
  accesstokenrevoked: 3,
  badrequestsyntax: 4,
  baduser: 6,
  unsupportedauthentication: 10,
  applicationidmissing: 11,
  accessdenied: 1000,
  badfilterparameter: 1001,
  badparameter: 1002,
  filterparametermissing: 1003,
  nodata: 1005,
  notimplemented: 1006,
  notinjson: 1007,
  notinnewformat: 1008,
  parametermissing: 1009,
};

const JsonError = z.object({ code: z.string(), message: z.string().default("") });
const JsonReply = z.object({
  data: z.union([z.array(Attributes), z.record(z.string(), Scalar)]).optional(),
  errors: z.union([JsonError, z.array(JsonError).min(1)]).optional(),
  nbItems: z.number().int().optional(),
  version: z.number().int().optional(),
});

function fromJson(body: string): VisReply {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new SyncError("REPLY_MALFORMED", "the reply is not well-formed JSON", {}, { cause });
  }
  const parsed = JsonReply.safeParse(value);
  if (!parsed.success) throw new SyncError("REPLY_NOT_DATA", "the JSON does not have the shape of a VIS reply");
  const { data, errors, nbItems, version } = parsed.data;
  const error = Array.isArray(errors) ? errors[0] : errors;
  if (error) throw errorOf(error.code, null, error.message);
  if (data === undefined) throw new SyncError("REPLY_NOT_DATA", "the JSON does not have the shape of a VIS reply");
  if (!Array.isArray(data)) {
    return "noChanges" in data ? { rows: [], nbItems: 0, version: null } : { rows: [data], nbItems: 1, version: null };
  }
  const rows = data.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === "" ? null : value])));
  return { rows, nbItems: nbItems ?? null, version: version ?? null };
}

/**
 * Reads a VIS reply, XML or JSON by its Content-Type; `rowName` is the element of a row, such as `BeachMatch`.
 * @throws SyncError for an error element, an HTTP error, HTML, a broken body, or `NbItems` that disagrees with the rows.
 */
export function parseReply({ status, contentType, body }: RawReply, rowName: string): VisReply {
  if (status === 204) return { rows: [], nbItems: 0, version: null };
  const isJson = /\bjson\b/i.test(contentType);
  const isXml = /\bxml\b/i.test(contentType) && !/\bhtml\b/i.test(contentType);
  if (status !== 200) {
    const failure = new SyncError(codeOfHttpStatus(status), `VIS answered HTTP ${status}`, { http_status: status });
    // With these statuses the body may contain an error element, which names the cause; others, such as 403 and 503, decide by themselves.
    if ((isJson || isXml) && [400, 401, 500].includes(status)) throw errorInBody(body, isJson, rowName) ?? failure;
    throw failure;
  }
  if (!isJson && !isXml) throw new SyncError("REPLY_NOT_DATA", `VIS answered 200 with ${contentType || "no content type"}`);
  const reply = isJson ? fromJson(body) : fromXml(body, rowName);
  if (reply.nbItems !== null && reply.nbItems !== reply.rows.length) {
    throw new SyncError("REPLY_COUNT_MISMATCH", `NbItems is ${reply.nbItems}, but the reply has ${reply.rows.length} rows`);
  }
  return reply;
}

function errorInBody(body: string, isJson: boolean, rowName: string): SyncError | null {
  try {
    if (isJson) fromJson(body);
    else fromXml(body, rowName);
  } catch (error) {
    if (error instanceof SyncError && "vis_error" in error.evidence) return error;
  }
  return null;
}
