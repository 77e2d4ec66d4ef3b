import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import type { Analytics } from "../components/error-analytics.tsx";
import { TournamentName } from "../components/tournament-links.tsx";
import { number } from "../format.ts";

/** The number of tournaments that the API counts, and the number of names in a card. */
export const COUNTED = 20;
const SHOWN = 8;

/** The tournaments with the most errors. */
export const TournamentShares = ({ of: { by_tournament }, title }: { of: Analytics; title: string }) =>
  by_tournament.length > 0
    ? (
      <Shares
        title={title}
        of={by_tournament.slice(0, SHOWN).map(({ tournament_no: no, name, gender, count }) => ({
          id: no,
          count,
          name: (
            <Link href={`/tournaments/${no}`}>
              <TournamentName of={{ no, name, gender, start_date: null }} />
            </Link>
          ),
        }))}
      />
    )
    : null;

/** Names with their counts, the highest first. */
const Shares = ({ title, of }: { title: string; of: { id: string; name: ComponentChildren; count: number }[] }) => {
  const most = of[0]?.count;
  // Bars of equal length compare nothing, so equal counts have no bars.
  const isEven = of.length > 1 && of.every(({ count }) => count === most);
  if (isEven) {
    return (
      <section class="card pad">
        <header class="section">
          <h2>{title}</h2>
          <span class="muted">{number(most)} each</span>
        </header>
        <ul class="links">{of.map(({ id, name }) => <li key={id}>{name}</li>)}</ul>
      </section>
    );
  }
  return (
    <section class="card pad">
      <h2>{title}</h2>
      <ul class="shares">
        {of.map(({ id, name, count }) => (
          <li key={id}>
            <span>{name}</span> <meter max={most} value={count} aria-hidden="true" /> <span class="number">{number(count)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
};
