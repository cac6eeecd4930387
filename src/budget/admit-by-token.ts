import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { canDelegate } from './enforcer.js'
import { isAboutTasks } from '../core/operation.js'
import { isUnreached, reach } from './reach.js'
import { refusalOfStore, unavailable } from './refusals.js'
import type { Authorized } from './authority.js'
import type { BudgetSettings } from './options.js'
import type { Refusal } from '../core/refusal.js'
import type { ToolCall } from '../core/call.js'

/**
 * Whether who asks about a task by a token may: a token says of itself which budget is its own, and only the store knows
 * whether that is so, and whether it was revoked. For a call the hold finds that out.
 */
export function admitByToken(
  { enforcer: store, storeTimeoutMs: timeoutMs, clock }: BudgetSettings,
  request: ToolCall & Authorized,
): MaybePromise<ToolCall | Refusal> {
  const enforcer: object = store
  const { authority, tool } = request
  if (authority === undefined || !isAboutTasks(tool) || !canDelegate(enforcer)) return request
  const { budget } = authority
  return andThen(
    reach(() => enforcer.describe(budget, authority), { timeoutMs, clock }),
    (view) => {
      if (!isUnreached(view)) return request
      if (!view.misuse) return unavailable(request, 0, [], view.cause)
      return refusalOfStore(request, 0, { budget, remaining: 0, reason: 'revoked' })
    },
  )
}
