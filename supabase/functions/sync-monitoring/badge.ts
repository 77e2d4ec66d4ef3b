import type { HealthStatus } from "../../../types/monitoring.ts";

const COLOURS: Record<HealthStatus, string> = { HEALTHY: "#2e7d32", WARNING: "#b26a00", CRITICAL: "#c62828" };
/** About the width of a character of 11 px Verdana. */
const CHARACTER = 7, PADDING = 10;

/** A status badge: what it is of, and how it is; the words and not the colour alone say it. */
export function badge(entity: string, status: HealthStatus): string {
  const words = status.toLowerCase();
  const left = entity.length * CHARACTER + PADDING, right = words.length * CHARACTER + PADDING;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${entity}: ${words}">` +
    `<title>${entity}: ${words}</title><rect width="${left}" height="20" fill="#424242"/>` +
    `<rect x="${left}" width="${right}" height="20" fill="${COLOURS[status]}"/>` +
    `<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,sans-serif" font-size="11">` +
    `<text x="${left / 2}" y="14">${entity}</text><text x="${left + right / 2}" y="14">${words}</text></g></svg>`;
}
