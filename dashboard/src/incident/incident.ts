import type { z } from "zod";
import type { AlertDetailResponse } from "../../../types/alerts.ts";

export type Incident = z.infer<typeof AlertDetailResponse>;
