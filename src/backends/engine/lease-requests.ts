import { assertAuthority } from './delegation-requests.js'
import { assertCredits } from '../../core/credits.js'
import { assertEnd, assertId, assertTtl } from './hold-requests.js'
import { invalid, isCount } from '../../core/settings.js'
import type { LeaseRequest, RenewRequest, SettleRequest } from '../../budget/lease.js'

/** @throws BudgetError `invalid_request`, `invalid_credits`, `invalid_budget_id` */
export function assertLease({ id, instance, ttlMs, least, most, authority }: LeaseRequest): void {
  assertId(id, 'id')
  assertId(instance, 'instance')
  assertTtl(ttlMs)
  assertCredits(least, 'least')
  assertCredits(most, 'most')
  if (!isCount(least, 1)) throw invalid('least', 'an amount from 1', least)
  if (most < least) throw invalid('most', `an amount from \`least\`, ${least}`, most)
  assertAuthority(authority)
  const { ceilings, calls, rates } = authority ?? {}
  const limits = [ceilings, calls, rates].reduce((sum, each) => sum + (each?.length ?? 0), 0)
  if (limits > 0) throw invalid('authority', 'one without limits, which cannot be leased', `${limits} limits`)
}

/** @throws BudgetError `invalid_request`, `invalid_credits`, `invalid_budget_id` */
export function assertRenew({ ttlMs, authority, ...rest }: RenewRequest): void {
  assertSettle(rest)
  assertTtl(ttlMs)
  assertAuthority(authority)
}

/** @throws BudgetError `invalid_request`, `invalid_credits` */
export function assertSettle({ id, leaseId, used }: SettleRequest): void {
  assertEnd(id, leaseId)
  assertCredits(used, 'used')
}
