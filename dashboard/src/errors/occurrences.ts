import type { z } from "zod";
import type { ListedError } from "../../../types/history.ts";
import type { NamedTournament } from "../../../types/sync.ts";

export type ErrorOfGroup = z.infer<typeof ListedError>;

/** The errors of one run; an error without a run is an occurrence of its own. */
export interface Occurrence {
  /** The id of the run, or of the error without one. */
  key: string;
  runId: string | null;
  entity: string;
  /** The time of the newest error. */
  at: string;
  errors: ErrorOfGroup[];
  /** Each tournament once, by number, because a city can have several. */
  tournaments: NamedTournament[];
  open: number;
}

/** Groups errors, newest first, by their run. */
export function occurrencesOf(errors: ErrorOfGroup[]): Occurrence[] {
  const groups = Map.groupBy(errors, ({ id, sync_execution_id }) => sync_execution_id ?? id);
  return [...groups].flatMap(([key, errors]) => {
    const newest = errors[0];
    if (!newest) return [];
    const tournaments = new Map(
      errors.flatMap(({ tournament }) => tournament ? [[tournament.no, { ...tournament, start_date: null }]] : []),
    );
    return {
      key,
      runId: newest.sync_execution_id,
      entity: newest.entity_type,
      at: newest.occurred_at,
      errors,
      tournaments: [...tournaments.values()].sort((a, b) => a.no.localeCompare(b.no)),
      open: errors.filter(({ resolved_at }) => resolved_at === null).length,
    };
  });
}
