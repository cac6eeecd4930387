import { assertKeys, integer, misconfigured, oneOf } from '../core/settings.js'
import { BudgetEvents, type EventSink } from '../core/events.js'
import { canLease, type LeasingEnforcer } from '../budget/lease.js'
import { MAX_CREDITS, type Credits } from '../core/credits.js'
import { systemClock, type Clock } from '../core/clock.js'
import type { LeaseJournal } from './journal.js'

/** Settings of `LeasedEnforcer.open`. */
export interface LeasedEnforcerOptions {
  /** Where the money is, shared with other processes. */
  readonly store: LeasingEnforcer
  /**
   * `calls` (default): calls are decided from leases, and the store is asked where none suffices. `outages`: the store
   * is asked for each call, and a lease is kept for when it is out of reach, with `failMode: 'lease'` of `withBudget`.
   */
  readonly use?: 'calls' | 'outages'
  /** How long a lease lives without being renewed: 30,000 by default. So long a revocation takes, and an outage is covered. */
  readonly ttlMs?: number
  /** A lease of less is not asked for, so that the store decides the last credits: 1 by default, or what the call costs. */
  readonly least?: Credits
  /** The most that one lease has, and that a crash leaves idle: 1,000 by default. */
  readonly most?: Credits
  /**
   * A file in which it stands how much of each lease may have been used, so that the next process of the same file gives
   * back the rest after a crash: one process at a time, and it needs Node. Or a journal of your own. Without one only a
   * process that lives gives back.
   */
  readonly journal?: string | LeaseJournal
  /** How long the store may take: 250 by default, then one retry with the same id. */
  readonly storeTimeoutMs?: number
  readonly events?: BudgetEvents
  /** Where time comes from; the machine's clocks by default: the one that never jumps, and that of the day. */
  readonly clock?: Clock
}

/** The settings with their defaults. */
export interface LeaseSettings {
  readonly store: LeasingEnforcer
  readonly use: 'calls' | 'outages'
  readonly ttlMs: number
  readonly least: Credits
  readonly most: Credits
  readonly journal: string | LeaseJournal | undefined
  readonly timeoutMs: number
  readonly events: EventSink
  readonly clock: Clock
  /** A time that is never set, in milliseconds. */
  readonly steady: () => number
}

const KEYS = ['store', 'use', 'ttlMs', 'least', 'most', 'journal', 'storeTimeoutMs', 'events', 'clock'] as const
const DAY_MS = 86_400_000

/** Checks the settings and fills in the defaults. @throws BudgetError `invalid_config` */
export function leaseSettings(options: LeasedEnforcerOptions): LeaseSettings {
  assertKeys(options, KEYS, 'options')
  const { store, journal, clock = systemClock, events = new BudgetEvents() } = options
  if (!canLease(Object(store) as object)) throw misconfigured('store', 'a store with a function `lease`', store)
  const isJournal = typeof (journal as Partial<LeaseJournal> | undefined)?.claim === 'function'
  if (journal !== undefined && !isJournal && (typeof journal !== 'string' || journal === ''))
    throw misconfigured('journal', 'the path of a file, or a journal', journal)
  const least = integer(options.least, { least: 1, most: MAX_CREDITS, otherwise: 1 }, 'least')
  return {
    store,
    use: oneOf(options.use, ['calls', 'outages'], 'use'),
    ttlMs: integer(options.ttlMs, { least: 1_000, most: DAY_MS, otherwise: 30_000 }, 'ttlMs'),
    least,
    most: integer(options.most, { least, most: MAX_CREDITS, otherwise: Math.max(least, 1_000) }, 'most'),
    journal,
    timeoutMs: integer(options.storeTimeoutMs, { least: 1, most: DAY_MS, otherwise: 250 }, 'storeTimeoutMs'),
    events,
    clock,
    steady: clock === systemClock ? () => performance.now() : () => clock.now(),
  }
}
