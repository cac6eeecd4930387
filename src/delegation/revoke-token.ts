import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { askStore, storeUnreached } from './ask-store.js'
import { badParams } from './method-params.js'
import { budgetOf } from './close-budget.js'
import { exp } from './caveats/exp.js'
import { isRefusal, refuse, type Refusal } from '../core/refusal.js'
import { isUnreached, reach } from '../budget/reach.js'
import { requestSeed } from './child-token.js'
import { toBase64url } from './base64url.js'
import { TOKEN_PREFIX } from './codec.js'
import { unauthorized } from './refusal.js'
import type { Asked } from './methods.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { BudgetView } from '../budget/enforcer.js'
import type { JsonObject } from '../core/json.js'

/** What is revoked: a prefix, and until when anybody could come with it. */
interface Target {
  readonly prefixId: string
  readonly until?: number
}

/**
 * Revokes a token that was made of the one that asks, or that itself, with all that was made of it; or the token of a
 * budget below. Budgets that were delegated by what is revoked are closed. Answers with `{ prefixId, returned }`.
 */
export function revokeToken(asked: Asked, params: JsonObject): MaybePromise<JsonObject | Refusal> {
  const { token, budget } = params
  if ((token === undefined) === (budget === undefined)) return badParams(asked.request, 'either `token` or `budget`')
  // A token that pays for nothing any more stops nobody either.
  return andThen(viewOf(asked, asked.identity.authority.budget), (own) => {
    if (isRefusal(own)) return own
    return andThen(token === undefined ? ofBudget(asked, budget) : ofToken(asked, token), (found) =>
      isRefusal(found) ? found : revoke(asked, found),
    )
  })
}

function revoke(asked: Asked, found: Target): MaybePromise<JsonObject | Refusal> {
  const { request, identity, enforcer, settings, key, gate } = asked
  const { tokenId, nonce, authority } = identity.token
  // The bans of a tenant are few enough to be kept, and one of its agents must not use them up.
  if (!gate.mayBan(nonce))
    return refuse(request.tool, { error: 'delegation_failed', reason: 'delegation_failed', tokenId, detail: 'full' })
  return andThen(requestSeed(identity, key, 'revoke', settings), (seed) => {
    const ban = { id: `revoke:${toBase64url(seed)}`, budget: authority.budget, ...found }
    return andThen(
      askStore(asked, 'revoked', () => enforcer.revoke(ban)),
      (revoked) => {
        if (isRefusal(revoked)) return revoked
        const answer = { prefixId: found.prefixId, returned: revoked.returned }
        settings.events.emit('revoked', { tokenId, ...answer })
        return answer
      },
    )
  })
}

function ofToken({ request, identity, gate, settings }: Asked, text: unknown): MaybePromise<Target | Refusal> {
  const bare = typeof text === 'string' && !text.startsWith(TOKEN_PREFIX)
  return andThen(gate.verifier.verify(text, { bare }), (found) => {
    if (found.kind === 'refused') return unauthorized(request.tool, found.reason)
    const [own, theirs] = [identity.authority.prefixIds, found.authority.prefixIds]
    // Whoever could revoke a token that it has not made could stop its siblings, and those above it.
    if (!own.every((prefixId, i) => theirs[i] === prefixId)) return unauthorized(request.tool, 'not_descendant')
    const ends = found.caveats.filter(({ kind }) => kind === exp).map(({ value }) => value as number)
    const until = ends.length === 0 ? {} : { until: Math.min(...ends) * 1_000 + 2 * settings.skewMs }
    return { prefixId: found.tokenId, ...until }
  })
}

function ofBudget(asked: Asked, given: unknown): MaybePromise<Target | Refusal> {
  const { request, identity } = asked
  const budget = budgetOf(asked, given)
  if (budget === undefined) return badParams(request, '`budget`, the id of one')
  return andThen(viewOf(asked, budget), (view): Target | Refusal => {
    if (isRefusal(view)) return view
    const { registration } = view
    // The prefix of its own budget is above a token, and others share it.
    const isBelow = registration !== undefined && !identity.authority.prefixIds.includes(registration)
    return isBelow ? { prefixId: registration } : unauthorized(request.tool, 'not_descendant')
  })
}

function viewOf(
  { request, identity: { authority }, enforcer, settings: { storeTimeoutMs: timeoutMs, clock } }: Asked,
  budget: BudgetId,
): MaybePromise<BudgetView | Refusal> {
  return andThen(
    reach(() => enforcer.describe(budget, authority), { timeoutMs, clock }),
    (view): BudgetView | Refusal => {
      if (!isUnreached(view)) return view
      // A throw for a budget that is none of the token's is no fault.
      return view.misuse ? unauthorized(request.tool, view.cause) : storeUnreached(request.tool, view.cause)
    },
  )
}
