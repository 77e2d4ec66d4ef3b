import { ObjectiveListResponse } from "../../../types/objectives.ts";
import { useRead } from "../queries.ts";

/** The objectives; they change little within minutes, so they are read at most once a minute. */
export const useObjectives = () => useRead("sync-monitoring/objectives", ObjectiveListResponse, { every: 60_000 });
