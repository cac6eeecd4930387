import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import { isBelow, type Origin } from './delegated.js'
import type { Authority } from '../../budget/authority.js'
import type { RevokeRequest } from '../../budget/moves.js'
import type { BudgetRecord } from './budget-record.js'

/** How many prefixes and nonces are banned in one partition. */
export const MOST_BANS = 100_000

/** What is revoked in one partition. A ban is forgotten only when its time is over and the room is needed. */
export class Revocations {
  /** Grows with each ban: what none covered then is covered by a later one only. */
  version = 0
  /** By prefix or nonce: when it may be forgotten. */
  readonly prefixes = new Map<string, number>()
  readonly nonces = new Map<string, number>()
  /** By budget: the second before which its tokens must not have been minted. */
  readonly cutoffs = new Map<BudgetId, number>()
  readonly #elsewhere: number

  /** @param elsewhere how many are banned beside those that are put in */
  constructor(elsewhere = 0) {
    this.#elsewhere = elsewhere
  }

  get size(): number {
    return this.prefixes.size + this.nonces.size + this.#elsewhere
  }

  /** Whether there is room for one more. */
  hasRoom(now: number): boolean {
    if (this.size >= MOST_BANS) {
      for (const bans of [this.prefixes, this.nonces]) {
        for (const [id, until] of bans) if (until <= now) bans.delete(id)
      }
    }
    return this.size < MOST_BANS
  }

  ban(request: RevokeRequest): void {
    this.version++
    const { until = Infinity } = request
    if ('issuedBefore' in request) {
      const budget = budgetId(request.budget)
      this.cutoffs.set(budget, Math.max(request.issuedBefore, this.cutoffs.get(budget) ?? 0))
    } else {
      const [bans, id] =
        'nonce' in request ? [this.nonces, request.nonce] : ([this.prefixes, request.prefixId] as const)
      bans.set(id, Math.max(until, bans.get(id) ?? 0))
    }
  }

  /** Whether a token is revoked. */
  covers({ prefixIds, nonce, issuedAt, budget, registrations }: Authority): boolean {
    if (this.version === 0) return false
    // Told the other way round, a time that is no number would be late enough.
    const isOld = (id: BudgetId): boolean => !(issuedAt >= (this.cutoffs.get(budgetId(id)) ?? -Infinity))
    return (
      prefixIds.some((id) => this.prefixes.has(id)) ||
      this.nonces.has(nonce) ||
      isOld(budget) ||
      registrations.some(({ parent }) => isOld(parent))
    )
  }
}

/** Whether a budget was delegated by what a request revokes. */
export function isRevokedWith(budget: BudgetRecord, request: RevokeRequest, named: BudgetRecord): boolean {
  const { origin, terms } = budget.delegated ?? {}
  const { prefixIds, nonce, issuedAt }: Partial<Origin> = origin ?? {}
  if ('prefixId' in request)
    return terms?.registration === request.prefixId || (prefixIds?.includes(request.prefixId) ?? false)
  if ('nonce' in request) return nonce === request.nonce
  return (budget === named || isBelow(budget, named)) && issuedAt !== undefined && issuedAt < request.issuedBefore
}
