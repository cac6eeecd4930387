import { assertKeys, integer, misconfigured, oneOf } from '../core/settings.js'
import { basisPoints, type Credits } from '../core/credits.js'
import { patternKind } from '../core/pattern.js'
import { Prefixes } from '../core/prefixes.js'
import type { Price, PriceCharge } from '../core/price.js'
import type { RetryCostMode } from '../core/operation.js'

/** What is charged for retries of a tool, and for tasks that did not complete. */
export interface RetryPolicy {
  /**
   * What an attempt costs that follows one that was seen to fail, and was paid for: `full`, the default; `first-only`:
   * nothing; `reduced`: `retryRateBps` of the price, rounded up.
   */
  readonly retryCostMode?: RetryCostMode
  /** The part of the price that a reduced retry costs, in basis points: 2,500 is a quarter. Needed for `reduced`. */
  readonly retryRateBps?: number
  /** A task that failed: `capture` by default, work was done. After `release` the retry pays in full. */
  readonly onTaskFailure?: 'capture' | 'release'
  /** A task that was cancelled: `capture` by default, for cancelling proves not that work stopped. */
  readonly onTaskCancel?: 'capture' | 'release'
  /** A task of which nothing was heard in its time: `release` by default. */
  readonly onTaskExpiry?: 'capture' | 'release'
  /** A task that ends after its hold was given back: `debit` by default, or it is only recorded. */
  readonly lateCompletion?: 'debit' | 'record'
}

/** A policy with its defaults. */
export interface Policy extends Readonly<Required<Omit<RetryPolicy, 'retryRateBps'>>> {
  /** What a discounted retry costs, in basis points. */
  readonly rateBps: number
}

/** The settings that are one of a few; the first is the default. */
const CHOICES = {
  retryCostMode: ['full', 'first-only', 'reduced'],
  onTaskFailure: ['capture', 'release'],
  onTaskCancel: ['capture', 'release'],
  onTaskExpiry: ['release', 'capture'],
  lateCompletion: ['debit', 'record'],
} as const satisfies { readonly [Key in keyof Omit<RetryPolicy, 'retryRateBps'>]: readonly RetryPolicy[Key][] }

/** The keys of a {@link RetryPolicy}. */
export const POLICY_KEYS = [...Object.keys(CHOICES), 'retryRateBps']

/**
 * Compiles policies by tool: the exact name, then the longest wildcard, then `*`, then what holds for all. What a tool's
 * own policy leaves out is as for all.
 *
 * @throws BudgetError `invalid_config`
 */
export function compilePolicies(general: RetryPolicy, tools: unknown): (tool: string) => Policy {
  const all = compile(general, {}, '')
  const exact = new Map<string, Policy>()
  const prefixes = new Prefixes<Policy>()
  let catchAll = all
  if (tools !== undefined) {
    assertKeys(tools, Object.keys(Object(tools) as object), 'tools')
    for (const [key, policy] of Object.entries(tools as Readonly<Record<string, RetryPolicy>>)) {
      const path = `tools.${key.slice(0, 128)}`
      assertKeys(policy, POLICY_KEYS, path)
      const compiled = compile(policy, general, `${path}.`)
      const kind = patternKind(key, path)
      if (kind === 'exact') exact.set(key, compiled)
      else if (kind === 'catch-all') catchAll = compiled
      else prefixes.at(key.slice(0, -1), () => compiled)
    }
  }
  return (tool) => exact.get(tool) ?? prefixes.longest(tool) ?? catchAll
}

function compile(own: RetryPolicy, general: RetryPolicy, path: string): Policy {
  const policy: Readonly<Record<string, unknown>> & RetryPolicy = { ...general, ...own }
  const chosen = Object.entries<readonly [string, ...string[]]>(CHOICES).map(([key, choices]) => [
    key,
    oneOf(policy[key] as string | undefined, choices, path + key),
  ])
  const settings = Object.fromEntries(chosen) as Omit<Policy, 'rateBps'>
  const { retryCostMode: mode } = settings
  const { retryRateBps } = policy
  const bounds = { least: 1, most: 9_999, otherwise: 0 }
  const rate = integer(retryRateBps, bounds, `${path}retryRateBps`)
  if (mode === 'reduced' && retryRateBps === undefined)
    throw misconfigured(`${path}retryRateBps`, 'set for `reduced`: an integer from 1 to 9999', retryRateBps)
  // For all tools it may stand there for those whose own mode is `reduced`.
  if (path !== '' && own.retryRateBps !== undefined && mode !== 'reduced')
    throw misconfigured(`${path}retryRateBps`, 'left out, but for `reduced`', retryRateBps)
  return { ...settings, rateBps: mode === 'full' ? 10_000 : mode === 'reduced' ? rate : 0 }
}

/** The price of a discounted retry: `rateBps` of what each outcome costs, rounded up. Says what it would cost in full. */
export function discountedPrice(price: Price, rateBps: number): Price {
  const part = (amount: Credits): Credits => basisPoints(amount, rateBps)
  return {
    ...price,
    cost: part(price.cost),
    charge(outcome): PriceCharge {
      const full = price.charge(outcome)
      return { ...full, amount: part(full.amount), full: Math.min(full.amount, price.cost) }
    },
  }
}
