import { copyJson } from '../core/json.js'
import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { refuse, refuseArguments, type Refusal } from '../core/refusal.js'
import type { Priced } from '../core/price.js'
import type { ToolCall } from '../core/call.js'
import type { BudgetSettings } from './options.js'

/**
 * Asks for one call's approval. What is shown is a frozen copy of the arguments, and what passes is a call with
 * exactly those: nothing that changes meanwhile is approved with it. Each answer is for one call.
 */
export function approveCall(
  call: ToolCall & Priced,
  approve: NonNullable<BudgetSettings['approve']>,
): MaybePromise<(ToolCall & Priced) | Refusal> {
  let shown: ToolCall & Priced
  try {
    shown = { ...call, args: call.args && copyJson(call.args, { freeze: true }) }
  } catch (error) {
    return refuseArguments(call.tool, error)
  }
  let answer: MaybePromise<boolean>
  try {
    answer = approve(shown, call.price)
  } catch (error) {
    return failed(call, error)
  }
  if (!isPromise(answer)) return verdict(shown, answer)
  return answer.then(
    (given) => verdict(shown, given),
    (error: unknown) => failed(call, error),
  )
}

function verdict(call: ToolCall & Priced, answer: unknown): (ToolCall & Priced) | Refusal {
  if (answer === true) return call
  return refuse(call.tool, { error: 'approval_required', reason: 'approval_required', cost: call.cost })
}

function failed(call: ToolCall & Priced, error: unknown): Refusal {
  return refuse(call.tool, { error: 'approval_required', reason: 'approval_failed', cost: call.cost, detail: error })
}
