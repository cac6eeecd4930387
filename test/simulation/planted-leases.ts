import type { LeasingEnforcer, RenewRequest, SettleRequest } from '../../src/budget/lease.js'
import type { MaybePromise } from '../../src/core/maybe-promise.js'
import type { Plant } from './lease-world.js'

/** The same store, but for some verbs. */
function changed(inner: LeasingEnforcer, verbs: Partial<LeasingEnforcer>): LeasingEnforcer {
  return new Proxy(inner, {
    get: (target, verb: keyof LeasingEnforcer) => verbs[verb] ?? target[verb]?.bind(target),
  })
}

/** Mistakes that a store or a client that leases may make. */
export const PLANTED_LEASES: Readonly<Record<string, Plant>> = {
  'what was not reported is given back, and not forfeited': {
    store: (inner) => {
      const used = new Map<string, number>()
      const give = (): void => {
        for (const [leaseId, most] of used) {
          const { kind } = inner.reconcile({ id: `${leaseId}.x`, leaseId, used: most })
          if (kind === 'reconciled') used.delete(leaseId)
        }
      }
      return changed(inner, {
        lease(request) {
          give()
          const answer = inner.lease(request)
          if (answer.kind === 'leased' && !used.has(answer.leaseId)) used.set(answer.leaseId, 0)
          return answer
        },
        renew(request) {
          give()
          used.set(request.leaseId, Math.max(request.used, used.get(request.leaseId) ?? 0))
          return inner.renew(request)
        },
        hold(request) {
          give()
          return inner.hold(request)
        },
      })
    },
  },
  'reports are differences, and not sums': {
    store: (inner) => {
      const sums = new Map<string, number>()
      const sum = <Request extends SettleRequest>(request: Request): Request => {
        const used = request.used + (sums.get(request.leaseId) ?? 0)
        sums.set(request.leaseId, used)
        return { ...request, used }
      }
      return changed(inner, {
        renew: (request) => inner.renew(sum(request)),
        settle: (request) => inner.settle(sum(request)),
      })
    },
    client: (store) => {
      const sent = new Map<string, number>()
      const once = new Map<string, number>()
      const difference = <Request extends RenewRequest | SettleRequest>(request: Request): Request => {
        const { id, leaseId, used } = request
        const known = once.get(id)
        if (known !== undefined) return { ...request, used: known }
        const more = used - (sent.get(leaseId) ?? 0)
        sent.set(leaseId, used)
        once.set(id, more)
        return { ...request, used: more }
      }
      return changed(store, {
        renew: (request) => store.renew(difference(request)),
        settle: (request) => store.settle(difference(request)),
      })
    },
  },
  'a lease is put into the wallet twice': {
    client: (store) =>
      changed(store, {
        async lease(request) {
          const answer = await store.lease(request)
          return answer.kind === 'leased' ? { ...answer, amount: 2 * answer.amount } : answer
        },
      }),
  },
  'a process whose lease is over gives it back': {
    store: (inner) =>
      changed(inner, {
        settle(request): MaybePromise<Awaited<ReturnType<LeasingEnforcer['settle']>>> {
          const answer = inner.settle(request)
          if (answer.kind !== 'refused' || answer.reason !== 'lease_forfeited') return answer
          const rest = 8 - request.used
          if (rest > 0) inner.grant({ id: `${request.id}.z`, budget: 'default/main', amount: rest })
          return { kind: 'settled', charged: request.used, returned: rest }
        },
      }),
  },
  'a lease that comes after its end is not barred': {
    late: true,
    client: (store) => changed(store, { release: () => ({ kind: 'refused', reason: 'unknown_hold' }) }),
  },
}
