import { assert, assertEquals } from "@std/assert";
import { classify, codeOfHttpStatus, codeOfSqlstate, codeOfVisId, SyncError } from "../classification.ts";
import { type ErrorCode, ERRORS } from "../error-table.ts";
import { AppError, DatabaseError } from "../errors.ts";

Deno.test("every documented VIS error id has its class", () => {
  const expected: [number[], ErrorCode][] = [
    [[1, 2, 3, 7, 8, 9], "VIS_TOKEN"],
    [[6, 10, 12, 13], "VIS_CREDENTIALS"],
    [[11], "VIS_APP_ID"],
    [[1000], "VIS_ACCESS_DENIED"],
    [[1005], "VIS_NO_DATA"],
    [[4, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1017, 1018, 1019], "VIS_BAD_REQUEST"],
    [[5, 1004, 4711], "VIS_INTERNAL"],
  ];
  for (const [ids, code] of expected) for (const id of ids) assertEquals(codeOfVisId(id), code, String(id));
  assertEquals(codeOfVisId(null), "VIS_INTERNAL");
});

Deno.test("each HTTP status has its code", () => {
  const expected: Record<number, ErrorCode> = {
    400: "VIS_BAD_REQUEST",
    401: "VIS_CREDENTIALS",
    403: "VIS_FORBIDDEN",
    404: "VIS_LATER",
    429: "VIS_THROTTLED",
    500: "VIS_SERVER_ERROR",
    502: "VIS_SERVER_ERROR",
    503: "VIS_UNAVAILABLE",
    301: "VIS_REDIRECTED",
    302: "VIS_REDIRECTED",
    308: "VIS_REDIRECTED",
    304: "VIS_UNEXPECTED_STATUS",
  };
  for (const [status, code] of Object.entries(expected)) assertEquals(codeOfHttpStatus(Number(status)), code, status);
});

Deno.test("a SQLSTATE has the code of its class, and no answer is DATABASE_UNREACHABLE", () => {
  const expected: Record<string, ErrorCode> = {
    "": "DATABASE_UNREACHABLE",
    "08006": "DATABASE_UNREACHABLE",
    "22P02": "DATABASE_VALUE",
    "23505": "DATABASE_CONSTRAINT",
    "28P01": "DATABASE_DENIED",
    "40001": "DATABASE_BUSY",
    "40P01": "DATABASE_BUSY",
    "42501": "DATABASE_DENIED",
    "42P01": "DATABASE_SCHEMA",
    "53300": "DATABASE_FULL",
    "55P03": "DATABASE_BUSY",
    "57014": "DATABASE_BUSY",
    "57P01": "DATABASE_UNREACHABLE",
    PGRST202: "DATABASE_SCHEMA",
    PGRST301: "DATABASE_DENIED",
    PGRST002: "DATABASE_UNREACHABLE",
    ANSWER: "DATABASE_SCHEMA",
    XX000: "DATABASE_ERROR",
  };
  for (const [sqlstate, code] of Object.entries(expected)) assertEquals(codeOfSqlstate(sqlstate), code, sqlstate);
});

Deno.test("an exception has the code of its type, code or error number, or of one of its causes", () => {
  const caused = (cause: unknown) => new TypeError("fetch failed", { cause });
  const coded = (code: string) => Object.assign(new Error("no words about it"), { code });
  const expected: [unknown, ErrorCode][] = [
    [new SyncError("VIS_LATER", "x"), "VIS_LATER"],
    [new DatabaseError("f", "23505", "x"), "DATABASE_CONSTRAINT"],
    [new AppError("LEASE_LOST", "x"), "LEASE_LOST"],
    [new AppError("ENTITY_UNKNOWN", "x"), "DATABASE_ERROR"],
    [new DOMException("late", "TimeoutError"), "REQUEST_TIMED_OUT"],
    [caused(coded("ENOTFOUND")), "NETWORK_DNS"],
    [caused(coded("ECONNREFUSED")), "NETWORK_REFUSED"],
    [caused(coded("CERT_HAS_EXPIRED")), "NETWORK_TLS"],
    [caused(new Error("tcp connect error: x (os error 111)")), "NETWORK_REFUSED"],
    [caused(new Error("x (os error 104)")), "NETWORK_RESET"],
    [new Error("connection refused, timed out, 404, network"), "UNEXPECTED"],
    ["a text", "UNEXPECTED"],
  ];
  for (const [error, code] of expected) assertEquals(classify(error).code, code, String(error));
});

Deno.test("each code can be received or recorded and has advice, and authentication errors are never retried", () => {
  for (const [code, row] of Object.entries(ERRORS)) {
    assert("status" in row || "severity" in row, code);
    assert(row.advice.length >= 20 && row.advice.endsWith("."), code);
    if ("type" in row && row.type === "AUTH") assertEquals(row.retry, "never", code);
  }
});
