import { describeValue } from '../core/errors.js'
import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { computeAmount, type Computation } from './computed.js'
import { compileMeter, meteredPrice, type MeteredTerms } from './metered.js'
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

const PRICED_KEYS = ['price', 'schema', 'max', 'failed', 'unknown'] as const
const METERED_KEYS = ['max', 'metered', 'creditsPerUnit', 'schema', 'failed', 'unknown'] as const
const NO_OTHERS: Others = { failed: undefined, unknown: undefined }

/** @throws BudgetError `invalid_config`, `invalid_credits` */
export function compileRule(rule: unknown, path: string, source: PriceSource, context: RuleContext): MatchedPrice {
  if (typeof rule === 'function') {
    const compute = rule as PriceFunction
    return computedRule(source, { compute, schema: undefined, max: undefined, ...context }, NO_OTHERS)
  }
  if (typeof rule !== 'object' || rule === null) return fixedRule(source, credits(rule, path), NO_OTHERS)
  const metered = Object.hasOwn(rule, 'metered')
  assertKeys(rule, metered ? METERED_KEYS : PRICED_KEYS, path)
  const parts = rule as Readonly<Record<string, unknown>>
  const others: Others = {
    failed: optionalCredits(parts['failed'], `${path}.failed`),
    unknown: optionalCredits(parts['unknown'], `${path}.unknown`),
  }
  if (metered) return meteredRule(parts, path, { source, others, path, events: context.events }, context)
  const { price } = parts
  if (typeof price === 'function') return computedRule(source, computationOf(price, parts, path, context), others)
  for (const key of ['schema', 'max']) {
    if (parts[key] === undefined) continue
    throw misconfigured(`${path}.price`, `a function, beside \`${key}\``, describeValue(price))
  }
  return fixedRule(source, credits(price, `${path}.price`), others)
}

function fixedRule(source: PriceSource, ran: Credits, others: Others): MatchedPrice {
  const price = outcomePrice(source, ran, others)
  return { kind: 'priced', source, credits: ran, max: price.cost, price: () => price }
}

function computedRule(source: PriceSource, computation: Computation, others: Others): MatchedPrice {
  const { max } = computation
  return {
    kind: 'priced',
    source,
    credits: undefined,
    max: max === undefined ? undefined : holdOf(max, others),
    price: (call) => priced(computeAmount(computation, call), (amount) => outcomePrice(source, amount, others)),
  }
}

function meteredRule(
  parts: Readonly<Record<string, unknown>>,
  path: string,
  rest: Omit<MeteredTerms, 'meter'>,
  context: RuleContext,
): MatchedPrice {
  const { max, metered, creditsPerUnit } = parts
  const terms: MeteredTerms = { ...rest, meter: compileMeter(metered, creditsPerUnit, path) }
  const { source } = terms
  if (typeof max === 'function') {
    const computation = computationOf(max, { schema: parts['schema'] }, path, context)
    return {
      kind: 'priced',
      source,
      credits: undefined,
      max: undefined,
      price: (call) => priced(computeAmount(computation, call), (amount) => meteredPrice(terms, call, amount)),
    }
  }
  if (parts['schema'] !== undefined) {
    throw misconfigured(`${path}.max`, 'a function, beside `schema`', describeValue(max))
  }
  const most = credits(max, `${path}.max`)
  return {
    kind: 'priced',
    source,
    credits: undefined,
    max: holdOf(most, terms.others),
    price: (call) => meteredPrice(terms, call, most),
  }
}

function computationOf(
  compute: unknown,
  parts: { readonly schema?: unknown; readonly max?: unknown },
  path: string,
  context: RuleContext,
): Computation {
  return {
    compute: compute as PriceFunction,
    schema: optionalSchema(parts.schema, `${path}.schema`),
    max: optionalCredits(parts.max, `${path}.max`),
    clock: context.clock,
    timeoutMs: context.timeoutMs,
  }
}

function priced(
  amount: MaybePromise<Credits | Refusal>,
  make: (amount: Credits) => Price,
): MaybePromise<Price | Refusal> {
  if (isPromise(amount)) return amount.then((value) => (typeof value === 'number' ? make(value) : value))
  return typeof amount === 'number' ? make(amount) : amount
}
