import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { z } from "zod";
import { TournamentListResponse, type TournamentState } from "../../../types/history.ts";
import { useFilters } from "../address.ts";
import { SelectField, TextField } from "../components/fields.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, LongTable } from "../components/table.tsx";
import { Distance } from "../components/time.tsx";
import { duration, number, percent } from "../format.ts";
import { usePages } from "../queries.ts";

type State = z.infer<typeof TournamentState>;
type Key = string | number | null;

export const stateOf = (one: State): [tone: string, label: string] =>
  one.is_vanished
    ? ["CANCELLED", "Gone upstream"]
    : one.failing_streak > 0
    ? ["FAILED", `Failing, ${one.failing_streak} in a row`]
    : one.synced_at === null
    ? ["IDLE", "Never synced"]
    : ["SUCCEEDED", "Well"];

const COLUMNS: (Omit<Column<State>, "sort" | "onSort"> & {
  id: string;
  key: (one: State) => Key;
})[] = [
  {
    id: "name",
    name: "Tournament",
    isHead: true,
    key: (one) => one.name,
    cell: (one) => (
      <Link href={`/tournaments/${one.no}`}>
        {one.name ?? "–"} <small>{one.no}</small>
      </Link>
    ),
  },
  {
    id: "state",
    name: "State",
    key: (one) => -one.failing_streak,
    cell: (one) => <Status of={stateOf(one)[0]} label={stateOf(one)[1]} />,
  },
  {
    id: "dates",
    name: "Dates",
    key: (one) => one.start_date,
    cell: (one) => one.start_date ? `${one.start_date} – ${one.end_date ?? ""}` : "–",
  },
  {
    id: "synced",
    name: "Fresh as of",
    key: (one) => one.synced_at,
    cell: (one) => <Distance at={one.synced_at} />,
  },
  {
    id: "ttl",
    name: "Good for",
    isNumber: true,
    key: (one) => one.ttl_left_ms,
    cell: (one) => one.ttl_left_ms === null ? "–" : one.ttl_left_ms < 0 ? "due" : duration(one.ttl_left_ms),
  },
  {
    id: "matches",
    name: "Matches",
    isNumber: true,
    key: (one) => one.match_count,
    cell: (one) => number(one.match_count),
  },
  {
    id: "success",
    name: "Success",
    isNumber: true,
    key: (one) => one.success_rate,
    cell: (one) => percent(one.success_rate),
  },
  {
    id: "error",
    name: "Last error",
    key: (one) => one.last_error,
    cell: (one) => (
      <span class="cut" title={one.last_error ?? ""}>
        {one.last_error ?? ""}
      </span>
    ),
  },
];

const compare = (a: Key, b: Key): number => a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? -1 : 1;

export default function Tournaments() {
  const [filters, change] = useFilters(["search", "season", "failing", "sort"]);
  const [search, setSearch] = useState(filters.search);
  const pages = usePages(
    "sync-monitoring/tournaments",
    {
      search: filters.search,
      season: filters.season,
      failing: filters.failing,
      limit: 200,
    },
    TournamentListResponse,
    15_000,
  );
  useEffect(() => setSearch(filters.search), [filters.search]);
  useEffect(() => {
    const typed = setTimeout(
      () => search.trim() !== filters.search && change({ search: search.trim() }),
      300,
    );
    return () => clearTimeout(typed);
  }, [search]);
  const sort = filters.sort.replace(/^-/, ""),
    isDescending = filters.sort.startsWith("-");
  const sorted = COLUMNS.find(({ id }) => id === sort);
  // The server's order is by trouble; any other needs all of them.
  useEffect(() => {
    if (sorted && pages.hasNextPage && !pages.isFetchingNextPage) {
      void pages.fetchNextPage();
    }
  }, [sorted, pages.hasNextPage, pages.isFetchingNextPage]);
  const columns = COLUMNS.map(({ id, key: _, ...column }) => ({
    ...column,
    sort: sort === id ? { isDescending } : undefined,
    onSort: () => change({ sort: sort !== id ? id : isDescending ? "" : `-${id}` }),
  }));
  return (
    <Page
      title="Tournaments"
      lead={sorted ? undefined : "Those in trouble first"}
    >
      <div class="filters" role="search">
        <TextField
          label="Search"
          type="search"
          placeholder="Name or number"
          value={search}
          onChange={setSearch}
        />
        <TextField
          label="Season"
          inputMode="numeric"
          size={4}
          maxLength={4}
          value={filters.season}
          onChange={(season) => (/^(\d{4})?$/.test(season)) && change({ season })}
        />
        <SelectField
          label="Show"
          value={filters.failing}
          options={[["", "all"], ["true", "failing"], ["false", "not failing"]]}
          onChange={(failing) => change({ failing })}
        />
      </div>
      <Reading of={pages}>
        {({ pages: read }) => {
          const rows = read.flatMap(({ tournaments }) => tournaments);
          if (sorted) {
            rows.sort((a, b) => compare(sorted.key(a), sorted.key(b)) * (isDescending ? -1 : 1));
          }
          if (!rows.length) return <Empty>No tournament is like that.</Empty>;
          return (
            <LongTable
              caption="Tournaments"
              columns={columns}
              rows={rows}
              keyOf={(one) => one.no}
              hasMore={pages.hasNextPage}
              onMore={() => void pages.fetchNextPage()}
              isLoading={pages.isFetchingNextPage}
            />
          );
        }}
      </Reading>
    </Page>
  );
}
