import type { Clock } from '../core/clock.js'

/**
 * A clock that does not go back: what has ended stays so when the machine's clock is set back. It says how far that
 * went, for in between nothing is certain.
 */
export class SteadyClock implements Clock {
  readonly #clock: Clock
  #latest = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    this.#latest = Math.max(this.#latest, this.#clock.now())
    return this.#latest
  }

  after(ms: number, run: () => void): () => void {
    return this.#clock.after(ms, run)
  }

  /** The machine's time, and the latest that was seen. */
  read(): { readonly now: number; readonly latest: number } {
    const now = this.#clock.now()
    this.#latest = Math.max(this.#latest, now)
    return { now, latest: this.#latest }
  }
}
