import { SyncError } from "./classification.ts";
import type { Digest, Known, KnownMatches, Look } from "./contract/sync-writes.ts";

const WEEK_MS = 7 * 86_400_000;
/**
 * A reply may at once remove up to so many rows, but not all, and blank a column in up to so many, but not in most rows of a full reply.
 * An incremental reply may also move so many.
 */
const FEW_ROWS = 5;

type Warning = "REPLY_SHRANK" | "REPLY_BLANKED" | "REPLY_MOVED";

type Row = { no: string } & Record<string, unknown>;

/** A parsed reply: its valid records, and the numbers of all its records. */
interface Reply {
  records: Row[];
  /** The numbers that VIS still has, also of rejected records. */
  present: string[];
  /** Some record has no number of its own, so that a missing number proves nothing. */
  isIncomplete: boolean;
  /** Has only the rows that changed: a few of them may all be blank or moved. */
  isIncremental?: boolean;
  dateColumn: string;
}

/** The verdict on a reply. */
export interface Verdict {
  /** Why nothing of the reply is written; null when it is believed. */
  warning: Warning | null;
  message: string;
  /** The numbers of the rows that have not vanished. */
  present: string[];
  /** The digest that the database stores; undefined leaves the stored one as it is. */
  look?: Pick<Look, "held" | "is_contradicted">;
}

const sizeOf = ({ missing, blanked, moved }: Digest): number => missing.length + blanked.length + Object.keys(moved).length;

/** The columns that the reply blanks in more than half of the rows that have them. */
function blankedBy(reply: Reply, known: Known): string[] {
  const records = reply.records.filter((record) => record.no in known.dates);
  const lacking = Object.keys(known.dates).length - records.length;
  // The number and the version of a row are no data of it.
  const columns = Object.keys(records[0] ?? {}).filter((column) => column !== "no" && column !== "vis_version");
  return columns.filter((column) => {
    const filled = (known.filled[column] ?? 0) - lacking;
    const blanked = filled - records.filter((record) => record[column] !== null).length;
    return blanked > filled / 2 && (blanked > FEW_ROWS || !reply.isIncremental && blanked > records.length / 2);
  });
}

/** The changes of the known rows by the reply, and the number of dates that both have. */
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

/** The part of an earlier reply that this one shows again. */
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
 * Judges a reply against the rows that its request last confirmed. A reply that removes, blanks or moves too much is held back; a later
 * one confirms the changes that both show, and its other changes are judged again.
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
    // An incomplete reply proves no removal, so that it neither confirms nor contradicts an earlier one.
    const verdict = { warning: null, message: "", present: reply.isIncomplete ? [...rows, ...reply.present] : reply.present };
    return reply.isIncomplete && earlier ? verdict : { ...verdict, look: { held: null, is_contradicted: is_contradicted && !isConfirmed } };
  }
  // Before its second look the first digest stays, so that a frequent sync does not postpone the confirmation for ever.
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
