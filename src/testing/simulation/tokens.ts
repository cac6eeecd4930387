import type { Authority } from '../../budget/authority.js'
import type { HoldLine } from '../../budget/enforcer.js'
import type { Random } from '../random.js'

/** The id of the prefix that `sim/agent` is registered at. */
export const REGISTRATION = 'root max agent'

/** A token on `sim/main`, of which `sim/agent` is delegated. */
export const PARENT: Authority = {
  tenant: 'sim',
  budget: 'sim/main',
  registrations: [],
  prefixIds: ['root', 'root max'],
  nonce: 'nonce',
  issuedAt: 1_000,
  ceilings: [{ prefixId: 'root max', limit: 40 }],
  calls: [],
  rates: [],
}

/** A token on `sim/agent`, if that is registered at this prefix. */
function childAt(prefixId: string): Authority {
  const registrations = [{ prefixId, budget: 'sim/agent', parent: 'sim/main' }]
  return { ...PARENT, budget: 'sim/agent', registrations, prefixIds: [...PARENT.prefixIds, prefixId], ceilings: [] }
}

const CHILD = childAt(REGISTRATION)

/** What somebody made of the child's token: its last prefix is its own. */
function narrowed(name: string, limits: Partial<Authority>): Authority {
  return { ...CHILD, prefixIds: [...CHILD.prefixIds, name], ...limits }
}

const TOKENS: readonly Authority[] = [
  PARENT,
  CHILD,
  narrowed('max', { ceilings: [{ prefixId: 'max', limit: 12 }] }),
  narrowed('calls', { calls: [{ prefixId: 'calls', limit: 2 }] }),
  narrowed('rate', { rates: [{ prefixId: 'rate', calls: 1, seconds: 5 }] }),
  // Nobody has registered it there.
  childAt('forged'),
]

/** By which token a call is made, and what pays then. */
export function tokenCall(random: Random, cost: number): { authority: Authority; lines: readonly HoldLine[] } {
  const authority = random.pick(TOKENS)
  const side = { budget: 'sim/side', amount: cost }
  const lines = [{ budget: authority.budget, amount: cost }, ...(random.chance(0.2) ? [side] : [])]
  return { authority, lines }
}
