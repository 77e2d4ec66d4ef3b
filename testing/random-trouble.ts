import type { Fault, FaultKind } from "./simulated-runs.ts";
import { MINUTE, TICK } from "./simulation.ts";
import type { Trouble } from "./simulated-trouble.ts";

const DAY = 96;
/** The kinds of episodes with their share in percent and their length in ticks; several kinds are consecutive. */
const EPISODES: { share: number; kinds: FaultKind[]; ticks: [number, number]; within?: FaultKind }[] = [
  { share: 10, kinds: ["outage"], ticks: [1, 12] },
  { share: 8, kinds: ["outage", "database"], ticks: [2, 5] },
  { share: 6, kinds: ["database"], ticks: [1, 6] },
  { share: 6, kinds: ["failing"], ticks: [1, 2] },
  { share: 8, kinds: ["failing"], ticks: [3, 8] },
  { share: 8, kinds: ["slow"], ticks: [1, 12] },
  { share: 4, kinds: ["hung"], ticks: [1, 2] },
  { share: 2, kinds: ["stuck"], ticks: [1, 1] },
  { share: 4, kinds: ["stuck"], ticks: [3, 4] },
  { share: 4, kinds: ["heavy"], ticks: [1, 3] },
  { share: 3, kinds: ["late"], ticks: [1, 4] },
  { share: 3, kinds: ["partial"], ticks: [1, 6] },
  { share: 4, kinds: ["shared"], ticks: [1, 6] },
  { share: 2, kinds: ["lone"], ticks: [1, 2] },
  { share: 4, kinds: ["lone"], ticks: [3, 8] },
  { share: 8, kinds: ["missed"], ticks: [1, 4] },
  { share: 3, kinds: ["paused"], ticks: [4, 20] },
  { share: 3, kinds: ["no_evaluation"], ticks: [1, 3] },
  { share: 2, kinds: ["missed"], ticks: [1, 2], within: "no_evaluation" },
  { share: 2, kinds: ["outage"], ticks: [4, 8], within: "no_evaluation" },
  { share: 2, kinds: ["outage"], ticks: [4, 10], within: "unavailable" },
  { share: 1, kinds: ["missed"], ticks: [2, 6], within: "unavailable" },
  { share: 1, kinds: ["failing"], ticks: [3, 8], within: "lossy" },
  { share: 2, kinds: ["outage"], ticks: [3, 8], within: "refused" },
];
/** The faults that can occur while no tournament is due. */
const OFF_SEASON: ReadonlySet<FaultKind> = new Set(["missed", "paused", "no_evaluation", "failing", "late"]);
/** The faults of the daily sync by day, with their length in ticks. */
const DAILY: Record<number, [FaultKind, number]> = {
  3: ["missed", 3],
  6: ["failing", 6],
  9: ["slow", 1],
  12: ["failing", 2],
  15: ["stuck", 3],
};

/** The trouble of a month, a few episodes a day, and three days without a due tournament. */
export function createTrouble(random: () => number, days: number, start: number): Trouble {
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const timeOf = (tick: number) => start + tick * TICK;
  const offSeason: [number, number] = [Math.ceil(days * 0.6) * DAY, Math.ceil(days * 0.7) * DAY];
  const faults: Fault[] = [{ kind: "off_season", tick: offSeason[0], ticks: offSeason[1] - offSeason[0] }];
  const quiet: Trouble["quiet"] = [], acknowledgements: Trouble["acknowledgements"] = [];
  for (let tick = 8; tick < days * DAY - 40;) {
    let pick = random() * 100;
    const { kinds, ticks: [least, most], within } = EPISODES.find(({ share }) => (pick -= share) < 0) ?? EPISODES[0]!;
    const first = tick, isOffSeason = tick + 14 >= offSeason[0] && tick < offSeason[1];
    if (isOffSeason && (!kinds.every((kind) => OFF_SEASON.has(kind)) || within && !OFF_SEASON.has(within))) {
      tick += 4;
      continue;
    }
    for (const kind of kinds) {
      const ticks = between(least, most), isOfBoth = kind === "outage" || kind === "database";
      faults.push({ kind, tick, ticks, ...isOfBoth ? { entity: "all" } : {} });
      tick += ticks;
    }
    const length = tick - first;
    // No evaluation runs in the middle of a fault. A channel fails from a time before the fault until hours after it.
    if (within === "no_evaluation") faults.push({ kind: within, tick: first + 1, ticks: Math.max(length - 1, 1) });
    else if (within) faults.push({ kind: within, tick: first - 1, ticks: length + between(2, 10) });
    if (!within && length >= 4 && random() < 0.2) {
      quiet.push({
        entity: "matches_schedule",
        from: timeOf(first + 1) + between(0, 10) * MINUTE,
        until: timeOf(first + between(2, length + 3)),
      });
    } else if (!within && length >= 3 && random() < 0.3) {
      const at = timeOf(first) + between(20, 40) * MINUTE;
      acknowledgements.push({ at, until: at + between(10, 60) * MINUTE });
    }
    tick += between(4, 16) + (within ? 16 : 0);
  }
  for (const [day, [kind, ticks]] of Object.entries(DAILY)) {
    if (Number(day) < days) faults.push({ kind, tick: Number(day) * DAY, ticks, entity: "tournaments" });
  }
  // This outage lasts until the end of the season.
  faults.push({ kind: "outage", tick: offSeason[0] - 4, ticks: 4, entity: "all" });
  return { faults, quiet, acknowledgements };
}
