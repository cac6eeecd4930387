import { BudgetError } from '../core/errors.js'
import { isCredits, MAX_CREDITS, type Credits } from '../core/credits.js'
import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { refuse, type Refusal, type RefusalReason } from '../core/refusal.js'
import { kindOf } from './kind-of.js'
import { freezeArguments, freezeDeep } from './arguments.js'
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
  readonly clock: Clock
  readonly timeoutMs: number
}

/** What a call costs by a function, or a refusal; in the same tick where schema and function answer at once. */
export function computeAmount(computation: Computation, call: ToolCall): MaybePromise<Credits | Refusal> {
  const frozen = freezeArguments(call)
  if (frozen.kind === 'refused') return frozen
  try {
    const amount = validateAndCompute(computation, frozen)
    return isPromise(amount) ? inTime(computation, amount, call) : amount
  } catch (error) {
    return unpriced(call, 'price_failed', { error })
  }
}

function validateAndCompute(computation: Computation, call: ToolCall): MaybePromise<Credits | Refusal> {
  const { schema, compute } = computation
  const computed = (args: ToolCall['args']): MaybePromise<Credits | Refusal> =>
    andThen(compute(args, call) as MaybePromise<unknown>, (amount) => judge(computation, call, amount))
  if (schema === undefined) return computed(call.args)
  return andThen<SchemaResult<unknown>, Credits | Refusal>(schema['~standard'].validate(call.args), (result) =>
    // How many, and nothing more: messages and paths of a schema may repeat what the agent sent.
    result.issues
      ? unpriced(call, 'invalid_arguments', { issues: result.issues.length })
      : computed(freezeDeep(result.value) as ToolCall['args']),
  )
}

function judge(computation: Computation, call: ToolCall, value: unknown): Credits | Refusal {
  const { max = MAX_CREDITS } = computation
  if (isCredits(value) && value <= max) return value + 0
  const error = new BudgetError({
    code: 'invalid_credits',
    message: `Expected the price of tool '${call.tool}' to be an integer from 0 to ${max}, got ${kindOf(value)}`,
  })
  return unpriced(call, 'invalid_price', { error })
}

function inTime(
  { clock, timeoutMs }: Computation,
  answer: PromiseLike<Credits | Refusal>,
  call: ToolCall,
): Promise<Credits | Refusal> {
  return new Promise((resolve) => {
    const stop = clock.after(timeoutMs, () => resolve(unpriced(call, 'price_timeout', { timeoutMs })))
    const end = (amount: Credits | Refusal): void => {
      stop()
      resolve(amount)
    }
    answer.then(end, (error: unknown) => end(unpriced(call, 'price_failed', { error })))
  })
}

function unpriced(call: ToolCall, reason: RefusalReason<'unpriced_tool'>, detail: unknown): Refusal {
  return refuse(call.tool, { error: 'unpriced_tool', reason, detail })
}
