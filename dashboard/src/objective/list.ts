import { ObjectiveListResponse } from "../../../types/objectives.ts";
import { useRead } from "../queries.ts";

/** The objectives; minutes move them little, so that they are read once a minute at most. */
export const useObjectives = () => useRead("sync-monitoring/objectives", ObjectiveListResponse, { every: 60_000 });
