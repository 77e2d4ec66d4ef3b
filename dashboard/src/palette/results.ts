import { Activity, Database, Globe, ListTodo, type LucideIcon, SlidersHorizontal, TriangleAlert } from "lucide-preact";
import { useEffect, useState } from "preact/hooks";
import { SearchResponse, type SearchResult } from "../../../types/search.ts";
import { go } from "../address.ts";
import { pathOf, useRead } from "../queries.ts";
import { matches, type Option } from "./option.ts";

const KINDS: Record<SearchResult["kind"], { group: string; icon: LucideIcon; path: string }> = {
  entity: { group: "Syncs", icon: Database, path: "/entities" },
  incident: { group: "Incidents", icon: TriangleAlert, path: "/alerts" },
  tournament: { group: "Tournaments", icon: Globe, path: "/tournaments" },
  rule: { group: "Rules", icon: SlidersHorizontal, path: "/alerts/rules" },
  job: { group: "Jobs", icon: ListTodo, path: "/jobs" },
  run: { group: "Runs", icon: Activity, path: "/runs" },
};
const TYPING_MS = 120;
const SHORTEST = 2;

function optionOf({ kind, id, title, detail, status, at }: SearchResult): Option {
  const { group, icon, path } = KINDS[kind];
  return { id: `${kind}-${id}`, group, icon, title, detail, status, at, choose: () => go(`${path}/${id}`) };
}

/** The objects that the server finds for a text after a pause in typing. */
export function useResults(text: string): { results: Option[]; isPending: boolean; error: Error | null } {
  const [settled, setSettled] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const isEnabled = settled.length >= SHORTEST && text.length >= SHORTEST;
  const found = useRead(pathOf("sync-monitoring/search", { q: settled }), SearchResponse, { isEnabled, every: 60_000 });
  const isPending = text.length >= SHORTEST && (text !== settled || found.isFetching && found.isPlaceholderData || found.isLoading);
  const all = text.length >= SHORTEST ? (found.data?.results ?? []).map(optionOf) : [];
  // Until the answer to the current text arrives, the matching results of the last answer are shown.
  return { results: isPending ? all.filter((option) => matches(option, text)) : all, isPending, error: isEnabled ? found.error : null };
}
