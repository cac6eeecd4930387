/**
 * Time, as the library sees it. Everything that waits or dates takes one, so that a test's time is virtual
 * (`FakeClock` in `mcp-budget/testing`).
 */
export interface Clock {
  /** Milliseconds since 1970, as `Date.now()`. */
  now(): number
  /** Runs `task` once, `ms` from now; the answer cancels it. Never keeps a process alive. */
  after(ms: number, task: () => void): () => void
}

/** The longest delay a timer takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The machine's own clock and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, task) {
    const timer: { unref?(): void } = setTimeout(task, Math.min(ms, MAX_TIMER_MS))
    // Browsers and workers answer with a number, which keeps nothing alive.
    timer.unref?.()
    return () => clearTimeout(timer as ReturnType<typeof setTimeout>)
  },
}
