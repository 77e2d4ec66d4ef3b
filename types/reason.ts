import { z } from "zod";

/** Why a person acts; stored in the audit log. */
export const reason = z.string().trim().min(3).max(500);
