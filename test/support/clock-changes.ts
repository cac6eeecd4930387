import type { CalendarWindow } from 'mcp-budget'

/** A window that a change of the clocks, or an odd zone, makes remarkable. The guide prints these rows. */
export interface ClockChange {
  readonly zone: string
  /** What the clocks do, on their own time. */
  readonly clocks: string
  readonly window: DistributiveOmit<CalendarWindow, 'zone'>
  /** The first moment of the window, on the zone's clocks and with their offset. */
  readonly begins: string
  readonly hours: number
  /** When croner runs, if at another moment. It moves a skipped start by the length of the gap, and of a start that comes
   * twice within less than an hour it takes the second. */
  readonly croner?: string
}

type DistributiveOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never

/** One row for each kind of change that is known to go wrong. */
export const CLOCK_CHANGES: readonly ClockChange[] = [
  { zone: 'UTC', clocks: 'never change', window: { every: 'day' }, begins: '2026-03-29T00:00+00:00', hours: 24 },
  {
    zone: 'Europe/Berlin',
    clocks: '02:00 → 03:00',
    window: { every: 'day', at: '02:30' },
    begins: '2026-03-29T03:00+02:00',
    hours: 23.5,
    croner: '2026-03-29T03:30+02:00',
  },
  {
    zone: 'Europe/Berlin',
    clocks: '02:00 → 03:00',
    window: { every: 'hour' },
    begins: '2026-03-29T03:00+02:00',
    hours: 1,
  },
  {
    zone: 'Europe/Berlin',
    clocks: '03:00 → 02:00',
    window: { every: 'day', at: '02:30' },
    begins: '2026-10-25T02:30+02:00',
    hours: 25,
  },
  {
    zone: 'Europe/Berlin',
    clocks: '03:00 → 02:00',
    window: { every: 'hour' },
    begins: '2026-10-25T02:00+02:00',
    hours: 2,
  },
  {
    zone: 'America/New_York',
    clocks: '02:00 → 03:00',
    window: { every: 'day' },
    begins: '2026-03-08T00:00-05:00',
    hours: 23,
  },
  {
    zone: 'America/New_York',
    clocks: '02:00 → 01:00',
    window: { every: 'week', weekday: 7 },
    begins: '2026-11-01T00:00-04:00',
    hours: 169,
  },
  {
    zone: 'America/Sao_Paulo',
    clocks: '00:00 → 01:00',
    window: { every: 'day' },
    begins: '2018-11-04T01:00-02:00',
    hours: 23,
  },
  {
    zone: 'America/Sao_Paulo',
    clocks: '00:00 → 23:00',
    window: { every: 'day' },
    begins: '2018-02-17T00:00-02:00',
    hours: 25,
  },
  {
    zone: 'America/Havana',
    clocks: '00:00 → 01:00',
    window: { every: 'day' },
    begins: '2026-03-08T01:00-04:00',
    hours: 23,
  },
  {
    zone: 'America/Havana',
    clocks: '01:00 → 00:00',
    window: { every: 'day' },
    begins: '2026-11-01T00:00-04:00',
    hours: 25,
  },
  {
    zone: 'Asia/Tehran',
    clocks: '00:00 → 01:00',
    window: { every: 'day' },
    begins: '2022-03-22T01:00+04:30',
    hours: 23,
  },
  {
    zone: 'Asia/Kathmandu',
    clocks: 'never change',
    window: { every: 'hour' },
    begins: '2026-03-29T12:00+05:45',
    hours: 1,
  },
  {
    zone: 'Pacific/Chatham',
    clocks: '02:45 → 03:45',
    window: { every: 'day', at: '03:00' },
    begins: '2026-09-27T03:45+13:45',
    hours: 23.25,
    croner: '2026-09-27T04:00+13:45',
  },
  {
    zone: 'Pacific/Chatham',
    clocks: '03:45 → 02:45',
    window: { every: 'day', at: '03:00' },
    begins: '2026-04-05T03:00+13:45',
    hours: 25,
  },
  {
    zone: 'Australia/Lord_Howe',
    clocks: '02:00 → 02:30',
    window: { every: 'hour' },
    begins: '2026-10-04T02:30+11:00',
    hours: 0.5,
  },
  {
    zone: 'Australia/Lord_Howe',
    clocks: '02:00 → 01:30',
    window: { every: 'hour' },
    begins: '2026-04-05T01:00+11:00',
    hours: 1.5,
  },
  {
    zone: 'Australia/Lord_Howe',
    clocks: '02:00 → 01:30',
    window: { every: 'day', at: '01:45' },
    begins: '2026-04-05T01:45+11:00',
    hours: 24.5,
    croner: '2026-04-05T01:45+10:30',
  },
  {
    zone: 'Africa/Casablanca',
    clocks: '02:00 → 03:00',
    window: { every: 'month' },
    begins: '2026-03-01T00:00+00:00',
    hours: 743,
  },
  {
    zone: 'Pacific/Apia',
    clocks: '30 December 2011 is skipped',
    window: { every: 'day' },
    begins: '2011-12-29T00:00-10:00',
    hours: 24,
  },
  {
    zone: 'Pacific/Apia',
    clocks: '30 December 2011 is skipped',
    window: { every: 'day' },
    begins: '2011-12-31T00:00+14:00',
    hours: 24,
  },
  {
    zone: 'Pacific/Apia',
    clocks: '30 December 2011 is skipped',
    window: { every: 'month', day: 30 },
    begins: '2011-12-31T00:00+14:00',
    hours: 720,
  },
]
