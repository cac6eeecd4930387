import { intercept } from '../../src/testing/verbs.js'
import { InMemoryBudgetEnforcer } from '../../src/backends/memory/in-memory-budget-enforcer.js'
import type { Authority } from '../../src/budget/authority.js'
import type { Clock } from '../../src/core/clock.js'
import type { HoldingEnforcer, HoldRequest, TransferRequest } from '../../src/budget/enforcer.js'
import type { RevokeRequest } from '../../src/budget/moves.js'

interface Changes {
  readonly hold?: (request: HoldRequest, store: InMemoryBudgetEnforcer) => HoldRequest
  readonly transfer?: (request: TransferRequest) => TransferRequest
  readonly revoke?: (request: RevokeRequest, store: InMemoryBudgetEnforcer) => RevokeRequest
}

/** The memory store, which is asked for something else than it was. */
function asked(changes: Changes): (clock: Clock) => HoldingEnforcer {
  return (clock) => {
    const store = new InMemoryBudgetEnforcer({ clock })
    return intercept(store, (call, run) => {
      if (call.verb === 'hold' && changes.hold) return store.hold(changes.hold(call.args[0], store))
      if (call.verb === 'transfer' && changes.transfer) return store.transfer(changes.transfer(call.args[0]))
      if (call.verb === 'revoke' && changes.revoke) return store.revoke(changes.revoke(call.args[0], store))
      return run()
    })
  }
}

/** A request whose authority says something else. */
function saying<Request extends { readonly authority?: Authority }>(
  request: Request,
  change: (authority: Authority) => Partial<Authority>,
): Request {
  const { authority } = request
  return authority === undefined ? request : { ...request, authority: { ...authority, ...change(authority) } }
}

const tail = ({ prefixIds }: Authority): string => prefixIds.at(-1) ?? ''
let unique = 0

/** Mistakes that are made with tokens, each planted into the memory store. */
export const PLANTED_TOKENS: Readonly<Record<string, (clock: Clock) => HoldingEnforcer>> = {
  'an authority that nobody judges': asked({
    hold: ({ authority: _authority, ...request }) => request,
  }),
  'a closed child whose parent pays': asked({
    hold(request, store) {
      const parent = request.authority?.registrations.at(-1)?.parent
      const isGone = parent !== undefined && !store.check(request.authority?.budget ?? '', 0).allowed
      if (!isGone) return request
      const { authority: _authority, ...bare } = request
      return { ...bare, lines: request.lines.map((line) => ({ ...line, budget: parent })) }
    },
  }),
  'counts by token, and not by prefix': asked({
    hold: (request) =>
      saying(request, (authority) => ({
        ceilings: authority.ceilings.map((each) => ({ ...each, prefixId: `${tail(authority)} ${each.prefixId}` })),
      })),
  }),
  'bans of one token, and not of a prefix': asked({
    hold: (request) => saying(request, (authority) => ({ prefixIds: [tail(authority)] })),
  }),
  'a revocation that leaves the children alive': asked({
    revoke(request, store) {
      if ('issuedBefore' in request) return request
      const [tenant] = request.budget.includes('/') ? request.budget.split('/') : ['default']
      store.initialize(`${tenant}/aside`, 0)
      return { ...request, budget: `${tenant}/aside` }
    },
  }),
  'a delegation that is carved again when it is asked again': asked({
    transfer: (request) => (typeof request.create === 'object' ? { ...request, id: `fresh-${++unique}` } : request),
  }),
  'an expiry that is read and not applied': asked({
    transfer: (request) =>
      typeof request.create === 'object'
        ? { ...request, create: { registration: request.create.registration, caps: request.create.caps ?? {} } }
        : request,
  }),
  'caps that are read and not applied': asked({
    transfer(request) {
      if (typeof request.create !== 'object') return request
      const { caps: _caps, ...create } = request.create
      return { ...request, create }
    },
  }),
  'a ceiling that delegation gets around': asked({
    transfer: (request) => saying(request, () => ({ ceilings: [] })),
  }),
  'transfers by whoever asks': asked({
    transfer: ({ authority: _authority, ...request }) => request,
  }),
  'an overdraft that lifts ceilings': asked({
    hold: (request) => (request.overdraft === true ? saying(request, () => ({ ceilings: [] })) : request),
  }),
  'calls that are not counted': asked({
    hold: (request) => saying(request, () => ({ calls: [] })),
  }),
  'rates that are not counted': asked({
    hold: (request) => saying(request, () => ({ rates: [] })),
  }),
}
