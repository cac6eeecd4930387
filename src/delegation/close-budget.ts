import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { askStore } from './ask-store.js'
import { badParams } from './method-params.js'
import { isRefusal, type Refusal } from '../core/refusal.js'
import { requestSeed } from './child-token.js'
import { toBase64url } from './base64url.js'
import { unauthorized } from './refusal.js'
import type { Asked } from './methods.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { JsonObject } from '../core/json.js'

const NAME = /^[A-Za-z0-9_-]{1,64}$/

/**
 * Closes a budget that was delegated, the token's own or one below it, with all below that: what is left goes back to the
 * nearest open budget above, and open holds finish. The budget that a token was minted on is the operator's to close. Answers with `{ returned }`.
 */
export function closeBudget(asked: Asked, params: JsonObject): MaybePromise<JsonObject | Refusal> {
  const { identity, enforcer, settings, key } = asked
  const { tokenId, authority } = identity.token
  const budget = budgetOf(asked, params.budget)
  if (budget === undefined) return badParams(asked.request, '`budget`, the id of one')
  // Nobody is above it to get back what is left, so that is for the operator.
  if (budget === authority.budget && authority.registrations.length === 0)
    return unauthorized(asked.request.tool, 'minted')
  return andThen(requestSeed(identity, key, 'close', settings), (seed) => {
    const close = { id: `close:${toBase64url(seed)}`, budget, why: 'closed', authority } as const
    return andThen(
      askStore(asked, 'closed', () => enforcer.close(close)),
      (closed) => {
        if (isRefusal(closed)) return closed
        const { returned } = closed
        settings.events.emit('closed', { tokenId, budget, returned })
        return { returned }
      },
    )
  })
}

/** The budget that a parameter names, in the tenant of the token; `undefined` for what names none of that tenant. */
export function budgetOf({ identity }: Asked, given: unknown): BudgetId | undefined {
  const { tenant } = identity.token
  if (typeof given !== 'string') return undefined
  const name = given.startsWith(`${tenant}/`) ? given.slice(tenant.length + 1) : given
  return NAME.test(name) ? `${tenant}/${name}` : undefined
}
