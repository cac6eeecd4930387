import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { askStore } from './ask-store.js'
import { badParams, type DelegateParams } from './method-params.js'
import { canonicalJson, entriesSent, type JsonObject } from '../core/json.js'
import { childToken, requestSeed, type ChildToken } from './child-token.js'
import { crypto } from '#crypto'
import { isRefusal, refuse, type Refusal } from '../core/refusal.js'
import { mintChargeId } from '../core/ids.js'
import { toBase64url } from './base64url.js'
import type { Asked } from './methods.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { MoveResult } from '../budget/moves.js'
import type { WantedDelegation } from './options.js'

/**
 * Carves a budget out of that of the token, and makes the token that it pays for. The token is made and verified before
 * any credit moves; the move is one step of the store. A request that comes again with its key is answered as before,
 * with the same budget and the same token; with other parameters it is `idempotency_mismatch`.
 *
 * Refuses with `invalid_params`, `approval_required`, `delegation_failed`, `unauthorized`, `budget_unavailable`.
 */
export function delegate(asked: Asked, params: DelegateParams): MaybePromise<JsonObject | Refusal> {
  const { identity, key, settings } = asked
  return andThen(requestSeed(identity, key, 'delegate', settings), (seed) =>
    andThen(tokenOfChild(asked, params, seed), (child) => {
      if (isRefusal(child)) return child
      const { tokenId, authority } = identity.token
      const wanted = { tokenId, parent: authority.budget, amount: params.budget, label: params.label }
      return andThen(approved(asked, wanted), (refusal) => refusal ?? transferTo(asked, params, child))
    }),
  )
}

function tokenOfChild(asked: Asked, params: DelegateParams, seed: Uint8Array): MaybePromise<ChildToken | Refusal> {
  const { request, identity, settings, gate } = asked
  const { restrictions = {} } = params
  const now = settings.clock.now()
  const { exp } = restrictions
  if (exp !== undefined && !(Number.isSafeInteger(exp) && exp * 1_000 > now))
    return badParams(request, '`restrictions.exp` in the future, in seconds since 1970')
  let made: MaybePromise<ChildToken | undefined>
  try {
    made = childToken(identity, seed, restrictions, settings)
  } catch (error) {
    const expected = '`restrictions` as docs/reference/caveats.md says'
    return { ...badParams(request, expected), detail: error }
  }
  return andThen(made, (child) => {
    const failed = (reason: 'too_large' | 'delegation_failed'): Refusal =>
      refuse(request.tool, { error: 'delegation_failed', reason, tokenId: identity.token.tokenId })
    if (child === undefined) return failed('too_large')
    // Credits behind a token that nobody can use would be lost.
    return andThen(gate.verifier.verify(child.text), (token) => {
      const isNamed = token.kind === 'verified' && token.authority.budget.endsWith(`/${child.name}`)
      return isNamed && token.authority.registrations.at(-1)?.prefixId === child.registration
        ? child
        : failed('delegation_failed')
    })
  })
}

function approved({ request, settings, signal }: Asked, wanted: WantedDelegation): MaybePromise<Refusal | undefined> {
  const { approve, approveAbove } = settings
  if (approve === undefined || wanted.amount <= approveAbove) return undefined
  const no = (reason: 'approval_required' | 'approval_failed', detail?: unknown): Refusal =>
    refuse(request.tool, { error: 'approval_required', reason, cost: wanted.amount, detail })
  const ask = async (): Promise<Refusal | undefined> => {
    const isApproved = (await approve(wanted)) === true
    // Who gave it up would never learn of what was moved.
    return isApproved && signal?.aborted !== true ? undefined : no('approval_required')
  }
  return ask().catch((error: unknown) => no('approval_failed', error))
}

function transferTo(asked: Asked, params: DelegateParams, child: ChildToken): MaybePromise<JsonObject | Refusal> {
  const { identity, enforcer, settings, key, told } = asked
  const { tenant, tokenId, authority } = identity.token
  const { budget: amount, caps, label } = params
  const budget = `${tenant}/${child.name}`
  // Beyond the token's own end by as much as a gateway's clock may be wrong.
  const ends = child.exp === undefined ? {} : { expiresAt: child.exp * 1_000 + settings.skewMs }
  const create = { registration: child.registration, ...ends, ...(caps !== undefined && { caps }) }
  return andThen(crypto.sha256(canonicalJson(params)), (digest) => {
    // Of the same key with other parameters this is another request for a budget that is there already.
    const id = `delegate:${child.name}:${toBase64url(digest)}`
    const transfer = { id, from: authority.budget, to: budget, amount, create, authority }
    const move = (): MaybePromise<MoveResult> =>
      andThen(enforcer.transfer(transfer), (answer) => (isOther(answer, budget, key) ? OTHER : answer))
    return andThen(askStore(asked, 'moved', move), (moved) => {
      if (isRefusal(moved)) {
        // Nobody could ask for it again: what the store may have moved all the same goes back.
        if (moved.error === 'budget_unavailable' && key === undefined) undo(asked, budget, moved.detail)
        return moved
      }
      if (told(id)) settings.events.emit('delegated', { tokenId, parent: authority.budget, budget, amount, label })
      const { text: token, exp } = child
      const parentRemaining = settings.hideBalance ? undefined : moved.remaining
      const answer = { token, tokenId: child.tokenId, budget: amount, budgetId: budget, exp, parentRemaining }
      return Object.fromEntries(entriesSent(answer))
    })
  })
}

const OTHER: MoveResult = { kind: 'refused', reason: 'id_reused', budget: '', remaining: 0 }

/** Whether a store knows the budget of a key, and by another request. */
function isOther(answer: MoveResult, budget: BudgetId, key: string | undefined): boolean {
  const isRefused = answer?.kind === 'refused' && answer.reason === 'unknown_budget'
  return isRefused && answer.budget === budget && key !== undefined
}

function undo({ enforcer, identity, outbox, settings }: Asked, budget: BudgetId, cause: unknown): void {
  const chargeId = mintChargeId(settings.clock.now())
  const close = { id: `undo:${chargeId}`, budget, why: 'closed', authority: identity.authority } as const
  const post = (): MaybePromise<string | undefined> =>
    andThen(enforcer.close(close), (end) => (end.kind === 'refused' ? end.reason : undefined))
  outbox.add({ chargeId, post }, cause)
}
