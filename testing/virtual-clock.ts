import { TestClock } from "./clock.ts";

/** The number of turns of the event loop without a call of the database after which every task waits for the clock. */
const QUIET_TURNS = 3;

/** A clock that moves to the next timer when every task waits for a timer, so that tasks overlap as in real time. */
export class VirtualClock extends TestClock {
  #calls = 0;
  #timers = new Set<{ at: number; fire: () => void }>();

  override sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#timers.add({ at: this.now() + ms, fire: resolve }));
  }
  override every(ms: number, tick: () => void): () => void {
    const timer = {
      at: this.now() + ms,
      fire: () => {
        timer.at += ms;
        this.#timers.add(timer);
        tick();
      },
    };
    this.#timers.add(timer);
    return () => {
      timer.fire = () => {};
      this.#timers.delete(timer);
    };
  }

  /** Awaits `call` without moving the clock. */
  async during<T>(call: Promise<T>): Promise<T> {
    this.#calls++;
    try {
      return await call;
    } finally {
      this.#calls--;
    }
  }

  /** Moves to `until` from timer to timer, and lets each task continue; `isBusy` returns whether a task works without a timer. */
  async runUntil(until: number, isBusy: () => boolean): Promise<void> {
    while (true) {
      for (let quiet = 0; quiet < QUIET_TURNS;) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        quiet = this.#calls > 0 || isBusy() && this.#timers.size === 0 ? 0 : quiet + 1;
      }
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > until) break;
      this.#timers.delete(next);
      this.advance(Math.max(0, next.at - this.now()));
      next.fire();
    }
    this.advance(Math.max(0, until - this.now()));
  }
}
