import { BudgetError, describeValue } from '../core/errors.js'
import type { Clock } from '../core/clock.js'

interface Timer {
  /** On the clock that never jumps: milliseconds since the clock was made. */
  readonly at: number
  readonly task: () => void
}

// Taken when the module loads, so that a runner's own fake timers do not stop this clock.
const realTimeout = globalThis.setTimeout

/**
 * Time that stands still until a test moves it. Timers run when `advance` passes them, in order, each at its own
 * moment.
 *
 * @example
 * ```ts
 * const clock = new FakeClock()
 * const enforcer = new InMemoryBudgetEnforcer({ clock })
 * clock.advance(120_000) // every hold of the default length is now expired
 * ```
 */
export class FakeClock implements Clock {
  #elapsed = 0
  #offset: number
  // Kept in the order in which they run: by time, and in the order they were set where times are equal.
  readonly #timers: Timer[] = []

  /** @param now what the clock says at first, milliseconds since 1970 */
  constructor(now = 1_800_000_000_000) {
    this.#offset = now
  }

  now(): number {
    return this.#offset + this.#elapsed
  }

  after(ms: number, task: () => void): () => void {
    const timer: Timer = { at: this.#elapsed + Math.max(0, ms), task }
    let i = this.#timers.length
    while (i > 0 && (this.#timers[i - 1] as Timer).at > timer.at) i--
    this.#timers.splice(i, 0, timer)
    return () => {
      const at = this.#timers.indexOf(timer)
      if (at !== -1) this.#timers.splice(at, 1)
    }
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.length
  }

  /** Moves time on and runs what falls due on the way, also what those tasks set. */
  advance(ms: number): void {
    const until = this.#elapsed + checked(ms)
    while (this.#runNext(until));
    this.#elapsed = until
  }

  /** As `advance`, and lets promises settle before, between and after the timers. */
  async advanceAsync(ms: number): Promise<void> {
    const until = this.#elapsed + checked(ms)
    do await settle()
    while (this.#runNext(until))
    this.#elapsed = until
    await settle()
  }

  /** Sets the machine's time, forward or back, as an operator does: no timer runs for it. */
  jump(ms: number): void {
    this.#offset += ms
  }

  #runNext(until: number): boolean {
    const next = this.#timers[0]
    if (next === undefined || next.at > until) return false
    this.#timers.shift()
    this.#elapsed = next.at
    next.task()
    return true
  }
}

/**
 * Lets everything that only waits for promises, or for one turn of the event loop, come to rest.
 *
 * @example
 * ```ts
 * void client.callTool({ name: 'search' })
 * await settle() // the call has been sent, and what it waits for is the clock
 * ```
 */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => void realTimeout(resolve, 0))
}

function checked(ms: number): number {
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new BudgetError({ code: 'invalid_request', message: `Expected \`ms\` from 0 up, got ${describeValue(ms)}` })
}
