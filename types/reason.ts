import { z } from "zod";

/** Why a person acts; stored in the audit log. */
export const reason = z.string().trim().min(3, "must have at least 3 characters").max(500, "must have at most 500 characters");
