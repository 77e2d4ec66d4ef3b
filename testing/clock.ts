import type { Clock } from "../services/clock.ts";

/** A clock that only a test moves; `sleep` moves it and returns at once. */
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
  /** Moves the time forward by `ms` and calls the timers that are due. */
  advance(ms: number): void {
    this.#ms += ms;
    for (const [tick, timer] of this.#ticks) {
      for (; timer.next <= this.#ms; timer.next += timer.every) tick();
    }
  }
  /** Moves the time forward to `moment`. */
  moveTo(moment: string): void {
    this.advance(Date.parse(moment) - this.#ms);
  }
}
