import { SyncError } from "./classification.ts";
import type { Digest, Known, KnownMatches, Look } from "./contract/sync-writes.ts";

const WEEK_MS = 7 * 86_400_000;
/**
 * The number of rows that a reply can remove or blank, and of dates that an incremental reply can move, without a second look. A reply that
 * removes all rows needs a second look at any number, and so does a full reply that blanks most rows.
 */
const FEW_ROWS = 5;

type Warning = "REPLY_SHRANK" | "REPLY_BLANKED" | "REPLY_MOVED";

type Row = { no: string } & Record<string, unknown>;

/** A parsed reply: its valid records, and the numbers of the others. */
interface Reply {
  records: Row[];
  /** The numbers of the rows that VIS still has, with those of rejected records. */
  present: string[];
  /** Whether a record has no number of its own, so that a missing number proves nothing. */
  isIncomplete: boolean;
  /** Whether the reply has only the changed rows, of which up to FEW_ROWS can be blanked or moved without a second look. */
  isIncremental?: boolean;
  dateColumn: string;
}

/** The decision of a run on a reply. */
export interface Verdict {
  /** The reason why the run writes nothing of the reply; null when the reply is accepted. */
  warning: Warning | null;
  message: string;
  /** The numbers of the rows that have not vanished. */
  present: string[];
  /** The finding that the database stores; undefined keeps the stored one. */
  look?: Pick<Look, "held" | "is_contradicted">;
}

const sizeOf = ({ missing, blanked, moved }: Digest): number => missing.length + blanked.length + Object.keys(moved).length;

/** The columns that the reply blanks in more than half of the rows that have them. */
function blankedBy(reply: Reply, known: Known): string[] {
  const records = reply.records.filter((record) => record.no in known.dates);
  const lacking = Object.keys(known.dates).length - records.length;
  // The number and the version identify a row and are not its data.
  const columns = Object.keys(records[0] ?? {}).filter((column) => column !== "no" && column !== "vis_version");
  return columns.filter((column) => {
    const filled = (known.filled[column] ?? 0) - lacking;
    const blanked = filled - records.filter((record) => record[column] !== null).length;
    return blanked > filled / 2 && (blanked > FEW_ROWS || !reply.isIncremental && blanked > records.length / 2);
  });
}

/** The changes of the reply to the known rows, and the number of rows with a date in both. */
function findingsOf(reply: Reply, known: Known): Digest & { dated: number } {
  const present = new Set(reply.present);
  const missing = reply.isIncomplete ? [] : Object.keys(known.dates).filter((no) => !present.has(no));
  const moved: Record<string, string> = {};
  let dated = 0;
  for (const record of reply.records) {
    const before = known.dates[record.no], after = record[reply.dateColumn];
    if (!before || typeof after !== "string") continue;
    dated++;
    if (Math.abs(Date.parse(after) - Date.parse(before)) > WEEK_MS) moved[record.no] = after;
  }
  return { missing, blanked: blankedBy(reply, known), moved, dated };
}

/** The changes of an earlier reply that this reply also has. */
function shownAgain(earlier: Digest, found: Digest, reply: Reply): Digest {
  const present = new Set(reply.present);
  const dates = new Map(reply.records.map((record) => [record.no, record[reply.dateColumn]]));
  return {
    missing: earlier.missing.filter((no) => !present.has(no)),
    blanked: earlier.blanked.filter((column) => found.blanked.includes(column)),
    moved: Object.fromEntries(Object.entries(earlier.moved).filter(([no, date]) => dates.get(no) === date)),
  };
}

function warningOf(
  { missing, blanked, moved }: Digest,
  rows: number,
  dated: number,
  isIncremental = false,
): { warning: Warning; message: string } | null {
  if (missing.length > rows / 5 && (missing.length > FEW_ROWS || missing.length === rows)) {
    return { warning: "REPLY_SHRANK", message: `the reply lacks ${missing.length} of ${rows} known rows` };
  }
  if (blanked.length > 0) {
    return {
      warning: "REPLY_BLANKED",
      message: `the reply has no value for ${blanked.join(", ")} in more than half of the rows that had one`,
    };
  }
  const moves = Object.keys(moved).length;
  if (moves > dated / 2 && (!isIncremental || moves > FEW_ROWS)) {
    return { warning: "REPLY_MOVED", message: `the reply moves ${moves} of ${dated} dates by more than a week` };
  }
  return null;
}

/**
 * Judges a reply against the known rows of its request. A reply that removes, blanks or moves too much is held back. A later reply
 * confirms the changes that both have; its other changes are judged again.
 */
export function judgeReply(reply: Reply, known: Known, now: number, isConfirmed = false): Verdict {
  const { dated, ...found } = findingsOf(reply, known);
  const rows = Object.keys(known.dates);
  const earlier = known.held;
  const again = earlier && shownAgain(earlier, found, reply);
  const isSecondLook = earlier !== null && now >= Date.parse(earlier.confirmed_from);
  const confirmed = again && isSecondLook ? again : { missing: [], blanked: [], moved: {} };
  const rest: Digest = {
    missing: found.missing.filter((no) => !confirmed.missing.includes(no)),
    blanked: found.blanked.filter((column) => !confirmed.blanked.includes(column)),
    moved: Object.fromEntries(Object.entries(found.moved).filter(([no]) => !(no in confirmed.moved))),
  };
  const held = isConfirmed
    ? null
    : warningOf(rest, rows.length - confirmed.missing.length, dated - Object.keys(confirmed.moved).length, reply.isIncremental);
  const is_contradicted = earlier !== null && again !== null && 2 * sizeOf(again) < sizeOf(earlier);
  if (held === null) {
    // An incomplete reply proves no removal, so it neither confirms nor contradicts an earlier reply.
    const verdict = { warning: null, message: "", present: reply.isIncomplete ? [...rows, ...reply.present] : reply.present };
    return reply.isIncomplete && earlier ? verdict : { ...verdict, look: { held: null, is_contradicted: is_contradicted && !isConfirmed } };
  }
  // The first digest stays until its second look, so that a frequent sync does not postpone the confirmation for ever.
  if (earlier && !isSecondLook) return { ...held, present: rows };
  const present = rows.filter((no) => !confirmed.missing.includes(no));
  return { ...held, present, look: { held: { ...rest, warning: held.warning }, is_contradicted } };
}

/** The verdict on `NoChanges` or 204, which change nothing. */
export const unchanged = (known: Known): Verdict => ({ warning: null, message: "", present: Object.keys(known.dates) });

/** Refuses a reply without rows for a tournament whose main draw is today. @throws SyncError REPLY_EMPTY */
export function refuseMissingRows(rows: number, isUnchanged: boolean, known: KnownMatches, tournamentNo: string): void {
  const { are_rows_due, main_draw_from, main_draw_until } = known;
  const isNothing = rows === 0 && (!isUnchanged || Object.keys(known.dates).length === 0);
  if (!are_rows_due || !isNothing) return;
  throw new SyncError("REPLY_EMPTY", `no matches for tournament ${tournamentNo}, whose main draw is today`, {
    main_draw_from,
    main_draw_until,
  });
}
