import { Cron } from 'croner'
import type { CalendarWindow } from 'mcp-budget'

/** When croner would next begin a window, after a moment; days 29 and 30 of a month have no pattern. */
export function cronerNext(spec: CalendarWindow, after: number): number {
  const [hours, minutes] = spec.every === 'hour' ? ['*', spec.minute ?? 0] : (spec.at ?? '00:00').split(':').map(Number)
  const day = spec.every !== 'month' ? '*' : spec.day === 31 ? 'L' : (spec.day ?? 1)
  const weekday = spec.every === 'week' ? (spec.weekday ?? 1) : '*'
  const cron = new Cron(`${minutes} ${hours} ${day} * ${weekday}`, { timezone: spec.zone ?? 'UTC' })
  return cron.nextRun(new Date(after))!.getTime()
}

/** What the clocks of a zone show. */
export function shown(at: number, zone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(at)
}
