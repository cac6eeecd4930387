const STARTERS = ['setTimeout', 'setInterval', 'setImmediate'] as const

/** Counts the timers that are started from now on; the answer says how many, and stops counting. */
export function timersStarted(): () => number {
  let count = 0
  const originals = STARTERS.map((name) => globalThis[name])
  STARTERS.forEach((name, i) => {
    const original = originals[i] as (...args: unknown[]) => unknown
    Object.defineProperty(globalThis, name, {
      value: (...args: unknown[]) => {
        count++
        return original(...args)
      },
      configurable: true,
      writable: true,
    })
  })
  return () => {
    STARTERS.forEach((name, i) => {
      Object.defineProperty(globalThis, name, { value: originals[i], configurable: true, writable: true })
    })
    return count
  }
}
