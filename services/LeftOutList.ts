import type { LeftOut } from "./contract/runs.ts";

/** The number of tournaments that a reason names; the count of the reason also includes the others. */
const NAMED = 20;

/** Collects the tournaments that a run does not sync, by reason. */
export class LeftOutList {
  #waiting = new Set<string>();
  #left = new Map<LeftOut["reason"], LeftOut>();

  /** Adds tournaments that wait for their sync. */
  expect(nos: string[]): void {
    for (const no of nos) this.#waiting.add(no);
  }

  /** Removes a tournament that has a result. */
  settle(no: string): void {
    this.#waiting.delete(no);
  }

  /** Adds tournaments that the run leaves out. */
  add(reason: LeftOut["reason"], nos: string[]): void {
    if (nos.length === 0) return;
    for (const no of nos) this.#waiting.delete(no);
    const earlier = this.#left.get(reason) ?? { reason, count: 0, nos: [] };
    this.#left.set(reason, { reason, count: earlier.count + nos.length, nos: [...earlier.nos, ...nos].slice(0, NAMED) });
  }

  /** Adds the tournaments that still wait when the run ends. */
  close(reason: LeftOut["reason"]): void {
    this.add(reason, [...this.#waiting]);
  }

  toJSON(): LeftOut[] {
    return [...this.#left.values()];
  }
}
