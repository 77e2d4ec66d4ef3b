import type { MiddlewareHandler } from "hono";
import { AppError } from "../../../services/errors.ts";
import type { Rpc } from "../../../services/rpc.ts";

/** The number of the newest migration that this code needs. */
export const SCHEMA_VERSION = 15;

/**
 * Reads the schema version once in the life of a worker, and refuses each request while the schema is older than the code, or excludes the
 * code by `min_code_version`.
 */
export function schemaCheck(rpc: Rpc): MiddlewareHandler {
  let isCompatible = false;
  return async (_c, next) => {
    if (!isCompatible) {
      const { version, min_code_version } = await rpc("schema_version", {});
      const [problem, remedy] = version < SCHEMA_VERSION
        ? [`the database has schema ${version}`, "apply the migrations"]
        : min_code_version > SCHEMA_VERSION
        ? [`the database has schema ${version}, which requires functions of version ${min_code_version} or newer`, "deploy the functions"]
        : [];
      if (problem) throw new AppError("SCHEMA_MISMATCH", `the functions have version ${SCHEMA_VERSION}, and ${problem}: ${remedy}`);
      isCompatible = true;
    }
    await next();
  };
}
