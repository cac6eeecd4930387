import { expect } from 'vitest'
import { mintChargeId } from '../../src/core/ids.js'
import { Random } from '../../src/testing/random.js'
import type { DelegatingEnforcer } from '../../src/budget/enforcer.js'

const ASKED = 200

/**
 * Lets stores on the same budgets delegate, spend, grant, revoke and close, all at once. Afterwards each budget must
 * balance, and all of them together must have what was granted.
 */
export async function expectNoCreditLost(stores: readonly DelegatingEnforcer[]): Promise<void> {
  const [first] = stores as readonly [DelegatingEnforcer]
  await first.initialize('main', 1_000)
  const random = new Random(7)
  const answers = await Promise.all(
    Array.from({ length: ASKED }, async (_, n) => {
      const verb = random.pick([...VERBS, ...VERBS.slice(0, 5), ...VERBS.slice(0, 4)])
      const request = { n, child: `child-${random.int(8)}`, amount: random.int(20), isOfMain: random.chance(0.5) }
      return [verb, await verb(stores[n % stores.length] as DelegatingEnforcer, request)] as const
    }),
  )
  const grants = answers.filter(([verb, answer]) => verb === grant && (answer as { kind: string }).kind === 'moved')
  const names = ['main', ...(await first.describe('main')).children]
  let left = 0
  for (const name of names) {
    const view = await first.describe(name)
    expect(view.in + view.debt).toBe(view.available + view.held + view.spent + view.out + view.burned)
    left += view.available + view.held + view.spent + view.burned - view.debt
  }
  expect(names.length).toBeGreaterThan(1)
  expect(left).toBe(1_000 + 10 * grants.length)
}

interface Asked {
  readonly n: number
  readonly child: string
  readonly amount: number
  readonly isOfMain: boolean
}

type Ask = (store: DelegatingEnforcer, asked: Asked) => unknown

const grant: Ask = (store, { n }) => store.grant({ id: `grant-${n}`, budget: 'main', amount: 10 })

/** The last two end what the others use, and are asked seldom. */
const VERBS: readonly Ask[] = [
  // The same request by several: one child, one carve.
  (store, { child }) =>
    store.transfer({ id: `delegate-${child}`, from: 'main', to: child, amount: 40, create: { registration: child } }),
  (store, { n, child }) => store.transfer({ id: `up-${n}`, from: child, to: 'main', amount: 5 }),
  (store, { child, amount, isOfMain }) => {
    const lines = [{ budget: isOfMain ? 'main' : child, amount }]
    return store.hold({ id: mintChargeId(Date.now()), lines, ttlMs: 60_000, onExpire: 'release' })
  },
  (store, { child }) => store.spend({ chargeId: mintChargeId(Date.now()), budget: child, tool: 't', cost: 3 }),
  grant,
  (store, { n, child }) => store.close({ id: `close-${n}`, budget: child, why: 'closed' }),
  (store, { n, child }) => store.revoke({ id: `revoke-${n}`, budget: 'main', prefixId: child }),
]
