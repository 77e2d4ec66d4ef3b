import type { Clock } from "../services/clock.ts";

/** A clock that stands still until a test moves it; sleeping moves it, so nothing waits. */
export class TestClock implements Clock {
  #ms: number;
  #ticks = new Map<() => void, { every: number; next: number }>();

  constructor(start: string) {
    this.#ms = Date.parse(start);
  }
  now(): number {
    return this.#ms;
  }
  monotonic(): number {
    return this.#ms;
  }
  asOf(): string {
    return new Date(this.#ms).toISOString();
  }
  sleep(ms: number): Promise<void> {
    this.advance(ms);
    return Promise.resolve();
  }
  every(ms: number, tick: () => void): () => void {
    this.#ticks.set(tick, { every: ms, next: this.#ms + ms });
    return () => this.#ticks.delete(tick);
  }
  /** Moves the time on by `ms` and calls what was due on the way. */
  advance(ms: number): void {
    this.#ms += ms;
    for (const [tick, timer] of this.#ticks) {
      for (; timer.next <= this.#ms; timer.next += timer.every) tick();
    }
  }
  /** Moves the time to a moment after now. */
  moveTo(moment: string): void {
    this.advance(Date.parse(moment) - this.#ms);
  }
}
