import { BudgetError } from '../core/errors.js'
import { inTime } from '../core/in-time.js'
import { copyJson, isPlain } from '../core/json.js'
import { isCredits, MAX_CREDITS, type Credits } from '../core/credits.js'
import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { refuseArguments, type Refusal } from '../core/refusal.js'
import { kindOf } from '../core/kind-of.js'
import { unpriced } from './unpriced.js'
import type { Price } from '../core/price.js'
import type { Clock } from '../core/clock.js'
import type { ToolCall } from '../core/call.js'
import type { PriceFunction } from './price-rule.js'
import type { SchemaResult, StandardSchemaV1 } from './standard-schema.js'

/** A function of a price list, checked. */
export interface Computation {
  readonly compute: PriceFunction
  readonly schema: StandardSchemaV1 | undefined
  /** The largest amount that it may give. */
  readonly max: Credits | undefined
  /** The price of a call, when its amount is known. */
  readonly priceOf: (amount: Credits, call: ToolCall) => Price
  readonly clock: Clock
  readonly timeoutMs: number
}

/** The price of a call by a function, or a refusal; in the same tick where schema and function answer at once. */
export function computePrice(computation: Computation, call: ToolCall): MaybePromise<Price | Refusal> {
  let shown: ToolCall
  try {
    // A price can judge, but not change what is forwarded.
    shown = { ...call, args: call.args && copyJson(call.args, { freeze: true }) }
  } catch (error) {
    return refuseArguments(call.tool, error)
  }
  const failed = (error: unknown): Refusal => unpriced(call, 'price_failed', { error })
  try {
    const price = validateAndCompute(computation, shown)
    const late = (): Refusal => unpriced(call, 'price_timeout', { timeoutMs: computation.timeoutMs })
    return isPromise(price) ? inTime(price, computation, failed, late) : price
  } catch (error) {
    return failed(error)
  }
}

function validateAndCompute(
  { schema, compute, max = MAX_CREDITS, priceOf }: Computation,
  call: ToolCall,
): MaybePromise<Price | Refusal> {
  const computed = (args: ToolCall['args']): MaybePromise<Price | Refusal> =>
    andThen(compute(args, call) as MaybePromise<unknown>, (amount) => {
      if (isCredits(amount) && amount <= max) return priceOf(amount + 0, call)
      const error = new BudgetError({
        code: 'invalid_credits',
        message: `Expected the price of tool '${call.tool}' to be an integer from 0 to ${max}, got ${kindOf(amount)}`,
      })
      return unpriced(call, 'invalid_price', { error })
    })
  if (schema === undefined) return computed(call.args)
  return andThen<SchemaResult<unknown>, Price | Refusal>(schema['~standard'].validate(call.args), (result) =>
    // How many, and nothing more: messages and paths of a schema may repeat what the agent sent.
    result.issues
      ? unpriced(call, 'invalid_arguments', { issues: result.issues.length })
      : computed(freezeDeep(result.value) as ToolCall['args']),
  )
}

/** Freezes what a schema made of the arguments: plain objects and arrays; a `Date` or the like stays as it is. */
function freezeDeep<T>(value: T): T {
  const found = new Set<unknown>([value])
  for (const each of found) {
    if (!Array.isArray(each) && !isPlain(each)) continue
    for (const child of Object.values(Object.freeze(each))) found.add(child)
  }
  return value
}
