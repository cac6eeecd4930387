import { available, isAbove, refuseMove, type OracleBook, type OracleBudget } from './oracle-book.js'
import { budgetId, tenantOf } from '../../budget/budget-id.js'
import type { EnforcerReason, MoveResult, TransferRequest } from '../../budget/enforcer.js'
import type { OracleTokens } from './oracle-tokens.js'

/** What a store must answer to a transfer, and what it moves. */
export function transfer(book: OracleBook, tokens: OracleTokens, request: TransferRequest, now: number): MoveResult {
  const { from: fromId, to: toId, amount, create = false, authority } = request
  if (tenantOf(budgetId(fromId)) !== tenantOf(budgetId(toId))) return refuseMove('cross_partition', toId)
  const from = book.find(fromId)
  const known = book.find(toId)
  const spent = known !== undefined && known === from?.parent ? 0 : amount
  const use = authority && { authority, amount: spent, isCall: false }
  const left = authority === undefined ? Infinity : tokens.left(authority)
  if (authority !== undefined) {
    const payer = tokens.payer(authority)
    if (from === undefined || payer === undefined) return refuseMove('unknown_budget', fromId)
    if (known === undefined && create === false) return refuseMove('unknown_budget', toId)
    const isNear = known === undefined || known === from.parent || isAbove(from, known)
    if (payer !== from || !isNear) return refuseMove('not_descendant', toId)
  }
  if (from?.state !== 'open') return refuseMove(from === undefined ? 'unknown_budget' : 'closed', fromId)
  if (known === undefined ? create === false : known.state !== 'open')
    return refuseMove(known === undefined ? 'unknown_budget' : 'closed', toId)
  if (known !== undefined && create !== false) {
    if (known.parent !== from) return refuseMove('unknown_budget', toId)
    if (create !== true && known.by !== request.id) return refuseMove('unknown_budget', toId)
    if (create !== true) return { kind: 'moved', remaining: Math.min(available(from), left) }
  }
  if (known === undefined && typeof create === 'object' && (create.expiresAt ?? Infinity) <= now)
    return refuseMove('closed', toId)
  const reason = firstReason(from)
  if (reason !== undefined) {
    return refuseMove(reason, fromId, reason === 'revoked' ? 0 : Math.min(available(from), left))
  }
  from.out += amount
  const to = known ?? book.add(toId, undefined, from)
  to.in += amount
  if (known === undefined && typeof create === 'object') {
    to.created = create
    to.origin = authority
    to.by = request.id
  }
  if (use !== undefined) tokens.count(use, now)
  return { kind: 'moved', remaining: Math.min(available(from), left - spent) }

  function firstReason(payer: OracleBudget): EnforcerReason | undefined {
    const isNew = typeof create === 'object'
    if (known === undefined && payer.window !== undefined) return 'windowed'
    if (use !== undefined && tokens.isRevoked(use.authority)) return 'revoked'
    const capped = known === payer.parent ? undefined : capOf(payer, isNew, amount)
    if (capped !== undefined) return capped
    const refused = use && tokens.refuse(use, now)
    if (refused !== undefined) return refused.reason
    const verdict = book.judge(payer, amount)
    return verdict.allowed ? undefined : verdict.reason
  }
}

function capOf(from: OracleBudget, isNew: boolean, amount: number): EnforcerReason | undefined {
  const line = [from]
  for (let above = from.parent; above !== undefined; above = above.parent) line.push(above)
  const isTooDeep = line.some(({ created }, level) => level + 1 > (created?.caps?.depth ?? 16)) || line.length > 16
  if (isNew && isTooDeep) return 'depth_exceeded'
  const live = from.children.filter(({ state }) => state !== 'closed').length
  if (isNew && live >= (from.created?.caps?.children ?? 1_000)) return 'children_exceeded'
  return amount > (from.created?.caps?.amount ?? Infinity) ? 'amount_exceeded' : undefined
}
