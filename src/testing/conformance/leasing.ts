import { expectThat } from './check.js'
import type { LeaseRequest, LeaseResult, LeasingEnforcer } from '../../budget/lease.js'
import type { Subject } from './subject.js'

/** How long the leases of the kit last. */
export const LEASE_MS = 30_000

/** The store, which leases. */
export function leasing({ store }: Subject): LeasingEnforcer {
  return store as LeasingEnforcer
}

/** A request for a lease on `main`, or as `more` says. */
export function leaseOf(c: Subject, more: Partial<LeaseRequest> = {}): LeaseRequest {
  return { id: c.charge(), budget: 'main', instance: 'a', ttlMs: LEASE_MS, least: 1, most: 1_000, ...more }
}

/** A lease, which must be given. */
export async function lent(
  c: Subject,
  more: Partial<LeaseRequest> = {},
): Promise<Extract<LeaseResult, { kind: 'leased' }>> {
  const answer = await leasing(c).lease(leaseOf(c, more))
  expectThat(answer.kind === 'leased', `lease: wanted one, got ${JSON.stringify(answer)}`)
  return answer as Extract<LeaseResult, { kind: 'leased' }>
}
