import { shown } from './amount.js'
import { usage } from './cli-error.js'

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const DURATION = /^([1-9]\d{0,8})([smhd])$/
/** With a zone, or a day, which begins in UTC: a time without a zone means another moment on each machine. */
const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/

/**
 * A moment as it was typed: `30m` from now, or before it, or a time such as `2026-12-01` or `2026-12-01T08:00Z`.
 *
 * @returns milliseconds since 1970
 * @throws CliError `usage`
 */
export function whenOf(
  typed: string,
  { what, now, direction }: { readonly what: string; readonly now: number; readonly direction: 'from now' | 'ago' },
): number {
  const [, count, unit] = DURATION.exec(typed) ?? []
  if (count !== undefined) {
    const span = Number(count) * UNITS[unit as keyof typeof UNITS]
    return direction === 'ago' ? now - span : now + span
  }
  const time = TIME.test(typed) && isDay(typed.slice(0, 10)) ? Date.parse(typed) : NaN
  if (!Number.isNaN(time)) return time
  const examples = `\`30m\`, \`12h\`, \`7d\` (${direction}), \`2026-12-01\` or \`2026-12-01T08:00Z\``
  throw usage(`Expected ${what} to be a time such as ${examples}, got ${shown(typed)}`)
}

// `Date.parse` takes February 30 for a day in March.
function isDay(day: string): boolean {
  const time = Date.parse(day)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

/** A moment for people: `2026-12-01T08:00:00Z (in 3 hours)`. Beyond what a date can be, seconds since 1970. */
export function momentOf(time: number, now: number): string {
  if (Math.abs(time) > 8.64e15) return `${Math.floor(time / 1_000)} seconds after 1970`
  const distance = time < now ? `${spanOf(now - time, Math.floor)} ago` : `in ${spanOf(time - now, Math.ceil)}`
  return `${new Date(time).toISOString().replace('.000Z', 'Z')} (${distance})`
}

/** Up to two of the next larger unit it is told in the smaller: 90 minutes are not an hour. */
const SPANS = [
  [2 * UNITS.m, UNITS.s, 'second'],
  [2 * UNITS.h, UNITS.m, 'minute'],
  [2 * UNITS.d, UNITS.h, 'hour'],
  [Infinity, UNITS.d, 'day'],
] as const

function spanOf(ms: number, round: (count: number) => number): string {
  const [, size, unit] = SPANS.find(([below]) => ms < below) ?? SPANS[3]
  return plural(round(ms / size), unit)
}

/** `1 hold`, `2 holds`. */
export function plural(count: number, word: string, words = `${word}s`): string {
  return `${count} ${count === 1 ? word : words}`
}
