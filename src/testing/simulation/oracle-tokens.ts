import { available, familyOf, isAbove, type OracleBook, type OracleBudget } from './oracle-book.js'
import { budgetId, tenantOf } from '../../budget/budget-id.js'
import type { Authority, PrefixLimit, Rate, UsedLimit } from '../../budget/authority.js'
import type { Credits } from '../../core/credits.js'
import type { CloseRequest, CloseResult, EnforcerReason } from '../../budget/enforcer.js'
import type { RevokeRequest, RevokeResult } from '../../budget/moves.js'

/** What a token was counted with. */
export interface OracleUse {
  readonly authority: Authority
  readonly amount: Credits
  readonly isCall: boolean
}

/** What tokens may do, in the plainest way: every request walks the whole chain, and nothing is ever forgotten. */
export class OracleTokens {
  readonly #book: OracleBook
  /** Credits or calls, by prefix. */
  readonly #used = new Map<string, number>()
  /** When a rate would be even again, in parts of a millisecond of which `calls` make one. */
  readonly #even = new Map<string, bigint>()
  readonly #revoked: RevokeRequest[] = []

  constructor(book: OracleBook) {
    this.#book = book
  }

  /** The budget that pays. */
  payer({ budget, registrations }: Authority): OracleBudget | undefined {
    const chain = [registrations[0]?.parent ?? budget, ...registrations.map((each) => each.budget)]
    const records = chain.map((id) => this.#book.find(id))
    const isRegistered = registrations.every(({ prefixId, parent }, i) => {
      const [above, record] = [records[i], records[i + 1]]
      return above?.id === budgetId(parent) && record?.created?.registration === prefixId && record.parent === above
    })
    const payer = records.at(-1)
    if (records[0]?.created !== undefined) return undefined
    return isRegistered && payer?.id === budgetId(budget) ? payer : undefined
  }

  isRevoked({ prefixIds, nonce, issuedAt, budget, registrations }: Authority): boolean {
    const chain = [budget, ...registrations.map(({ parent }) => parent)].map(budgetId)
    return this.#revoked.some((request) => {
      if (tenantOf(budgetId(request.budget)) !== tenantOf(budgetId(budget))) return false
      if ('prefixId' in request) return prefixIds.includes(request.prefixId)
      if ('nonce' in request) return nonce === request.nonce
      return chain.includes(budgetId(request.budget)) && issuedAt < request.issuedBefore
    })
  }

  /** Why a token does not serve, of what the store would say after `windowed`. */
  refuse(use: OracleUse, now: number): { readonly reason: EnforcerReason; readonly resetAt?: number } | undefined {
    const { authority, amount, isCall } = use
    if (this.isRevoked(authority)) return { reason: 'revoked' }
    const isOver = (limits: readonly PrefixLimit[], more: number): boolean =>
      this.usedOf(limits).some(({ used, limit }) => used + more > limit)
    if (isOver(authority.ceilings, amount) || (isCall && isOver(authority.calls, 1))) return { reason: 'ceiling' }
    for (const rate of isCall ? authority.rates : []) {
      const resetAt = this.#admitsAt(rate, now)
      if (resetAt > now) return { reason: 'rate', resetAt }
    }
    return undefined
  }

  count({ authority, amount, isCall }: OracleUse, now: number): void {
    this.add(authority.ceilings, amount)
    if (!isCall) return
    this.add(authority.calls, 1)
    for (const { prefixId, calls, seconds } of authority.rates) {
      const due = BigInt(now) * BigInt(calls)
      const even = this.#even.get(prefixId) ?? due
      this.#even.set(prefixId, (even > due ? even : due) + BigInt(seconds) * 1_000n)
    }
  }

  add(limits: readonly PrefixLimit[], more: number): void {
    for (const { prefixId } of limits) this.#used.set(prefixId, (this.#used.get(prefixId) ?? 0) + more)
  }

  usedOf(limits: readonly PrefixLimit[]): UsedLimit[] {
    return limits.map((limit) => ({ ...limit, used: this.#used.get(limit.prefixId) ?? 0 }))
  }

  /** The least that the token may still spend. */
  left({ ceilings }: Pick<Authority, 'ceilings'>): Credits {
    return Math.max(0, Math.min(Infinity, ...this.usedOf(ceilings).map(({ limit, used }) => limit - used)))
  }

  close({ budget: name, authority }: CloseRequest): CloseResult {
    const budget = this.#book.find(name)
    const payer = authority && this.payer(authority)
    if (authority === undefined || budget === undefined) return this.#book.close(name)
    if (payer === undefined) return { kind: 'refused', reason: 'unknown_budget' }
    if (budget !== payer && !isAbove(payer, budget)) return { kind: 'refused', reason: 'not_descendant' }
    const isRevoked = budget.state === 'open' && this.isRevoked(authority)
    return isRevoked ? { kind: 'refused', reason: 'revoked' } : this.#book.close(name)
  }

  revoke(request: RevokeRequest): RevokeResult {
    const named = this.#book.find(request.budget)
    if (named === undefined) return { kind: 'refused', reason: 'unknown_budget' }
    this.#revoked.push(request)
    const closing = [...this.#book.budgets.values()].filter((each) => {
      const { created, origin } = each
      if (created === undefined || rootOf(each) !== rootOf(named)) return false
      if ('prefixId' in request)
        return created.registration === request.prefixId || (origin?.prefixIds.includes(request.prefixId) ?? false)
      if ('nonce' in request) return origin?.nonce === request.nonce
      const isUnder = each === named || isAbove(named, each)
      return isUnder && origin !== undefined && origin.issuedAt < request.issuedBefore
    })
    const family = new Set(closing.flatMap(familyOf))
    const returned = [...family].reduce((sum, each) => sum + available(each), 0)
    this.#book.closeAll([...family])
    return { kind: 'revoked', returned }
  }

  #admitsAt({ prefixId, calls, seconds }: Rate & { readonly prefixId: string }, now: number): number {
    const [parts, period] = [BigInt(calls), BigInt(seconds) * 1_000n]
    const due = BigInt(now) * parts
    const even = this.#even.get(prefixId) ?? due
    const late = (even > due ? even : due) + period - parts * period - due
    return late <= 0n ? now : now + Number((late + parts - 1n) / parts)
  }
}

function rootOf(budget: OracleBudget): OracleBudget {
  return budget.parent === undefined ? budget : rootOf(budget.parent)
}
