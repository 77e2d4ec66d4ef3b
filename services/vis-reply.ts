import { SaxesParser } from "saxes";
import { z } from "zod";
import { codeOfHttpStatus, codeOfVisId, SyncError } from "./classification.ts";
import { isRedirect } from "./outbound.ts";
import { safeText } from "./text.ts";

/** One row of VIS with camelCase names: an empty field is null; a number is a text in XML and a number in JSON. */
export type VisRow = Record<string, string | number | boolean | null>;

/** The rows of a reply, with its row count and its version. */
export interface VisReply {
  rows: VisRow[];
  nbItems: number | null;
  /** The version; null when the reply has none that the database can store. */
  version: number | null;
  /** Whether VIS answered `NoChanges` or 204 instead of rows. */
  isUnchanged?: true;
}

const UNCHANGED: VisReply = { rows: [], nbItems: 0, version: null, isUnchanged: true };

/** An HTTP reply, read to its end. */
export interface RawReply {
  status: number;
  contentType: string;
  body: string;
  /** The transferred bytes of the body. */
  bytes?: number;
  /** The address to which a redirect leads. */
  location?: string | null;
}

interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

/** The XML without forbidden characters and references to them, because the parser refuses a whole reply for one of them. */
const readableXml = (body: string): string =>
  safeText(body).replace(/&#(?:x([\da-f]+)|(\d+));/gi, (reference, hex, decimal) => {
    const code = hex ? parseInt(hex, 16) : Number(decimal);
    const isCharacter = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && safeText(String.fromCodePoint(code)) !== "";
    return isCharacter ? reference : "";
  });

/** Parses well-formed XML in one pass; the parser decodes the predefined entities and character references, and expands no others. */
function parseXml(body: string): Element | undefined {
  const parser = new SaxesParser();
  const document: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [document];
  parser.on("error", (error) => {
    throw new SyncError("REPLY_MALFORMED", `the reply is not well-formed XML: ${error.message}`);
  });
  parser.on("doctype", () => {
    throw new SyncError("REPLY_NOT_DATA", "the reply declares a document type, which VIS never sends");
  });
  parser.on("opentag", ({ name, attributes }) => {
    const element = { name, attributes, children: [], text: "" };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on("text", (text) => {
    const element = open.at(-1);
    if (element) element.text += text;
  });
  parser.on("closetag", () => void open.pop());
  parser.write(readableXml(body)).close();
  return document.children[0];
}

const camelCase = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
const numberOf = (text: string | undefined): number | null => text !== undefined && /^\d+$/.test(text) ? Number(text) : null;

const versionOf = (value: number | null | undefined): number | null =>
  Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : null;

function rowOfXml({ attributes }: Element): VisRow {
  const row: VisRow = {};
  for (const name in attributes) row[camelCase(name)] = attributes[name] || null;
  return row;
}

function fromXml(body: string, rowName: string): VisReply {
  const root = parseXml(body);
  const answer = root?.name === "Responses" ? root.children[0] : root;
  if (!answer) throw new SyncError("REPLY_MALFORMED", "the reply contains no element");
  if (answer.name === "NoChanges") return UNCHANGED;
  if (answer.name === rowName) return { rows: [rowOfXml(answer)], nbItems: 1, version: versionOf(numberOf(answer.attributes.Version)) };
  if (answer.attributes.NbItems !== undefined) {
    const rows = answer.children.filter((child) => child.name === rowName);
    if (rows.length !== answer.children.length) throw new SyncError("REPLY_WRONG_ROWS", `the list contains elements other than ${rowName}`);
    return {
      rows: rows.map(rowOfXml),
      nbItems: numberOf(answer.attributes.NbItems),
      version: versionOf(numberOf(answer.attributes.Version)),
    };
  }
  throw errorOf(answer.name, numberOf(answer.attributes.id), answer.text.trim());
}

const errorOf = (name: string, id: number | null, detail: string): SyncError => {
  const shortName = safeText(name, 100);
  const code = name === "html" ? "REPLY_NOT_DATA" : codeOfVisId(id ?? VIS_IDS[name.toLowerCase()] ?? null);
  return new SyncError(code, `VIS answered ${shortName}${id === null ? "" : ` (${id})`}${detail ? `: ${safeText(detail, 200)}` : ""}`, {
    vis_error: shortName,
    vis_id: id,
  });
};

/** Ids of the errors that JSON replies only name (VIS documentation, "Errors"). */
const VIS_IDS: Record<string, number> = {
  accesstokenexpired: 1,
  accesstokeninvalid: 2,
  accesstokenrevoked: 3,
  badrequestsyntax: 4,
  error: 5,
  baduser: 6,
  refreshtokenexpired: 7,
  refreshtokeninvalid: 8,
  refreshtokenrevoked: 9,
  unsupportedauthentication: 10,
  applicationidmissing: 11,
  userisdeleted: 12,
  userisdisabled: 12,
  userisrevoked: 13,
  accessdenied: 1000,
  badfilterparameter: 1001,
  badparameter: 1002,
  filterparametermissing: 1003,
  nodata: 1005,
  notimplemented: 1006,
  notinjson: 1007,
  notinnewformat: 1008,
  parametermissing: 1009,
  mandatorypropertymissing: 1013,
  invalidtag: 1017,
};

const JsonError = z.object({ code: z.string(), message: z.string().default("") });
const JsonReply = z.object({
  data: z.union([z.array(z.unknown()), z.looseObject({})]).optional(),
  errors: z.union([JsonError, z.array(JsonError).min(1)]).optional(),
  nbItems: z.number().int().optional(),
  version: z.number().optional(),
});
const notData = () => new SyncError("REPLY_NOT_DATA", "the JSON does not have the shape of a VIS reply");

/** Checks a row and sets its empty texts to null in place; a schema for each row takes more CPU than the rest of the parser. */
function rowOfJson(row: unknown): VisRow {
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw notData();
  const fields = row as Record<string, unknown>;
  for (const name in fields) {
    if (fields[name] === "") fields[name] = null;
    else if (typeof fields[name] === "object" && fields[name] !== null) throw notData();
  }
  return fields as VisRow;
}

function fromJson(body: string): VisReply {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new SyncError("REPLY_MALFORMED", "the reply is not well-formed JSON", {}, { cause });
  }
  const parsed = JsonReply.safeParse(value);
  if (!parsed.success) throw notData();
  const { data, errors, nbItems, version } = parsed.data;
  const error = Array.isArray(errors) ? errors[0] : errors;
  if (error) throw errorOf(error.code, null, error.message);
  if (data === undefined) throw notData();
  if (Array.isArray(data)) return { rows: data.map(rowOfJson), nbItems: nbItems ?? null, version: versionOf(version) };
  return "noChanges" in data ? UNCHANGED : { rows: [rowOfJson(data)], nbItems: 1, version: null };
}

/** Whether the Content-Type is XML. */
export const isXmlType = (contentType: string): boolean => /\bxml\b/i.test(contentType) && !/\bhtml\b/i.test(contentType);

/**
 * Reads a VIS reply, XML or JSON by its Content-Type; `rowName` is the element of a row, such as `BeachMatch`.
 * @throws SyncError for an error element, an HTTP error, HTML, a broken body, or `NbItems` that disagrees with the rows.
 */
export function parseReply({ status, contentType, body, location }: RawReply, rowName: string): VisReply {
  if (status === 204) return UNCHANGED;
  const isJson = /\bjson\b/i.test(contentType);
  const isXml = isXmlType(contentType);
  if (status !== 200) {
    const target = isRedirect(status) ? ` with a redirect to ${URL.parse(location ?? "")?.host ?? "an unnamed address"}` : "";
    const failure = new SyncError(codeOfHttpStatus(status), `VIS answered HTTP ${status}${target}`, { http_status: status, location });
    // The body of these statuses can have an error element, which names the cause; another status, such as 403 or 503, is the cause itself.
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
