import type { SystemStatusResponse } from "../types/history.ts";

export type Component = SystemStatusResponse["components"][number];
export type Verdict = Pick<Component, "status" | "message">;

export const SECOND = 1_000, MINUTE = 60 * SECOND;

export const verdict = (status: Component["status"], message: string): Verdict => ({ status, message });
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
/** A time in UTC to the second. */
export const instant = (time: string): string => new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
