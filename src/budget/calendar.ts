import type { LineWindow } from './enforcer.js'

const DAY_MS = 86_400_000

/**
 * The local times at which windows begin, numbered and rising. A local time is what the clocks of a zone show, in
 * milliseconds since 1970 as if they showed UTC.
 */
export interface LocalStarts {
  at(number: number): number
  /** The number of a start at or before a local time, and not far from the last such. */
  before(local: number): number
}

/** Starts that are equally far apart: hours, days, weeks. */
export function regularStarts(everyMs: number, phaseMs: number): LocalStarts {
  return {
    at: (number) => number * everyMs + phaseMs,
    before: (local) => Math.floor((local - phaseMs) / everyMs),
  }
}

/** Starts on a day of the month, or on the last day of a month that has no such day. */
export function monthlyStarts(day: number, timeMs: number): LocalStarts {
  return {
    at: (month) => Math.min(Date.UTC(1970, month, day), Date.UTC(1970, month + 1, 0)) + timeMs,
    before: (local) => (new Date(local).getUTCFullYear() - 1970) * 12 + new Date(local).getUTCMonth() - 1,
  }
}

/**
 * Where a zone's windows lie around a moment. A window begins when the clocks of the zone first reach its local start:
 * at the first of two occurrences, or right after the gap that swallowed it. Where a gap swallows several starts they
 * are one, so that no window is empty.
 *
 * @throws RangeError for a zone that the runtime does not know
 * @example windowsIn('Europe/Berlin', regularStarts(86_400_000, 0))(Date.now()) // yesterday, today and tomorrow in Berlin
 */
export function windowsIn(zone: string, starts: LocalStarts): (now: number) => LineWindow {
  const offset = offsetIn(zone)
  const instant = (number: number): number => firstInstant(starts.at(number), offset)
  return (now) => {
    let number = starts.before(now + offset(now))
    // The clocks may have been put back behind a start that they have reached already.
    while (instant(number + 1) <= now) number++
    const [start, end] = [instant(number), instant(number + 1)]
    let [before, after] = [number - 1, number + 2]
    while (instant(before) === start) before--
    while (instant(after) === end) after++
    return { previous: [instant(before), start], current: [start, end], next: [end, instant(after)] }
  }
}

/** The first moment at which the clocks show `local`, or later. */
function firstInstant(local: number, offset: (at: number) => number): number {
  // No zone changes its clocks twice within two days: what held before and what holds after are all there is.
  const [before, after] = [offset(local - DAY_MS), offset(local + DAY_MS)]
  if (offset(local - before) === before) return local - before
  if (offset(local - after) === after) return local - after
  let [low, high] = [local - after, local - before]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offset(middle) === before) low = middle
    else high = middle
  }
  return high
}

/** How far the clocks of a zone are ahead of UTC at a moment, in milliseconds. */
function offsetIn(timeZone: string): (at: number) => number {
  const numeric = 'numeric'
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  })
  return (at) => {
    const [month = 0, day, year = 0, ...time] = (format.format(at).match(/\d+/g) ?? []).map(Number)
    return Date.UTC(year, month - 1, day, ...time) - Math.floor(at / 1_000) * 1_000
  }
}
