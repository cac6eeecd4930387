import { BudgetError, describeValue } from '../core/errors.js'
import { isCredits, type Credits } from '../core/credits.js'
import { systemClock, type Clock } from '../core/clock.js'
import { canHold, type BudgetEnforcer, type HoldingEnforcer } from './enforcer.js'
import type { BudgetEvents } from '../core/events.js'
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
 * outage, counted in this process, and posts them when the store is back. Never covers a budget that does not exist.
 */
export type FailMode = 'closed' | { readonly open: { readonly limit: Credits } }

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
  readonly budget: BudgetSpec
  readonly mode: Mode
  /** What one outage may let through; 0 is `closed`. */
  readonly openLimit: Credits
  readonly ttlMs: number
  readonly onExpire: OnExpire
  readonly onCancel: 'capture' | 'keep' | 'release'
  readonly onFailure: 'capture' | 'release'
  readonly overage: Overage
  readonly awaitCapture: boolean
  readonly storeTimeoutMs: number
  readonly refusalMemoryMs: number
  readonly approve: BudgetOptions['approve']
  readonly approveAbove: Credits
  readonly shadow: HoldingEnforcer | undefined
  readonly events: BudgetEvents | undefined
  readonly clock: Clock
}

const KNOWN = {
  enforcer: true,
  budget: true,
  mode: true,
  failMode: true,
  ttlMs: true,
  onExpire: true,
  onCancel: true,
  onFailure: true,
  overage: true,
  awaitCapture: true,
  storeTimeoutMs: true,
  refusalMemoryMs: true,
  approve: true,
  approveAbove: true,
  shadow: true,
  events: true,
  clock: true,
} as const satisfies Record<keyof BudgetOptions, true>

const DAY_MS = 86_400_000

/** Checks the settings and fills in the defaults. @throws BudgetError `invalid_config` */
export function budgetSettings(options: BudgetOptions): BudgetSettings {
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, key)) throw invalid(key, `one of ${Object.keys(KNOWN).join(', ')}`, 'an unknown option')
  }
  const { enforcer, approve } = options
  for (const verb of ['check', 'spend', 'remaining', 'initialize'] as const) {
    const given: unknown = (enforcer as Partial<BudgetEnforcer> | undefined)?.[verb]
    if (typeof given !== 'function')
      throw invalid('enforcer', `a store with a function \`${verb}\``, describeValue(given))
  }
  if (approve !== undefined && typeof approve !== 'function')
    throw invalid('approve', 'a function', describeValue(approve))
  const shadow = options.shadow?.enforcer
  if (shadow !== undefined && !canHold(shadow))
    throw invalid('shadow.enforcer', 'a store that can hold', describeValue(shadow))
  return {
    enforcer,
    approve,
    shadow,
    budget: options.budget,
    mode: oneOf('mode', options.mode, ['hard', 'soft', 'shadow']),
    openLimit: openLimit(options.failMode),
    ttlMs: milliseconds('ttlMs', options.ttlMs, 120_000, 1),
    onExpire: oneOf('onExpire', options.onExpire, ['capture', 'release']),
    onCancel: oneOf('onCancel', options.onCancel, ['capture', 'keep', 'release']),
    onFailure: oneOf('onFailure', options.onFailure, ['capture', 'release']),
    overage: oneOf('overage', options.overage, ['cap', 'debt']),
    awaitCapture: oneOf('awaitCapture', options.awaitCapture, [false, true]),
    storeTimeoutMs: milliseconds('storeTimeoutMs', options.storeTimeoutMs, 250, 1),
    refusalMemoryMs: milliseconds('refusalMemoryMs', options.refusalMemoryMs, 100, 0),
    approveAbove: credits('approveAbove', options.approveAbove ?? 0),
    events: options.events,
    clock: options.clock ?? systemClock,
  }
}

// The first of the values is the default.
function oneOf<Value extends string | boolean>(
  name: string,
  value: Value | undefined,
  values: readonly [Value, ...Value[]],
): Value {
  if (value === undefined) return values[0]
  if (values.includes(value)) return value
  throw invalid(name, `one of ${values.map((each) => JSON.stringify(each)).join(', ')}`, describeValue(value))
}

function openLimit(failMode: FailMode | undefined): Credits {
  if (failMode === undefined || failMode === 'closed') return 0
  const limit: unknown = (failMode as { open?: { limit?: unknown } } | null)?.open?.limit
  if (isCredits(limit) && limit > 0) return limit
  throw invalid(
    'failMode',
    "'closed' or { open: { limit: credits } }, for an open store without a bound is no budget",
    describeValue(failMode),
  )
}

function milliseconds(name: string, value: number | undefined, otherwise: number, least: number): number {
  if (value === undefined) return otherwise
  if (Number.isSafeInteger(value) && value >= least && value <= DAY_MS) return value
  throw invalid(name, `an integer from ${least} to ${DAY_MS}`, describeValue(value))
}

function credits(name: string, value: Credits): Credits {
  if (isCredits(value)) return value
  throw invalid(name, 'a credit amount', describeValue(value))
}

function invalid(name: string, expected: string, got: string): BudgetError {
  return new BudgetError({
    code: 'invalid_config',
    message: `Expected withBudget's \`${name}\` to be ${expected}, got ${got}`,
  })
}
