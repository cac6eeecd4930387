import { assertKeys, integer, misconfigured, optionalText } from '../core/settings.js'
import { isObject } from '../core/json.js'
import { monthlyStarts, regularStarts, windowsIn } from './calendar.js'
import type { LineWindow } from './enforcer.js'

/** A window of the calendar. */
export type WindowUnit = 'hour' | 'day' | 'week' | 'month'

/**
 * Windows of a calendar, on the clocks of a zone. Each begins when those clocks first reach its start; a start that
 * they skip, when they are put forward, is the moment right after the gap. So windows follow each other without a
 * hole, and are longer or shorter where the clocks change.
 *
 * @property zone an IANA zone such as `Europe/Berlin`; `UTC` by default
 * @property minute at which an hour begins, 0 to 59; 0 by default
 * @property at the time of day at which a day, a week or a month begins, `HH:MM`; `00:00` by default
 * @property weekday on which a week begins, 1 (Monday, the default) to 7 (Sunday)
 * @property day on which a month begins, 1 (the default) to 31; where a month is shorter, on its last day
 */
export type CalendarWindow = { readonly zone?: string } & (
  | { readonly every: 'hour'; readonly minute?: number }
  | { readonly every: 'day'; readonly at?: string }
  | { readonly every: 'week'; readonly weekday?: number; readonly at?: string }
  | { readonly every: 'month'; readonly day?: number; readonly at?: string }
)

/**
 * Windows of one length, whatever the calendar says.
 *
 * @property everyMs their length, 1,000 to 31,622,400,000 (366 days)
 * @property anchor when one of them begins, in milliseconds since 1970; 0 by default
 */
export interface DurationWindow {
  readonly everyMs: number
  readonly anchor?: number
}

/**
 * When a budget begins anew. A word alone is that unit of the calendar, in UTC.
 *
 * @example
 * ```ts
 * 'day'
 * { every: 'day', zone: 'Europe/Berlin', at: '09:00' }
 * { every: 'week', weekday: 7 }
 * { every: 'month', zone: 'America/New_York', day: 31 }
 * { everyMs: 5 * 3_600_000 }
 * ```
 */
export type WindowSpec = WindowUnit | CalendarWindow | DurationWindow

/** The windows around a moment, given in milliseconds since 1970. */
export type WindowsAt = (now: number) => LineWindow

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

const PATH = 'budget.window'

/** The settings of each unit, beside `every` and `zone`. */
const SETTINGS = { hour: ['minute'], day: ['at'], week: ['weekday', 'at'], month: ['day', 'at'] } as const

/**
 * Compiles a spec. What it gives is kept until its `current` window does not hold the moment that is asked for, so that
 * asking costs next to nothing.
 *
 * @throws BudgetError `invalid_config`
 * @example compileWindow('day')(0).current // [0, 86_400_000]
 */
export function compileWindow(spec: WindowSpec): WindowsAt {
  const given: unknown = spec
  const windows = isObject(given) && given.everyMs !== undefined ? durations(given) : calendar(given)
  let known: LineWindow | undefined
  return (now) => {
    if (known === undefined || now < known.current[0] || now >= known.current[1]) known = windows(now)
    return known
  }
}

function durations(spec: object): WindowsAt {
  assertKeys(spec, ['everyMs', 'anchor'], PATH)
  const { everyMs, anchor } = spec as DurationWindow
  const every = integer(everyMs, { least: 1_000, most: 366 * DAY_MS, otherwise: 0 }, `${PATH}.everyMs`)
  const begin = integer(anchor, { least: 0, most: 8.64e15, otherwise: 0 }, `${PATH}.anchor`)
  return (now) => {
    const start = begin + Math.floor((now - begin) / every) * every
    const end = start + every
    return { previous: [start - every, start], current: [start, end], next: [end, end + every] }
  }
}

function calendar(spec: unknown): WindowsAt {
  const given = typeof spec === 'string' ? { every: spec } : spec
  const units = Object.keys(SETTINGS) as WindowUnit[]
  const every = units.find((unit) => unit === (given as { every?: unknown } | undefined)?.every)
  if (every === undefined) {
    throw misconfigured(PATH, "'hour', 'day', 'week', 'month', { every: one of these, … } or { everyMs, … }", spec)
  }
  assertKeys(given, ['every', 'zone', ...SETTINGS[every]], PATH)
  const { zone, at, ...own } = given as { readonly zone?: string; readonly at?: string } & Readonly<
    Record<string, unknown>
  >
  const number = (key: string, least: number, most: number): number =>
    integer(own[key], { least, most, otherwise: least }, `${PATH}.${key}`)
  const time = every === 'hour' ? number('minute', 0, 59) * MINUTE_MS : timeOfDay(at)
  const starts =
    every === 'month'
      ? monthlyStarts(number('day', 1, 31), time)
      : every === 'week'
        ? // 1970 began on a Thursday.
          regularStarts(7 * DAY_MS, (number('weekday', 1, 7) - 4) * DAY_MS + time)
        : regularStarts(every === 'day' ? DAY_MS : HOUR_MS, time)
  try {
    return windowsIn(optionalText(zone, `${PATH}.zone`) ?? 'UTC', starts)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw misconfigured(`${PATH}.zone`, 'an IANA time zone such as `Europe/Berlin`', zone)
  }
}

function timeOfDay(at: unknown = '00:00'): number {
  const [, hours, minutes] = (typeof at === 'string' && /^([01]\d|2[0-3]):([0-5]\d)$/.exec(at)) || []
  if (hours === undefined) throw misconfigured(`${PATH}.at`, 'a time of day from `00:00` to `23:59`', at)
  return Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS
}
