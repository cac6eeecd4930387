import { expectMatch, expectSame } from './check.js'
import { lent, LEASE_MS, leasing } from './leasing.js'
import { rule, type Rule } from './case.js'

const DAY_MS = 86_400_000

/** Leases that fell silent. */
export const RECONCILING: readonly Rule[] = [
  rule(
    'a lease that falls silent is charged in full at its deadline, what was not reported is forfeited [I8]',
    async (c) => {
      await c.store.initialize('main', 1_000)
      const { leaseId } = await lent(c)
      await leasing(c).renew({ id: c.id(), leaseId, used: 40, ttlMs: LEASE_MS })
      await c.clock.advance(LEASE_MS - 1)
      await c.expect('main', { held: 250, spent: 0, forfeited: 0 })
      await c.clock.advance(1)
      await c.expect('main', { available: 750, held: 0, spent: 250, leases: 0, leased: 0, forfeited: 210 })
    },
  ),
  rule('a process whose lease is over neither spends it nor gives it back [I8]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    await c.clock.advance(LEASE_MS)
    await c.expectUnchanged('a zombie', async () => {
      const request = { id: c.id(), leaseId, used: 5 }
      expectMatch(await leasing(c).settle(request), { kind: 'refused', reason: 'lease_forfeited' }, 'settle')
      const renewed = await leasing(c).renew({ ...request, ttlMs: LEASE_MS })
      expectMatch(renewed, { kind: 'refused', reason: 'lease_forfeited' }, 'renew')
    })
  }),
  rule('what was not used of a forfeited lease comes back, once [I8] [I4]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    await c.clock.advance(LEASE_MS)
    const request = { id: c.id(), leaseId, used: 90 }
    expectSame(await leasing(c).reconcile(request), { kind: 'reconciled', returned: 160 }, 'reconcile')
    await c.expect('main', { available: 910, spent: 90 })
    await c.expectUnchanged('the second', async () => {
      expectSame(await leasing(c).reconcile({ ...request }), { kind: 'reconciled', returned: 160 }, 'again')
      expectMatch(await leasing(c).reconcile({ ...request, used: 0 }), { reason: 'id_reused' }, 'another')
      expectMatch(await leasing(c).reconcile({ ...request, id: c.id() }), { reason: 'hold_ended' }, 'once more')
    })
  }),
  rule('no more comes back than was not reported, and none of a lease that is still open [I9] [I2]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    await leasing(c).renew({ id: c.id(), leaseId, used: 200, ttlMs: LEASE_MS })
    const request = { id: c.id(), leaseId, used: 10 }
    await c.expectUnchanged('of an open one', async () => {
      expectMatch(await leasing(c).reconcile(request), { kind: 'refused', reason: 'lease_open' }, 'reconcile')
    })
    await c.clock.advance(LEASE_MS)
    expectMatch(await leasing(c).reconcile({ ...request, used: 251 }), { reason: 'amount_exceeded' }, 'too much')
    expectSame(await leasing(c).reconcile(request), { kind: 'reconciled', returned: 50 }, 'reconcile')
    await c.expect('main', { available: 800, spent: 200 })
  }),
  rule('a forfeited lease is reconciled days later, for who knows of it comes after a restart [L-P23]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    await c.clock.advance(LEASE_MS + 6 * DAY_MS)
    await c.store.check('main', 1)
    await c.hold(1)
    expectMatch(await leasing(c).reconcile({ id: c.id(), leaseId, used: 0 }), { returned: 250 }, 'reconcile')
  }),
  rule('what comes back repays debt first, and to a budget that is closed it goes to the one above [I1]', async (c) => {
    await c.store.initialize('main', 1_000)
    await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 400, create: true })
    const [own, below] = [await lent(c), await lent(c, { budget: 'child' })]
    await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    await c.clock.advance(LEASE_MS)
    await c.expect('child', { state: 'closed', spent: 100 })
    await c.hold(760, { overdraft: true })
    await c.expect('main', { available: 0, debt: 10 })
    await leasing(c).reconcile({ id: c.id(), leaseId: own.leaseId, used: 100 })
    await c.expect('main', { available: 40, debt: 0 })
    await leasing(c).reconcile({ id: c.id(), leaseId: below.leaseId, used: 60 })
    await c.expect('child', { state: 'closed', spent: 60, available: 0 })
    await c.expect('main', { available: 80 })
  }),
  rule('the entries of a lease name it, and say what became of it [I13]', async (c, entries) => {
    await c.store.initialize('main', 1_000)
    const settled = (await lent(c)).leaseId
    await leasing(c).settle({ id: c.id(), leaseId: settled, used: 1 })
    const { leaseId } = await lent(c)
    const deadline = c.clock.now() + LEASE_MS
    await c.clock.advance(LEASE_MS + 500)
    await leasing(c).reconcile({ id: c.id(), leaseId, used: 2 })
    const found = await entries()
    if (found === undefined) return
    const money = found.filter((entry) => entry.kind === 'money')
    const ops = money.map(({ op }) => op).join(' ')
    expectSame(ops, 'grant lease settle lease forfeit reconcile', 'the verbs of the entries')
    expectSame(money.filter(({ id }) => id === leaseId).length, 3, 'entries with the id of the lease')
    expectMatch(money.at(-2), { op: 'forfeit', at: deadline, held: -249, spent: 249 }, 'forfeit')
    expectMatch(money.at(-1), { op: 'reconcile', at: deadline + 500, available: 247, spent: -247 }, 'reconcile')
  }),
]
