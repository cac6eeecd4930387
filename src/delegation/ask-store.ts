import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { isUnreached, reach } from '../budget/reach.js'
import { refuse, type Refusal, type RefusalReason } from '../core/refusal.js'
import { unauthorized } from './refusal.js'
import type { Asked } from './methods.js'
import type { Credits } from '../core/credits.js'
import type { EnforcerReason } from '../budget/enforcer.js'

/** What a store says no with. */
interface No {
  readonly kind: 'refused'
  readonly reason: EnforcerReason
  readonly remaining?: Credits
}

/** What is said of a store's reason; any that is not here tells a stranger nothing. */
const TOLD: Partial<Record<EnforcerReason, RefusalReason<'delegation_failed'>>> = {
  exhausted: 'exhausted',
  insufficient: 'insufficient',
  ceiling: 'ceiling',
  rate: 'rate',
  depth_exceeded: 'depth_exceeded',
  children_exceeded: 'children_exceeded',
  amount_exceeded: 'amount_exceeded',
  windowed: 'delegation_failed',
  overflow: 'delegation_failed',
  full: 'delegation_failed',
}

/**
 * Asks the store for something, once more where it gave no answer; what it says no with becomes a refusal.
 *
 * @param kind that of the answer; anything else is none
 */
export function askStore<Yes extends { readonly kind: string }, Kind extends Yes['kind']>(
  { request: { tool }, identity, settings: { storeTimeoutMs: timeoutMs, clock, hideBalance } }: Asked,
  kind: Kind,
  ask: () => MaybePromise<Yes | No>,
): MaybePromise<Extract<Yes, { readonly kind: Kind }> | Refusal> {
  return andThen(reach(ask, { timeoutMs, clock }), (answer) => {
    if (isUnreached(answer))
      return answer.misuse ? unauthorized(tool, answer.cause) : storeUnreached(tool, answer.cause)
    if (answer?.kind === kind) return answer as Extract<Yes, { readonly kind: Kind }>
    if (answer?.kind !== 'refused')
      return storeUnreached(tool, `the store answered neither \`${kind}\` nor \`refused\``)
    const { reason, remaining } = answer as No
    const told = TOLD[reason]
    if (told !== undefined) {
      const { tokenId } = identity.token
      const left = hideBalance ? undefined : remaining
      return refuse(tool, { error: 'delegation_failed', reason: told, remaining: left, tokenId, detail: reason })
    }
    if (reason === 'id_reused')
      return refuse(tool, { error: 'idempotency_mismatch', reason: 'idempotency_mismatch', detail: reason })
    return unauthorized(tool, reason)
  })
}

/** The refusal of a request whose store gave no answer: it may come again, with its key. */
export function storeUnreached(tool: string, detail: unknown): Refusal {
  return refuse(tool, { error: 'budget_unavailable', reason: 'budget_backend_error', detail })
}
