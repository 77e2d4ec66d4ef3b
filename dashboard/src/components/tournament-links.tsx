import { Link } from "wouter-preact";
import { number } from "../format.ts";

/** Links to tournaments, with the number of those that are not listed. */
export function TournamentLinks({ of: tournaments, others = 0 }: { of: { no: string; name: string | null }[]; others?: number }) {
  if (!tournaments.length) return null;
  return (
    <ul class="chips">
      {tournaments.map(({ no, name }) => (
        <li key={no}>
          <Link href={`/tournaments/${no}`}>{name ?? "Tournament"} {no}</Link>
        </li>
      ))}
      {others > 0 && <li class="muted">and {number(others)} more</li>}
    </ul>
  );
}
