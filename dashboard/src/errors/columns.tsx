import { Link } from "wouter-preact";
import type { Analytics } from "../components/error-analytics.tsx";
import { Spark } from "../components/spark.tsx";
import { Severity, Status } from "../components/status.tsx";
import type { Column } from "../components/table.tsx";
import { Distance } from "../components/time.tsx";
import { TournamentName } from "../components/tournament-links.tsx";
import { capitalised, counted, number, title } from "../format.ts";

type Group = Analytics["groups"][number];

/** A trend in words. */
const describeTrend = ({ count, trend }: Group): string =>
  `${counted(count, "error")}, in ${number(trend.filter((part) => part > 0).length)} of ${number(trend.length)} intervals`;

/** The columns of the groups; a tournament has its name if the counts have it. */
export function columnsOf({ by_tournament }: Analytics): Column<Group>[] {
  const names = new Map(by_tournament.map((tournament) => [tournament.tournament_no, tournament]));
  const named = (no: string) => {
    const { name = null, gender = null } = names.get(no) ?? {};
    return { no, name, gender, start_date: null };
  };
  return [
    {
      name: "Error",
      isHead: true,
      cell: (group) => (
        <>
          <Link href={`/errors/${encodeURIComponent(group.fingerprint)}`}>{capitalised(group.message)}</Link>
          <p class="dotted">
            <span>
              {title(group.error_type)} <code>{group.error_code}</code>
            </span>
            {group.tournament_no && (
              <span class="wide-only">
                last in{" "}
                <Link href={`/tournaments/${group.tournament_no}`}>
                  <TournamentName of={named(group.tournament_no)} />
                </Link>
              </span>
            )}
          </p>
        </>
      ),
    },
    { name: "Severity", card: "head", cell: (group) => <Severity of={group.severity} /> },
    {
      name: "State",
      card: "state",
      cell: (group) =>
        group.is_regression
          ? <Status of="FAILED" label="Regression" />
          : group.open
          ? <Status of="PENDING" label={`${number(group.open)} open`} />
          : <Status of="RESOLVED" />,
    },
    {
      name: "Errors",
      card: "head",
      cell: (group) => (
        <span class="counted">
          <Spark counts={group.trend} label={describeTrend(group)} /> {number(group.count)}
        </span>
      ),
    },
    {
      name: "Last seen",
      card: "head",
      cell: (group) => (
        <>
          <Distance at={group.last_seen} />
          <p class="under wide-only">
            {group.first_seen === group.last_seen ? "once" : (
              <>
                first <Distance at={group.first_seen} />
              </>
            )}
          </p>
        </>
      ),
    },
  ];
}
