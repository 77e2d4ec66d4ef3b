/** The lengths of a silence in minutes, with their names. */
export const SILENCE_LENGTHS = [
  ["30", "30 minutes"],
  ["120", "2 hours"],
  ["480", "8 hours"],
  ["1440", "1 day"],
  ["10080", "1 week"],
  ["43200", "30 days"],
] as const;

/** The moment after this many minutes. */
export const inMinutes = (minutes: string): string => new Date(Date.now() + Number(minutes) * 60_000).toISOString();
