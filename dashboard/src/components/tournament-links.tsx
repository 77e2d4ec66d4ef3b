import { Link } from "wouter-preact";
import type { NamedTournament } from "../../../types/sync.ts";
import { dayOf, number, words } from "../format.ts";

/** The name of a tournament with its gender, start and number, because a city can have several: `Doha women · 24 Nov · 8220`. */
export function TournamentName({ of: { no, name, gender, start_date } }: { of: NamedTournament }) {
  return (
    <>
      {name ?? "Tournament"} <small>{[gender && words(gender), start_date && dayOf(start_date), no].filter(Boolean).join(" · ")}</small>
    </>
  );
}

/** Links to tournaments, with the number of further tournaments. */
export function TournamentLinks({ of: tournaments, others = 0 }: { of: NamedTournament[]; others?: number }) {
  if (!tournaments.length) return null;
  return (
    <ul class="chips">
      {tournaments.map((tournament) => (
        <li key={tournament.no}>
          <Link href={`/tournaments/${tournament.no}`}>
            <TournamentName of={tournament} />
          </Link>
        </li>
      ))}
      {others > 0 && <li class="muted">and {number(others)} more</li>}
    </ul>
  );
}
