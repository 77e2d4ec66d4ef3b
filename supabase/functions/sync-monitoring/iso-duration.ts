/** Milliseconds as an ISO 8601 duration of hours, minutes and seconds, such as PT1M2.5S; null stays null. */
export function isoDuration(ms: number | null): string | null {
  if (ms === null) return null;
  const total = Math.max(0, Math.round(ms));
  const hours = Math.floor(total / 3_600_000);
  const minutes = Math.floor((total % 3_600_000) / 60_000);
  const seconds = (total % 60_000) / 1000;
  return `PT${hours ? `${hours}H` : ""}${minutes ? `${minutes}M` : ""}${seconds || total < 60_000 ? `${seconds}S` : ""}`;
}
