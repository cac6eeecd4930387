import type { MaybePromise } from '../core/maybe-promise.js'
import { computePrice, type Computation } from './computed.js'
import { compileMeter } from '../core/metered.js'
import { outcomePrice, type Others } from './outcome-price.js'
import { assertKeys, credits, misconfigured, optionalCredits } from '../core/settings.js'
import { optionalSchema } from './settings.js'
import type { EventSink } from '../core/events.js'
import type { Clock } from '../core/clock.js'
import { isCredits, type Credits } from '../core/credits.js'
import type { JsonObject } from '../core/json.js'
import type { Price, PriceMetering, PriceSource } from '../core/price.js'
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
  readonly events: EventSink
  readonly timeoutMs: number
}

const KEYS = ['schema', 'max', 'failed', 'unknown']

/** @throws BudgetError `invalid_config`, `invalid_credits` */
export function compileRule(rule: unknown, path: string, source: PriceSource, context: RuleContext): MatchedPrice {
  const bare = typeof rule !== 'object' || rule === null
  const parts = (bare ? { price: rule } : rule) as Readonly<Record<string, unknown>>
  const metered = Object.hasOwn(parts, 'metered')
  assertKeys(parts, metered ? [...KEYS, 'metered', 'creditsPerUnit'] : ['price', ...KEYS], path)
  const others: Others = {
    failed: optionalCredits(parts['failed'], `${path}.failed`),
    unknown: optionalCredits(parts['unknown'], `${path}.unknown`),
  }
  const meterOf = metered ? compileMeter(parts, path, context.events) : undefined
  const metering = metered ? meteringOf(parts) : undefined
  const priceOf = (amount: Credits, call: ToolCall): Price =>
    outcomePrice(source, amount, others, meterOf?.(call), metering)
  const key = metered ? 'max' : 'price'
  const amount = parts[key]
  const schema = optionalSchema(parts['schema'], `${path}.schema`)
  const limit = metered ? undefined : optionalCredits(parts['max'], `${path}.max`)
  if (typeof amount === 'function') {
    const computation: Computation = { ...context, compute: amount as PriceFunction, schema, max: limit, priceOf }
    return {
      kind: 'priced',
      source,
      credits: undefined,
      max: limit === undefined ? undefined : outcomePrice(source, limit, others).cost,
      price: (call) => computePrice(computation, call),
    }
  }
  if (schema !== undefined || limit !== undefined) {
    throw misconfigured(`${path}.${key}`, 'a function beside `schema` or `max`', amount)
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

/** What of a metered rule another process can read a result by. */
function meteringOf({ metered, creditsPerUnit }: Readonly<Record<string, unknown>>): PriceMetering {
  const { from, ...places } = metered as JsonObject
  return { ...(from === undefined && { metered: places }), ...(isCredits(creditsPerUnit) && { creditsPerUnit }) }
}
