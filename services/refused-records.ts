import { classify, codeOfSqlstate, SyncError } from "./classification.ts";
import type { Refused } from "./contract/sync-writes.ts";
import { DatabaseError } from "./errors.ts";

/** An error with its record for each record of a batch that Postgres refused; the other records are written. */
export const errorsOfRefused = (refused: Refused[], records: { no: string }[]): SyncError[] =>
  refused.map(({ no, sqlstate, message }) => {
    const record = records.find((candidate) => candidate.no === no);
    return new SyncError(codeOfSqlstate(sqlstate), `record ${no}: ${message}`, { record, sqlstate });
  });

/** The error of a batch when Postgres refused every record, with the first record. */
export function withRecord(error: unknown, records: { no: string }[]): unknown {
  const { code } = classify(error);
  if (!(error instanceof DatabaseError) || !["DATABASE_VALUE", "DATABASE_CONSTRAINT"].includes(code)) return error;
  return new SyncError(code, error.message, { record: records[0], function: error.fn, sqlstate: error.sqlstate }, { cause: error });
}
