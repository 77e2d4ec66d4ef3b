import { EntityListResponse } from "../../types/admin.ts";
import { title } from "./format.ts";
import { useRead } from "./queries.ts";

const SCOPES: Record<string, string> = { all: "All syncs", system: "Monitoring" };

/** Returns the name of a sync for people: its title, or `All syncs` and `Monitoring` for the scopes of rules. */
export function useNames(): (entityType: string) => string {
  const entities = useRead("sync-admin/entities", EntityListResponse, { every: 60_000 }).data?.entities;
  return (type) => SCOPES[type] ?? entities?.find(({ entity_type }) => entity_type === type)?.title ?? title(type);
}
