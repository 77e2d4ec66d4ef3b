import { ObjectiveListResponse } from "../../../types/objectives.ts";
import { useRead } from "../queries.ts";

/** The objectives, read at most once a minute, because they change slowly. */
export const useObjectives = () => useRead("sync-monitoring/objectives", ObjectiveListResponse, { every: 60_000 });
