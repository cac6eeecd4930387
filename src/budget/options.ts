import { assertKeys, credits, integer, misconfigured, oneOf } from '../core/settings.js'
import { isCredits, type Credits } from '../core/credits.js'
import { systemClock, type Clock } from '../core/clock.js'
import type { BudgetEnforcer, HoldingEnforcer } from './enforcer.js'
import type { Escrow } from './lease.js'
import { budgetId } from './budget-id.js'
import { BudgetEvents, type EventSink } from '../core/events.js'
import type { Ledger } from '../ledger/ledger.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { Price } from '../core/price.js'
import type { ToolCall } from '../core/call.js'
import type { BudgetSpec } from './lines.js'
import type { OnExpire, Overage } from './hold.js'

/**
 * What a budget does to calls: `hard` refuses what it cannot pay, `soft` lets it through as debt with an advisory,
 * `shadow` touches nothing real and only says what `hard` would have done. Chosen by the operator alone.
 */
export type Mode = 'hard' | 'soft' | 'shadow'

/**
 * What happens while the store is out of reach: `closed` refuses; `open` lets through up to `limit` credits in one
 * outage, counted by this step, and posts them when the store is back; `lease` pays from what this process has leased,
 * for which `enforcer` must be a `LeasedEnforcer`, and then refuses. None covers a budget that does not exist.
 */
export type FailMode = 'closed' | 'lease' | { readonly open: { readonly limit: Credits } }

/** Settings of `withBudget` where a token says who pays, or where further budgets pay with it. */
export interface PrincipalBudgetOptions extends Omit<BudgetOptions, 'budget'> {
  /** Budgets that pay with that of the token; one that is the token's own says how that pays, such as by the day. */
  readonly budget?: BudgetSpec
}

/** Settings of `withBudget`. */
export interface BudgetOptions {
  /** Where the money is: a full store, or anything with the four verbs (then a call is paid before it runs). */
  readonly enforcer: BudgetEnforcer | HoldingEnforcer
  /** Who pays: a budget, several at once (all or none), or a function of the call. */
  readonly budget: BudgetSpec
  /** `hard` by default. */
  readonly mode?: Mode
  /** `closed` by default. */
  readonly failMode?: FailMode
  /** How long a hold lives without being extended: 120,000 by default. Seats extend the holds of pending calls. */
  readonly ttlMs?: number
  /** A call whose end nobody learns, when its hold's time is up: `capture` by default; `release` may give work for free. */
  readonly onExpire?: OnExpire
  /** A call cancelled after it was sent: `capture` by default, or call and cancel would be a free call. */
  readonly onCancel?: 'capture' | 'keep' | 'release'
  /** A tool error, or a JSON-RPC error that does not prove that nothing ran: `capture` by default, work was done. */
  readonly onFailure?: 'capture' | 'release'
  /** A metered report above the hold: `cap` by default. */
  readonly overage?: Overage
  /** Hand the result on only after it was charged; `false` by default. */
  readonly awaitCapture?: boolean
  /** Say nothing of what is left: not in refusals, not in results, not to `budget/balance`. `false` by default. */
  readonly hideBalance?: boolean
  /** Records of calls, such as those of `withLedger`: with them `budget/balance` tells what operations and retries cost. */
  readonly records?: Pick<Ledger, 'entries'>
  /** Say in the `_meta` of every result what is left and in which mode, in hard and soft mode; `false` by default. */
  readonly advise?: boolean
  /** How long the store may take: 250 by default, then one retry with the same id. */
  readonly storeTimeoutMs?: number
  /** How long a refusal for want of credits is repeated without asking a store that answers by promise: 100 by default. */
  readonly refusalMemoryMs?: number
  /**
   * Asked before a call that costs more than `approveAbove`. `true` lets this one call pass, with exactly the
   * arguments that were shown; anything else, or a throw, refuses it as `approval_required`.
   */
  readonly approve?: (call: ToolCall, price: Price) => MaybePromise<boolean>
  /** Calls up to this cost need no approval: 0 by default. */
  readonly approveAbove?: Credits
  /** Where shadow mode simulates; by default a store of its own, in memory, that begins with today's balances. */
  readonly shadow?: { readonly enforcer: HoldingEnforcer }
  readonly events?: BudgetEvents
  readonly clock?: Clock
}

/** The settings with their defaults. */
export interface BudgetSettings {
  readonly enforcer: BudgetEnforcer | HoldingEnforcer
  readonly budget: BudgetSpec | undefined
  readonly mode: Mode
  /** What one outage may let through; 0 is `closed`. */
  readonly openLimit: Credits
  /** What pays in an outage, under `lease`. */
  readonly escrow: Escrow | undefined
  readonly ttlMs: number
  readonly onExpire: OnExpire
  readonly onCancel: 'capture' | 'keep' | 'release'
  readonly onFailure: 'capture' | 'release'
  readonly overage: Overage
  readonly awaitCapture: boolean
  readonly advise: boolean
  readonly hideBalance: boolean
  readonly storeTimeoutMs: number
  readonly refusalMemoryMs: number
  readonly approve: BudgetOptions['approve']
  readonly approveAbove: Credits
  readonly shadow: HoldingEnforcer | undefined
  readonly records: Pick<Ledger, 'entries'> | undefined
  readonly events: EventSink
  readonly clock: Clock
}

/** The settings that are one of a few; the first is the default. */
const CHOICES = {
  mode: ['hard', 'soft', 'shadow'],
  onExpire: ['capture', 'release'],
  onCancel: ['capture', 'keep', 'release'],
  onFailure: ['capture', 'release'],
  overage: ['cap', 'debt'],
  awaitCapture: [false, true],
  advise: [false, true],
  hideBalance: [false, true],
} as const

/** The settings in milliseconds, up to a day: the least, and the default. */
const TIMES = { ttlMs: [1, 120_000], storeTimeoutMs: [1, 250], refusalMemoryMs: [0, 100] } as const

const OTHERS = [
  'enforcer',
  'budget',
  'failMode',
  'approve',
  'approveAbove',
  'shadow',
  'records',
  'events',
  'clock',
] as const

const DAY_MS = 86_400_000

/** Checks the settings and fills in the defaults. @throws BudgetError `invalid_config`, `invalid_credits` */
export function budgetSettings(options: PrincipalBudgetOptions): BudgetSettings {
  const known = [...OTHERS, ...Object.keys(CHOICES), ...Object.keys(TIMES)] satisfies string[]
  assertKeys(options, known, 'options')
  const { enforcer, approve, shadow } = options
  // Left out is one thing, and a setting that is missing another.
  if ('budget' in options && options.budget === undefined) budgetId(options.budget)
  for (const verb of ['check', 'spend', 'remaining', 'initialize'] as const) {
    const given: unknown = (enforcer as Partial<BudgetEnforcer> | undefined)?.[verb]
    if (typeof given !== 'function') throw misconfigured('enforcer', `a store with a function \`${verb}\``, enforcer)
  }
  if (approve !== undefined) assertFunction(approve, 'approve', 'a function')
  if (shadow !== undefined)
    assertFunction(
      (shadow.enforcer as { hold?: unknown } | undefined)?.hold,
      'shadow.enforcer',
      'a store that can hold',
    )
  if (options.records !== undefined) {
    const { entries } = options.records as Partial<Ledger>
    assertFunction(entries, 'records', 'a ledger, with `entries`')
  }
  const given = options as unknown as Readonly<Record<string, never>>
  const settings: Record<string, unknown> = {
    ...options,
    shadow: shadow?.enforcer,
    records: options.records,
    openLimit: openLimit(options.failMode),
    escrow: options.failMode === 'lease' ? escrowOf(enforcer) : undefined,
    approveAbove: credits(options.approveAbove ?? 0, 'approveAbove'),
    events: options.events ?? new BudgetEvents(),
    clock: options.clock ?? systemClock,
  }
  for (const [key, choices] of Object.entries(CHOICES))
    settings[key] = oneOf<string | boolean>(given[key], choices, key)
  for (const [key, [least, otherwise]] of Object.entries(TIMES)) {
    settings[key] = integer(given[key], { least, most: DAY_MS, otherwise }, key)
  }
  // A copy: one that has gained so many keys one by one is looked up in, at each call, and not read.
  return { ...settings } as unknown as BudgetSettings
}

function assertFunction(value: unknown, path: string, expected: string): void {
  if (typeof value !== 'function') throw misconfigured(path, expected, value)
}

function openLimit(failMode: FailMode | undefined): Credits {
  if (failMode === undefined || failMode === 'closed' || failMode === 'lease') return 0
  const limit: unknown = (failMode as { open?: { limit?: unknown } } | null)?.open?.limit
  if (isCredits(limit) && limit > 0) return limit
  throw misconfigured('failMode', "'closed', 'lease' or { open: { limit: credits } }", failMode)
}

function escrowOf(enforcer: object): Escrow {
  if (typeof (enforcer as Partial<Escrow>).escrow === 'function') return enforcer as Escrow
  const expected =
    "'lease' only where `enforcer` is LeasedEnforcer.open({ store, use: 'outages' }) of mcp-budget/leases"
  throw misconfigured('failMode', expected, 'lease')
}
