import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { z } from "zod";
import { TournamentListResponse, type TournamentState } from "../../../types/history.ts";
import { useFilters } from "../address.ts";
import { Export } from "../components/export.tsx";
import { SelectField, TextField } from "../components/fields.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Reading } from "../components/states.tsx";
import { Status } from "../components/status.tsx";
import { type Column, LongTable } from "../components/table.tsx";
import { Distance, Unknown } from "../components/time.tsx";
import { TournamentName } from "../components/tournament-links.tsx";
import { daysOf, largestUnit, number, percent } from "../format.ts";
import { usePages } from "../queries.ts";

type State = z.infer<typeof TournamentState>;
type Key = string | number | null;

export const stateOf = (tournament: State): [tone: string, label: string] =>
  tournament.is_vanished
    ? ["CANCELLED", "Missing upstream"]
    : tournament.failing_streak > 0
    ? ["FAILED", `Failing, ${tournament.failing_streak} in a row`]
    : tournament.synced_at === null
    ? ["IDLE", "Never synced"]
    : ["SUCCEEDED", "OK"];

const isNeverSynced = (tournament: State): boolean => stateOf(tournament)[0] === "IDLE";

const PRIORITY_NAMES = { LIVE: "live", TODAY: "today", SOON: "within a day", LATER: "later" } as const;
export const priorityOf = ({ priority }: State): string | null => priority && PRIORITY_NAMES[priority];

/** Mutes the content of a normal state, so that exceptions stand out. */
const quiet = (isQuiet: boolean, content: ComponentChildren): ComponentChildren => isQuiet ? <span class="muted">{content}</span> : content;

const isSoon = ({ priority }: State): boolean => priority !== null && priority !== "LATER";

const isFailing = ({ failing_streak }: State): boolean => failing_streak > 0;

const COLUMNS: (Omit<Column<State>, "sort" | "onSort"> & {
  id: string;
  key: (tournament: State) => Key;
})[] = [
  {
    id: "name",
    name: "Tournament",
    isHead: true,
    key: (tournament) => tournament.name,
    cell: (tournament) => (
      <Link href={`/tournaments/${tournament.no}`}>
        <TournamentName of={{ ...tournament, start_date: null }} />
      </Link>
    ),
  },
  {
    id: "state",
    name: "State",
    card: "state",
    key: (tournament) => -tournament.failing_streak,
    cell: (tournament) => {
      const [state, label] = stateOf(tournament);
      return <Status of={state} label={label} isCalm={state === "SUCCEEDED" || state === "IDLE"} />;
    },
  },
  {
    id: "dates",
    name: "Dates",
    card: "head",
    key: (tournament) => tournament.start_date,
    cell: (tournament) => (
      <>
        {quiet(!isSoon(tournament), daysOf(tournament.start_date, tournament.end_date))}{" "}
        {isSoon(tournament) && <small class="minor">{priorityOf(tournament)}</small>}
      </>
    ),
  },
  {
    id: "synced",
    name: "Synced",
    card: "head",
    key: (tournament) => tournament.synced_at,
    cell: ({ synced_at }) =>
      synced_at === null ? <Unknown /> : (
        <span class="muted">
          <span class="unit">synced</span> <Distance at={synced_at} />
        </span>
      ),
  },
  {
    id: "ttl",
    name: "Due",
    card: "none",
    isNumber: true,
    isMinor: true,
    key: (tournament) => tournament.ttl_left_ms,
    cell: ({ ttl_left_ms: left }) =>
      left === null ? <span class="muted">–</span> : left < 0 ? "now" : <span class="muted">in {largestUnit(left)}</span>,
  },
  {
    id: "matches",
    name: "Matches",
    card: "none",
    isNumber: true,
    isMinor: true,
    key: (tournament) => tournament.match_count,
    cell: (tournament) => quiet(true, number(tournament.match_count)),
  },
  {
    id: "success",
    name: "Success",
    card: "none",
    isNumber: true,
    key: (tournament) => isNeverSynced(tournament) ? null : tournament.success_rate,
    cell: (tournament) =>
      quiet(
        isNeverSynced(tournament) || tournament.success_rate === 1,
        percent(isNeverSynced(tournament) ? null : tournament.success_rate),
      ),
  },
  {
    id: "error",
    name: "Last error",
    card: "wide",
    key: (tournament) => tournament.last_error,
    // The error of a tournament that has succeeded since then is not shown.
    cell: (tournament) =>
      isFailing(tournament) && tournament.last_error && <span class="cut" title={tournament.last_error}>{tournament.last_error}</span>,
  },
];

const compare = (a: Key, b: Key): number => a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? -1 : 1;

export default function Tournaments() {
  const [filters, change] = useFilters(["search", "season", "failing", "sort"]);
  const [search, setSearch] = useState(filters.search);
  const list = {
    path: "sync-monitoring/tournaments",
    query: { search: filters.search, season: filters.season, failing: filters.failing },
    schema: TournamentListResponse,
  };
  const pages = usePages(list.path, { ...list.query, limit: 200 }, list.schema, 15_000);
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
  // The server sorts failing tournaments first, and any other order needs every page.
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
      lead={sorted ? undefined : "Failing tournaments first"}
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
          placeholder="any"
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
        <Export name="tournaments" {...list} rowsOf={({ tournaments }) => tournaments} />
      </div>
      <Reading of={pages}>
        {({ pages: read }) => {
          const rows = read.flatMap(({ tournaments }) => tournaments);
          if (sorted) {
            rows.sort((a, b) => compare(sorted.key(a), sorted.key(b)) * (isDescending ? -1 : 1));
          }
          if (!rows.length) return <Empty>No tournament matches the filters.</Empty>;
          return (
            <LongTable
              caption="Tournaments"
              columns={rows.some(isFailing) ? columns : columns.filter(({ name }) => name !== "Last error")}
              rows={rows}
              keyOf={(tournament) => tournament.no}
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
