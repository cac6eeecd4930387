import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileWindow, type CalendarWindow, type WindowSpec } from '../../../src/budget/window.js'
import { CLOCK_CHANGES } from '../../support/clock-changes.js'
import { cronerNext, shown } from '../../support/croner.js'
import type { LineWindow } from '../../../src/budget/enforcer.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const RUNS = LONG ? 20_000 : 300
const HOUR = 3_600_000
const DAY = 24 * HOUR

const at = (iso: string): number => Date.parse(iso)
const iso = ({ current }: LineWindow): string[] => current.map((each) => new Date(each).toISOString().slice(0, 16))

const moment = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2040, 0, 1) })
const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'))
const zone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'))

/** Days 29 and 30 are left out: croner has no pattern for the last day of a month that is shorter. */
const calendarWindow: fc.Arbitrary<CalendarWindow> = fc.oneof(
  fc.record({ every: fc.constant('hour' as const), zone, minute: fc.integer({ min: 0, max: 59 }) }),
  fc.record({ every: fc.constant('day' as const), zone, at: time }),
  fc.record({ every: fc.constant('week' as const), zone, weekday: fc.integer({ min: 1, max: 7 }), at: time }),
  fc.record({
    every: fc.constant('month' as const),
    zone,
    day: fc.oneof(fc.integer({ min: 1, max: 28 }), fc.constant(31)),
    at: time,
  }),
)
const durationWindow = fc.record({
  everyMs: fc.integer({ min: 1_000, max: 366 * DAY }),
  anchor: fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) }),
})

/** The seconds in which a zone's clocks change between two moments. */
function changesOf(zone: string, from: number, to: number): number[] {
  const ahead = (now: number): number => at(`${shown(now, zone).replace(' ', 'T')}Z`) - now
  const found: number[] = []
  for (let day = from; day < to; day += DAY) {
    let [low, high] = [day, day + DAY]
    if (ahead(low) === ahead(high)) continue
    while (high - low > 1_000) {
      const middle = Math.floor((low + high) / 2_000) * 1_000
      if (ahead(middle) === ahead(low)) low = middle
      else high = middle
    }
    found.push(high)
  }
  return found
}

function expectContiguous(windows: LineWindow, now: number): void {
  const { previous, current, next } = windows
  expect(current[0]).toBeLessThanOrEqual(now)
  expect(now).toBeLessThan(current[1])
  expect([previous[1], next[0]]).toEqual(current)
  for (const [start, end] of [previous, current, next]) {
    expect(Number.isSafeInteger(start) && Number.isSafeInteger(end)).toBe(true)
    expect(start).toBeLessThan(end)
  }
}

/** Whether the clocks show, at the beginning of a window, what the spec says: a start that was skipped is not shown. */
function isShown(start: number, spec: CalendarWindow): boolean {
  const clock = shown(start, spec.zone ?? 'UTC').slice(11, 16)
  return spec.every === 'hour' ? clock.endsWith(`:${String(spec.minute).padStart(2, '0')}`) : clock === spec.at
}

/** Where croner keeps its own rules, it agrees: it knows no gaps, and of short overlaps it takes the second pass. */
function expectAgreement(spec: CalendarWindow, [start, end]: readonly [number, number]): boolean {
  if (!isShown(start, spec) || !isShown(end, spec)) return false
  const theirs = cronerNext(spec, start)
  const inZone = (now: number): string => shown(now, spec.zone ?? 'UTC')
  if (theirs > end && inZone(theirs) === inZone(end)) return false
  expect(new Date(end).toISOString()).toBe(new Date(theirs).toISOString())
  return true
}

describe('a window of a calendar', () => {
  test.each(CLOCK_CHANGES)(
    'begins at $begins in $zone, where the clocks go $clocks, for $window [L-P14]',
    ({ zone, window, begins, hours, croner = begins }) => {
      const spec = { ...window, zone } as CalendarWindow
      const windows = compileWindow(spec)
      const start = at(begins)
      const around = windows(start)
      expect(around.current).toEqual([start, start + hours * HOUR])
      expect(windows(start - 1).current).toEqual(around.previous)
      expect(windows(start + hours * HOUR).current).toEqual(around.next)
      expect(cronerNext(spec, around.previous[0])).toBe(at(croner))
      expect(cronerNext(spec, Math.max(start, at(croner)))).toBe(around.current[1])
    },
  )

  test.each<readonly [spec: WindowSpec, now: string, start: string, end: string]>([
    ['hour', '2026-11-27T08:33:55Z', '2026-11-27T08:00', '2026-11-27T09:00'],
    ['day', '2026-11-27T08:33:55Z', '2026-11-27T00:00', '2026-11-28T00:00'],
    ['week', '2026-11-27T08:33:55Z', '2026-11-23T00:00', '2026-11-30T00:00'],
    ['month', '2026-11-27T08:33:55Z', '2026-11-01T00:00', '2026-12-01T00:00'],
    [{ every: 'hour', minute: 40 }, '2026-11-27T08:33:55Z', '2026-11-27T07:40', '2026-11-27T08:40'],
    [{ every: 'day', at: '08:34' }, '2026-11-27T08:33:59.999Z', '2026-11-26T08:34', '2026-11-27T08:34'],
    [{ every: 'day', at: '08:34' }, '2026-11-27T08:34:00Z', '2026-11-27T08:34', '2026-11-28T08:34'],
    [{ every: 'week', weekday: 5 }, '2026-11-27T00:00:00Z', '2026-11-27T00:00', '2026-12-04T00:00'],
    [{ every: 'week', weekday: 7, at: '12:00' }, '2026-11-27T00:00:00Z', '2026-11-22T12:00', '2026-11-29T12:00'],
    [{ every: 'month', day: 31 }, '2027-02-27T12:00:00Z', '2027-01-31T00:00', '2027-02-28T00:00'],
    [{ every: 'month', day: 30 }, '2028-02-29T12:00:00Z', '2028-02-29T00:00', '2028-03-30T00:00'],
    [{ every: 'month', day: 31, at: '18:00' }, '2026-12-31T18:00:00Z', '2026-12-31T18:00', '2027-01-31T18:00'],
    [{ every: 'month' }, '1969-07-20T20:17:00Z', '1969-07-01T00:00', '1969-08-01T00:00'],
    [{ every: 'day', zone: 'europe/berlin' }, '2026-11-27T23:30:00Z', '2026-11-27T23:00', '2026-11-28T23:00'],
    [{ everyMs: 5 * HOUR }, '2026-11-27T08:33:55Z', '2026-11-27T04:00', '2026-11-27T09:00'],
    [{ everyMs: DAY, anchor: at('2026-01-01T09:00Z') }, '2026-11-27T08:33:55Z', '2026-11-26T09:00', '2026-11-27T09:00'],
    [{ everyMs: DAY, anchor: at('2030-01-01T09:00Z') }, '2026-11-27T08:33:55Z', '2026-11-26T09:00', '2026-11-27T09:00'],
  ])('of %j holds %s from %s to %s', (spec, now, start, end) => {
    const windows = compileWindow(spec)(at(now))
    expect(iso(windows)).toEqual([start, end])
    expectContiguous(windows, at(now))
  })

  test('follows the one before without a hole, holds the moment, and never goes back [L-P14]', () => {
    fc.assert(
      fc.property(
        fc.oneof({ weight: 4, arbitrary: calendarWindow }, durationWindow),
        moment,
        fc.array(fc.integer({ min: -3 * DAY, max: 3 * DAY }), { maxLength: 4 }),
        (spec, first, steps) => {
          const windows = compileWindow(spec)
          const seen = [first, ...steps.map((step) => first + step)].map((now) => {
            expectContiguous(windows(now), now)
            expect(windows(now)).toEqual(compileWindow(spec)(now))
            return { now, start: windows(now).current[0] }
          })
          seen.sort((a, b) => a.now - b.now)
          expect(seen.map(({ start }) => start)).toEqual(seen.map(({ start }) => start).sort((a, b) => a - b))
        },
      ),
      { numRuns: RUNS },
    )
  })

  test('is the one that croner runs for, in any zone at any time from 1990 to 2040 [L-P14]', () => {
    let agreed = 0
    fc.assert(
      fc.property(calendarWindow, moment, (spec, now) => {
        const windows = compileWindow(spec)(now)
        if (expectAgreement(spec, windows.current)) agreed++
      }),
      { numRuns: RUNS },
    )
    expect(agreed).toBeGreaterThan(RUNS * 0.9)
  })

  test('is contiguous, and as croner has it, on the days when the clocks of a zone change [L-P14]', () => {
    let agreed = 0
    fc.assert(
      fc.property(
        calendarWindow,
        fc.integer({ min: 1990, max: 2039 }),
        fc.integer({ min: -3 * HOUR, max: 3 * HOUR }),
        (spec, year, step) => {
          for (const change of changesOf(spec.zone!, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1))) {
            for (const now of [change - 1, change, change + step]) {
              const windows = compileWindow(spec)(now)
              expectContiguous(windows, now)
              if (expectAgreement(spec, windows.current)) agreed++
            }
          }
        },
      ),
      { numRuns: Math.ceil(RUNS / 15) },
    )
    expect(agreed).toBeGreaterThan(0)
  })

  test('is that of UTC unless a zone is named, wherever the machine stands', () => {
    const { TZ } = process.env
    process.env['TZ'] = 'Asia/Tokyo'
    try {
      expect(new Date(0).getHours()).toBe(9)
      expect(compileWindow('day')(0).current).toEqual([0, DAY])
      expect(compileWindow({ every: 'month', day: 31 })(0).current).toEqual([at('1969-12-31'), at('1970-01-31')])
    } finally {
      if (TZ === undefined) delete process.env['TZ']
      else process.env['TZ'] = TZ
    }
  })

  test('is worked out once while it lasts, and again when the clock goes on or back', () => {
    const windows = compileWindow({ every: 'day', zone: 'Europe/Berlin' })
    const noon = at('2026-11-27T12:00Z')
    const today = windows(noon)
    expect(windows(noon + HOUR)).toBe(today)
    expect(windows(today.current[1] - 1)).toBe(today)
    expect(windows(today.current[1])).not.toBe(today)
    expect(windows(noon)).toEqual(today)
    expect(windows(today.current[0] - 1).current).toEqual(today.previous)
  })
})

describe('a spec that makes no sense', () => {
  test.each<readonly [spec: unknown, says: RegExp]>([
    ['year', /`budget.window` to be 'hour', 'day', 'week', 'month', .*got "year"/],
    ['', /got ""/],
    [null, /got null/],
    [3_600_000, /got `3600000`/],
    [['day'], /got an array/],
    [{}, /`budget.window`/],
    [{ every: 'fortnight' }, /`budget.window`/],
    [{ every: ['day'] }, /`budget.window`/],
    [{ every: 'toString' }, /`budget.window`/],
    [{ zone: 'UTC' }, /`budget.window`/],
    [
      { every: 'day', zone: 'Mars/Olympus' },
      /`budget.window.zone` to be an IANA time zone such as `Europe\/Berlin`, got "Mars/,
    ],
    [{ every: 'day', zone: '' }, /`budget.window.zone`/],
    [{ every: 'day', zone: null }, /`budget.window.zone`/],
    [{ every: 'day', zone: 1 }, /`budget.window.zone`/],
    [{ every: 'day', at: '24:00' }, /`budget.window.at` to be a time of day from `00:00` to `23:59`, got "24:00"/],
    [{ every: 'day', at: '9:00' }, /`budget.window.at`/],
    [{ every: 'day', at: '09:60' }, /`budget.window.at`/],
    [{ every: 'day', at: '09:00\n' }, /`budget.window.at`/],
    [{ every: 'day', at: 9 }, /`budget.window.at`/],
    [{ every: 'hour', minute: 60 }, /`budget.window.minute` to be an integer from 0 to 59/],
    [{ every: 'hour', minute: -1 }, /`budget.window.minute`/],
    [{ every: 'hour', at: '00:30' }, /`every`, `zone`, `minute`, got one with the key "at"/],
    [{ every: 'day', minute: 5 }, /got one with the key "minute"/],
    [{ every: 'day', anchor: 5 }, /got one with the key "anchor"/],
    [{ every: 'week', weekday: 0 }, /`budget.window.weekday` to be an integer from 1 to 7/],
    [{ every: 'week', weekday: 'Monday' }, /`budget.window.weekday`/],
    [{ every: 'month', day: 32 }, /`budget.window.day` to be an integer from 1 to 31/],
    [{ every: 'month', day: 0 }, /`budget.window.day`/],
    [{ every: 'month', weekday: 1 }, /got one with the key "weekday"/],
    [{ everyMs: 999 }, /`budget.window.everyMs` to be an integer from 1000 to 31622400000/],
    [{ everyMs: 1_000.5 }, /`budget.window.everyMs`/],
    [{ everyMs: '5000' }, /`budget.window.everyMs`/],
    [{ everyMs: undefined }, /`budget.window`/],
    [{ everyMs: 366 * DAY + 1 }, /`budget.window.everyMs`/],
    [{ everyMs: 1_000, anchor: -1 }, /`budget.window.anchor`/],
    [{ everyMs: 1_000, zone: 'UTC' }, /got one with the key "zone"/],
    [{ everyMs: 1_000, every: 'day' }, /got one with the key "every"/],
    [
      new (class {
        every = 'day'
      })(),
      /a plain object/,
    ],
  ])('%j is refused as invalid_config, with what was expected', (spec, says) => {
    expect(() => compileWindow(spec as WindowSpec)).toThrow(
      expect.objectContaining({ code: 'invalid_config', message: expect.stringMatching(says) }) as Error,
    )
  })
})
