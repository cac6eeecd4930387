import { describeValue } from '../core/errors.js'
import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { computeAmount, type Computation } from './computed.js'
import { compileMeter, meteredPrice } from './metered.js'
import { holdOf, outcomePrice, type Others } from './outcome-price.js'
import { assertKeys, credits, misconfigured, optionalCredits } from '../core/settings.js'
import { optionalSchema } from './settings.js'
import type { BudgetEvents } from '../core/events.js'
import type { Clock } from '../core/clock.js'
import type { Credits } from '../core/credits.js'
import type { Price, PriceSource } from '../core/price.js'
import type { Refusal } from '../core/refusal.js'
import type { ToolCall } from '../core/call.js'
import type { PriceFunction } from './price-rule.js'

/** A rule of a price list, as a tool meets it. */
export interface MatchedPrice {
  readonly kind: 'priced'
  readonly source: PriceSource
  /** The price of a call that ran, where it depends on neither arguments nor result. */
  readonly credits: Credits | undefined
  /** The most that is held, where that is known before the call. */
  readonly max: Credits | undefined
  /** Prices one call, or refuses it. One object for all calls where the price is fixed. Never throws. */
  price(call: ToolCall): MaybePromise<Price | Refusal>
}

/** What every rule of a list is compiled with. */
export interface RuleContext {
  readonly clock: Clock
  readonly events: BudgetEvents | undefined
  readonly timeoutMs: number
}

const PRICED_KEYS = ['price', 'schema', 'max', 'failed', 'unknown']
const METERED_KEYS = ['max', 'metered', 'creditsPerUnit', 'schema', 'failed', 'unknown']

/** @throws BudgetError `invalid_config`, `invalid_credits` */
export function compileRule(rule: unknown, path: string, source: PriceSource, context: RuleContext): MatchedPrice {
  const bare = typeof rule !== 'object' || rule === null
  const parts = (bare ? { price: rule } : rule) as Readonly<Record<string, unknown>>
  const metered = Object.hasOwn(parts, 'metered')
  assertKeys(parts, metered ? METERED_KEYS : PRICED_KEYS, path)
  const others: Others = {
    failed: optionalCredits(parts['failed'], `${path}.failed`),
    unknown: optionalCredits(parts['unknown'], `${path}.unknown`),
  }
  const meter = metered ? compileMeter(parts['metered'], parts['creditsPerUnit'], path) : undefined
  const priceOf = (amount: Credits, call: ToolCall): Price =>
    meter === undefined
      ? outcomePrice(source, amount, others)
      : meteredPrice({ source, others, meter, path, events: context.events }, call, amount)
  const key = metered ? 'max' : 'price'
  const amount = parts[key]
  if (typeof amount === 'function') {
    const max = metered ? undefined : optionalCredits(parts['max'], `${path}.max`)
    const schema = optionalSchema(parts['schema'], `${path}.schema`)
    const computation: Computation = { ...context, compute: amount as PriceFunction, schema, max }
    return {
      kind: 'priced',
      source,
      credits: undefined,
      max: max === undefined ? undefined : holdOf(max, others),
      price: (call) =>
        andThen(computeAmount(computation, call), (found) =>
          typeof found === 'number' ? priceOf(found, call) : found,
        ),
    }
  }
  const beside = metered || parts['schema'] !== undefined ? 'schema' : 'max'
  if (parts[beside] !== undefined) {
    throw misconfigured(`${path}.${key}`, `a function, beside \`${beside}\``, describeValue(amount))
  }
  const ran = credits(amount, bare ? path : `${path}.${key}`)
  const fixed = outcomePrice(source, ran, others)
  return {
    kind: 'priced',
    source,
    credits: metered ? undefined : ran,
    max: fixed.cost,
    price: metered ? (call) => priceOf(ran, call) : () => fixed,
  }
}
