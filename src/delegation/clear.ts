import { caveatHolds, type CaveatKind } from './caveat.js'
import type { Authority } from '../budget/authority.js'
import { TOKEN_OPS, type ClearRequest } from './request.js'
import type { TokenRefusal, VerifiedToken } from './verified-token.js'

/** A token that serves for a request, as far as that can be judged without a store. */
export interface Cleared {
  readonly kind: 'cleared'
  /** What the store judges, in the same step in which it holds the credits. */
  readonly authority: Authority
}

/**
 * Holds a verified token against a request: every caveat must hold, in any order, and no caveat can do more than deny.
 * So a token with more caveats never serves for a request for which it does not serve with fewer.
 *
 * @returns the authority for the store, or the first caveat that does not hold. Never throws
 * @example
 * ```ts
 * const cleared = clear(token, { op: 'call', tool: 'web_search', args, cost: 5, now: Date.now() })
 * if (cleared.kind === 'refused') console.log(cleared.reason)
 * ```
 */
export function clear(token: VerifiedToken, request: ClearRequest): Cleared | TokenRefusal {
  return clearSome(token, request, () => true)
}

/** As {@link clear}, of some kinds of caveats alone: what reads the price is judged when there is one. */
export function clearSome(
  token: VerifiedToken,
  request: ClearRequest,
  isAsked: (kind: CaveatKind) => boolean,
): Cleared | TokenRefusal {
  const { tenant, caveats, authority } = token
  if (!TOKEN_OPS.includes(request.op)) return { kind: 'refused', reason: 'op_not_allowed' }
  if (request.tenant !== undefined && request.tenant !== tenant) return { kind: 'refused', reason: 'tenant_mismatch' }
  const caveat = caveats.findIndex(
    (each) => isAsked(each.kind) && !caveatHolds(each, request, { tenant, budgetsAfter: each.budgetsAfter }),
  )
  if (caveat === -1) return { kind: 'cleared', authority }
  return { kind: 'refused', reason: caveats[caveat]?.kind.reason ?? 'custom_caveat', caveat }
}
