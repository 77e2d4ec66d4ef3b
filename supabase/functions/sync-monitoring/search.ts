import type { z } from "zod";
import type { Answer } from "../../../services/contract/index.ts";
import { codesAbout } from "../../../services/error-words.ts";
import { describeIncident, nameIn } from "../../../services/incident-view.ts";
import { metricsAbout, type NameOf } from "../../../services/incident-words.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { SEARCH_KINDS, type SearchQuery, type SearchResponse, type SearchResult } from "../../../types/search.ts";

type Found = Answer<"list_search_results">;
type Groups = Record<SearchResult["kind"], SearchResult[]>;
const unstated = { status: null, at: null };
const detailOf = (...parts: (string | null)[]): string => parts.filter(Boolean).join(" · ");

/** A job or a run as a result. */
const work = (kind: "job" | "run", nameOf: NameOf) => ({ id, entity_type, target, status, at }: Found["runs"][number]): SearchResult => ({
  kind,
  id,
  title: `${kind === "job" ? "Job" : "Run"} of ${nameOf(entity_type)}`,
  detail: detailOf(id.slice(0, 8), target === "" ? "full run" : target === "*" ? "several tournaments" : `tournament ${target}`),
  status,
  at,
});

function describe({ titles, entities, incidents, tournaments, rules, jobs, runs }: Found): Groups {
  const nameOf = nameIn({ ...titles, all: "All syncs", system: "Monitoring" });
  return {
    entity: entities.map(({ entity_type, title }) => ({ kind: "entity", id: entity_type, title, detail: entity_type, ...unstated })),
    incident: incidents.map((row) => {
      const { id, cause, scope, rule_name, state, began_at } = describeIncident(row, nameIn(titles));
      return { kind: "incident", id, title: cause, detail: detailOf(scope, rule_name), status: state, at: began_at };
    }),
    tournament: tournaments.map(({ no, name, code, season }) => ({
      kind: "tournament",
      id: no,
      title: name,
      detail: detailOf(no, code, season),
      ...unstated,
    })),
    rule: rules.map(({ id, name, entity_type }) => ({ kind: "rule", id, title: name, detail: nameOf(entity_type), ...unstated })),
    job: jobs.map(work("job", nameOf)),
    run: runs.map(work("run", nameOf)),
  };
}

/** The results of all kinds; the largest groups are cut first, and the last of equal groups, so that no kind hides another. */
function within(limit: number, groups: Groups): SearchResult[] {
  const lists = SEARCH_KINDS.map((kind) => groups[kind]);
  while (lists.flat().length > limit) {
    lists.toReversed().toSorted((a, b) => b.length - a.length)[0]?.pop();
  }
  return lists.flat();
}

/** Finds entities, incidents, tournaments, rules, jobs and runs. @throws DatabaseError */
export async function search(
  rpc: Rpc<"list_search_results">,
  { q, limit }: z.infer<typeof SearchQuery>,
): Promise<z.infer<typeof SearchResponse>> {
  const words = q.toLowerCase().split(/\s+/);
  const found = await rpc("list_search_results", { p: { text: q, metrics: metricsAbout(words), codes: codesAbout(words), limit } });
  return { results: within(limit, describe(found)) };
}
