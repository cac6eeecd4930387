import { refuse, type Refusal, type RefusalReason } from '../core/refusal.js'
import type { Credits } from '../core/credits.js'
import type { ToolCall } from '../core/call.js'
import type { EnforcerReason, HoldLine } from './enforcer.js'
import type { Identified } from './principal.js'

/** What a store said no with. */
export interface StoreRefusal {
  readonly reason?: EnforcerReason | undefined
  readonly budget: string
  readonly remaining: Credits
  readonly resetAt?: number | undefined
}

/**
 * The refusal of a call whose store said no. A budget that does not exist, was closed or belongs to somebody else is
 * `unauthorized` without a word more: the same answer that a stranger gets; the true reason is in `detail`.
 */
export function refusalOfStore(call: ToolCall, cost: Credits, answer: StoreRefusal): Refusal {
  const { budget, remaining, resetAt } = answer
  const reason = reasonOf(answer)
  const { principal } = call as ToolCall & Partial<Identified>
  const { tokenId } = principal ?? {}
  switch (reason) {
    case 'unknown_budget':
    case 'not_descendant':
    case 'closed':
    case 'revoked':
      // Who came with a token is told what one without is told: not even that the budget is known.
      return refuse(call.tool, {
        error: 'unauthorized',
        reason: 'unauthorized',
        ...(principal === undefined && { cost, budget }),
        detail: reason,
      })
    case 'exhausted':
    case 'insufficient':
    case 'ceiling':
    case 'rate':
      return refuse(call.tool, { error: 'budget_exhausted', reason, cost, remaining, budget, tokenId, resetAt })
    case 'round_used':
      return refuse(call.tool, { error: 'invalid_request_state', reason, cost, budget })
    case 'cross_partition':
      return refuse(call.tool, { error: 'cross_partition', reason, cost, budget })
    default:
      return unavailable(call, cost, [{ budget }], reason)
  }
}

/** Why a store said no; one that says nothing more lacks credits. */
export function reasonOf({ reason, remaining }: Pick<StoreRefusal, 'reason' | 'remaining'>): EnforcerReason {
  return reason ?? (remaining === 0 ? 'exhausted' : 'insufficient')
}

/** Whether a call was refused for want of credits, which may come back. */
export function lacksCredits(reason: string): boolean {
  return ['exhausted', 'insufficient'].includes(reason)
}

/** The refusal of a call whose store gave no answer, or none that makes sense. */
export function unavailable(
  call: ToolCall,
  cost: Credits,
  [first]: readonly Pick<HoldLine, 'budget'>[],
  detail: unknown,
  reason: RefusalReason<'budget_unavailable'> = 'budget_backend_error',
): Refusal {
  return refuse(call.tool, { error: 'budget_unavailable', reason, cost, budget: first?.budget, detail })
}
