import { budgetId } from '../../budget/budget-id.js'
import { leaseAmount } from './lease-record.js'
import { reconcileChange } from '../../budget/hold.js'
import { tokenIdOf, type Authorities } from './authorities.js'
import type { Authority } from '../../budget/authority.js'
import type { Book } from './book.js'
import type { BudgetRecord } from './budget-record.js'
import type { Credits } from '../../core/credits.js'
import type { EnforcerReason } from '../../budget/enforcer.js'
import type { Holds } from './holds.js'
import type { HoldRecord, Lease } from './hold-record.js'
import type { HoldTable } from './records.js'
import type {
  LeaseRequest,
  LeaseResult,
  ReconcileResult,
  RenewRequest,
  RenewResult,
  SettleRequest,
  SettleResult,
} from '../../budget/lease.js'

/** So much of what is left goes to one of the open leases: a quarter of its even share. */
const SHARE = 4

/** Leases: holds for a process that decides by itself. Silence charges them in full. */
export class Leases {
  readonly #book: Book
  readonly #table: HoldTable
  readonly #authorities: Authorities
  readonly #holds: Holds

  constructor(book: Book, table: HoldTable, authorities: Authorities, holds: Holds) {
    this.#book = book
    this.#table = table
    this.#authorities = authorities
    this.#holds = holds
  }

  lease(request: LeaseRequest, now: number): LeaseResult {
    const { id, ttlMs, least, most, instance, authority } = request
    const known = this.#table.find(id)
    if (known !== undefined) return isLeaseOf(known, request) ? answerOf(known) : reused(request)
    const budget = this.#book.find(request.budget)
    const live = (budget?.leases ?? 0) + 1
    const amount = Math.min(most, Math.max(least, Math.floor((budget?.available ?? 0) / (SHARE * live))))
    const lease: Lease = { instance, least, most, live, expiresAt: now + ttlMs, used: 0 }
    const lines = [{ budget: request.budget, amount }]
    const hold = { id, lines, ttlMs, onExpire: 'capture', ...(authority !== undefined && { authority }) } as const
    this.#holds.place(hold, now, lease)
    return answerOf(this.#table.find(id) as HoldRecord)
  }

  renew({ leaseId, used, ttlMs, authority }: RenewRequest, now: number): RenewResult {
    const hold = this.#holds.findLease(leaseId)
    const reason = refuseOpen(hold, used)
    if (hold?.lease === undefined || reason !== undefined) return refused(reason ?? 'unknown_hold')
    hold.lease.used = Math.max(hold.lease.used, used)
    const { budget } = hold.lines[0] as { budget: BudgetRecord }
    const denied = this.#refuseGoingOn(budget, hold, authority)
    if (denied !== undefined) return refused(denied)
    this.#holds.prolong(hold, Math.max(hold.deadline, now + ttlMs))
    const { available, leases, leased } = budget
    // More is out than is left.
    return {
      kind: 'renewed',
      expiresAt: hold.deadline,
      remaining: available,
      live: leases,
      recall: available < leased,
    }
  }

  settle({ id, leaseId, used }: SettleRequest, now: number): SettleResult {
    const hold = this.#holds.findLease(leaseId)
    const { end } = hold ?? {}
    if (hold?.lease !== undefined && end?.id === id && hold.state === 'captured')
      return end.amount === used ? settled(end) : refused('id_reused')
    const reason = refuseOpen(hold, used)
    if (hold?.lease === undefined || reason !== undefined) return refused(reason ?? 'unknown_hold')
    // Less than was reported is what was on its way for long.
    const charged = Math.max(used, hold.lease.used)
    const made = this.#holds.end(hold, { kind: 'capture', amount: charged, overage: 'cap' }, id, now)
    if (made === undefined) return refused('overflow')
    hold.end = { ...made, amount: used }
    return settled(made)
  }

  reconcile({ id, leaseId, used }: SettleRequest, now: number): ReconcileResult {
    const hold = this.#holds.findLease(leaseId)
    const { lease } = hold ?? {}
    if (hold === undefined || lease === undefined || hold.state === 'refused') return refused('unknown_hold')
    const { reconciled } = lease
    if (reconciled?.id === id) return reconciled.used === used ? gaveBack(reconciled.returned) : refused('id_reused')
    if (hold.state === 'open') return refused('lease_open')
    if (hold.state !== 'expired' || reconciled !== undefined) return refused('hold_ended')
    const amount = leaseAmount(hold)
    if (used > amount) return refused('amount_exceeded')
    const returned = amount - Math.max(used, lease.used)
    const { budget } = hold.lines[0] as { budget: BudgetRecord }
    const note = { op: 'reconcile', id: leaseId, at: now } as const
    const closing = budget.state === 'open' ? undefined : new Set([budget])
    if (returned > 0) this.#book.commit([{ budget, change: reconcileChange(budget, returned) }], note, closing)
    budget.forfeited -= amount - lease.used
    lease.reconciled = { id, used, returned }
    this.#table.end(hold, now)
    return gaveBack(returned)
  }

  // A lease ends with the right to spend, so that this reaches a process within the lease's time.
  #refuseGoingOn(budget: BudgetRecord, hold: HoldRecord, authority: Authority | undefined): EnforcerReason | undefined {
    if (hold.token !== tokenIdOf(authority)) return 'unknown_budget'
    if (authority !== undefined && this.#authorities.payer(authority) !== budget) return 'unknown_budget'
    if (budget.state !== 'open') return 'closed'
    return authority !== undefined && this.#authorities.isRevoked(authority) ? 'revoked' : undefined
  }
}

/** Why a lease cannot be used any more, or never had so much. */
function refuseOpen(hold: HoldRecord | undefined, used: Credits): EnforcerReason | undefined {
  if (hold === undefined || hold.state === 'refused') return 'unknown_hold'
  if (hold.state === 'expired') return 'lease_forfeited'
  if (hold.state !== 'open') return 'hold_ended'
  return used > leaseAmount(hold) ? 'amount_exceeded' : undefined
}

function isLeaseOf(hold: HoldRecord, { budget, instance, ttlMs, least, most, authority }: LeaseRequest): boolean {
  const { lease, token, lines, refused: by } = hold
  const own = lines[0]?.budget.id ?? budgetId(by?.lines[0]?.budget ?? budget)
  const same = lease?.instance === instance && lease.least === least && lease.most === most
  return same && hold.ttlMs === ttlMs && token === tokenIdOf(authority) && own === budgetId(budget)
}

function answerOf(hold: HoldRecord): LeaseResult {
  const { id, lease, refused: by, remaining } = hold
  if (lease === undefined || by !== undefined)
    return { kind: 'refused', reason: 'unknown_budget', budget: 'none', remaining, ...by?.by }
  const { expiresAt, live } = lease
  return { kind: 'leased', leaseId: id, amount: leaseAmount(hold), expiresAt, remaining, live }
}

function reused({ budget }: LeaseRequest): LeaseResult {
  return { kind: 'refused', reason: 'id_reused', budget: budgetId(budget), remaining: 0 }
}

function settled({ charged, returned }: { charged: Credits; returned: Credits }): SettleResult {
  return { kind: 'settled', charged, returned }
}

function gaveBack(returned: Credits): ReconcileResult {
  return { kind: 'reconciled', returned }
}

function refused(reason: EnforcerReason): { readonly kind: 'refused'; readonly reason: EnforcerReason } {
  return { kind: 'refused', reason }
}
