import { budgetId } from '../../budget/budget-id.js'
import { BudgetRecord } from './budget-record.js'
import { closedOr, refusedMove, type Book } from './book.js'
import { Delegated, endOf, isBelow } from './delegated.js'
import { fits, incomingChange } from '../../budget/hold.js'
import { transferChanges } from './handed-on.js'
import type { Authorities } from './authorities.js'
import type { EnforcerReason, MoveResult, TransferRequest } from '../../budget/enforcer.js'

/** So many budgets stand below one another, and so many beside one another. */
const DEPTH = 16
const CHILDREN = 1_000

/** Moves credits, or nothing; may create the budget that gets them. */
export function transfer(book: Book, authorities: Authorities, request: TransferRequest, at: number): MoveResult {
  const { amount, create = false, authority } = request
  const [fromId, toId] = [budgetId(request.from), budgetId(request.to)]
  if (book.partitionOf(fromId) !== book.partitionOf(toId)) return refusedMove('cross_partition', toId)
  const from = book.find(fromId)
  const known = book.find(toId)
  if (authority !== undefined) {
    const payer = from && authorities.payer(authority)
    if (payer === undefined) return refusedMove('unknown_budget', fromId)
    if (known === undefined && create === false) return refusedMove('unknown_budget', toId)
    const isNear = known === undefined || known === payer.parent || isBelow(known, payer)
    if (payer !== from || !isNear) return refusedMove('not_descendant', toId)
  }
  if (from?.state !== 'open') return refusedMove(closedOr(from), fromId)
  if (known?.state !== 'open' && (create === false || known !== undefined)) return refusedMove(closedOr(known), toId)
  if (known !== undefined && create !== false) {
    if (known.parent !== from) return refusedMove('unknown_budget', toId)
    if (create !== true && known.delegated?.by !== request.id) return refusedMove('unknown_budget', toId)
  }
  const isDown = known === undefined || known !== from.parent
  const counted = { amount: isDown ? amount : 0, isCall: false }
  const left = authority === undefined ? Infinity : authorities.left(authority)
  // Whoever creates it twice has not heard the first answer, however long ago that was.
  if (known !== undefined && typeof create === 'object')
    return { kind: 'moved', remaining: Math.min(from.available, left) }
  const refused = (reason: EnforcerReason): MoveResult =>
    refusedMove(reason, fromId, Math.min(from.available, reason === 'revoked' ? 0 : left))
  if (known === undefined && typeof create === 'object' && (create.expiresAt ?? Infinity) <= at)
    return refusedMove('closed', toId)
  if (known === undefined && from.window !== undefined) return refused('windowed')
  if (authority !== undefined && authorities.isRevoked(authority)) return refused('revoked')
  const beyond = isDown ? beyondCaps(from, typeof create === 'object', amount) : undefined
  if (beyond !== undefined) return refused(beyond)
  const used = authority === undefined ? undefined : authorities.refuse(authority, counted, at)
  if (used !== undefined) return refused(used.reason)
  const verdict = book.judge(from, amount)
  if (!verdict.allowed) return refused(verdict.reason)
  if (known !== undefined && !fits(known, incomingChange(known, amount))) {
    return refusedMove('overflow', toId, authority === undefined ? known.available : 0)
  }
  // After this point the transfer must succeed.
  const to = known ?? child(from, request)
  book.commit(transferChanges(from, to, amount), { op: 'transfer', id: request.id, at })
  if (known === undefined) book.add(to)
  if (authority !== undefined) authorities.count(authority, counted, at)
  return { kind: 'moved', remaining: Math.min(from.available, left - counted.amount) }
}

function child(from: BudgetRecord, { id, to, create, authority }: TransferRequest): BudgetRecord {
  const record = new BudgetRecord(budgetId(to), from.partition, undefined, from)
  if (typeof create !== 'object') return record
  const origin = authority && {
    prefixIds: [...authority.prefixIds],
    nonce: authority.nonce,
    issuedAt: authority.issuedAt,
  }
  const end = Math.min(create.expiresAt ?? Infinity, endOf(from))
  record.delegated = new Delegated(record, { ...create, caps: { ...create.caps } }, id, origin, end)
  return record
}

/** Which cap of a budget, or of one above it, a transfer to a budget below it would pass. */
function beyondCaps(from: BudgetRecord, isNew: boolean, amount: number): EnforcerReason | undefined {
  const { children = CHILDREN, amount: most = Infinity } = from.delegated?.terms.caps ?? {}
  let levels = 0
  for (let each: BudgetRecord | undefined = from; isNew && each !== undefined; each = each.parent) {
    if (++levels > Math.min(DEPTH, each.delegated?.terms.caps?.depth ?? DEPTH)) return 'depth_exceeded'
  }
  if (isNew && from.liveChildren >= Math.min(CHILDREN, children)) return 'children_exceeded'
  return amount > most ? 'amount_exceeded' : undefined
}
