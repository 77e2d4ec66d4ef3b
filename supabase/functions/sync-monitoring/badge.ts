import type { HealthStatus } from "../../../types/monitoring.ts";

const COLOURS: Record<HealthStatus, string> = { HEALTHY: "#2e7d32", WARNING: "#b26a00", CRITICAL: "#c62828" };
/** The approximate width of a character of Verdana at 11 px. */
const CHARACTER = 7, PADDING = 10;

/** An SVG badge with an entity and its status, as a colour and as a word, because not every reader can see the colour. */
export function badge(entity: string, status: HealthStatus): string {
  const label = status.toLowerCase();
  const left = entity.length * CHARACTER + PADDING, right = label.length * CHARACTER + PADDING;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${entity}: ${label}">` +
    `<title>${entity}: ${label}</title><rect width="${left}" height="20" fill="#424242"/>` +
    `<rect x="${left}" width="${right}" height="20" fill="${COLOURS[status]}"/>` +
    `<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,sans-serif" font-size="11">` +
    `<text x="${left / 2}" y="14">${entity}</text><text x="${left + right / 2}" y="14">${label}</text></g></svg>`;
}
