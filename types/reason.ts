import { z } from "zod";

/** The reason of an act, stored in the audit log. */
export const reason = z.string().trim().min(3).max(500);
