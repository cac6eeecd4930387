import { expectMatch, expectSame, expectThat } from './check.js'
import { RECONCILING } from './reconciling.js'
import { lent, LEASE_MS, leaseOf, leasing } from './leasing.js'
import { rule, type Rule } from './case.js'
import { ROOT, withMax } from './tokens.js'
import type { DelegatingEnforcer } from '../../budget/enforcer.js'

/** How a lease begins, and how much it gets. */
const LENDING: readonly Rule[] = [
  rule('a lease is a hold of a quarter of an even share, and described as one [I8]', async (c) => {
    await c.store.initialize('main', 1_000)
    const request = leaseOf(c, { least: 1, most: 1_000 })
    const answer = await leasing(c).lease(request)
    const expiresAt = c.clock.now() + LEASE_MS
    const wanted = { kind: 'leased', leaseId: request.id, amount: 250, remaining: 750, live: 1, expiresAt }
    expectSame(answer, wanted, 'lease')
    await c.expect('main', { available: 750, held: 250, openHolds: 1, leases: 1, leased: 250, forfeited: 0 })
    expectMatch(await leasing(c).lease(leaseOf(c, { least: 1, most: 1_000 })), { amount: 93, live: 2 }, 'the second')
  }),
  rule('a lease is at most what was asked for, and at least that', async (c) => {
    await c.store.initialize('main', 1_000)
    expectMatch(await leasing(c).lease(leaseOf(c, { least: 1, most: 7 })), { amount: 7 }, 'at most')
    expectMatch(await leasing(c).lease(leaseOf(c, { least: 900, most: 950 })), { amount: 900 }, 'at least')
    await c.expect('main', { available: 93 })
  }),
  rule('a lease of more than is left is refused, so that the last credits are decided exactly [I2]', async (c) => {
    await c.store.initialize('main', 10)
    await c.expectUnchanged('what is refused', async () => {
      const refused = { kind: 'refused', reason: 'insufficient', budget: 'default/main', remaining: 10 }
      expectMatch(await leasing(c).lease(leaseOf(c, { least: 11, most: 20 })), refused, 'too much')
    })
    await c.hold(10)
    const nothing = { kind: 'refused', reason: 'exhausted', remaining: 0 }
    expectMatch(await leasing(c).lease(leaseOf(c, { least: 1 })), nothing, 'of nothing')
    const nobody = { kind: 'refused', reason: 'unknown_budget', budget: 'default/nobody' }
    expectMatch(await leasing(c).lease(leaseOf(c, { budget: 'nobody' })), nobody, 'of nobody')
  }),
  rule('a lease that is asked for twice is one, and gets the first answer [I5] [I10]', async (c) => {
    await c.store.initialize('main', 1_000)
    const request = leaseOf(c)
    const first = await leasing(c).lease(request)
    const refusal = leaseOf(c, { least: 5_000, most: 5_000 })
    const no = await leasing(c).lease(refusal)
    await c.store.grant({ id: c.id(), budget: 'main', amount: 9_000 })
    await leasing(c).renew({ id: c.id(), leaseId: request.id, used: 1, ttlMs: 2 * LEASE_MS })
    await c.expectUnchanged('what came twice', async () => {
      expectSame(await leasing(c).lease({ ...request }), first, 'the second answer')
      expectSame(await leasing(c).lease({ ...refusal }), no, 'the second refusal')
    })
  }),
  rule('a release bars a lease that has not come yet, and is no end of one that has [I6] [I8]', async (c) => {
    await c.store.initialize('main', 1_000)
    const request = leaseOf(c)
    const bar = { id: c.id(), holdId: request.id }
    expectMatch(await c.store.release(bar), { kind: 'released', returned: 0 }, 'release')
    await c.expectUnchanged('the late lease', async () => {
      expectMatch(await leasing(c).lease(request), { kind: 'refused', reason: 'id_reused' }, 'lease')
      const settle = { id: c.id(), leaseId: request.id, used: 0 }
      expectMatch(await leasing(c).settle(settle), { kind: 'refused', reason: 'unknown_hold' }, 'settle')
    })
    const { leaseId } = await lent(c)
    await c.expectUnchanged('a release of a lease', async () => {
      const release = { id: c.id(), holdId: leaseId }
      expectMatch(await c.store.release(release), { kind: 'refused', reason: 'unknown_hold' }, 'release')
    })
  }),
  rule('the id of a lease, or of a hold, is not another’s [I5]', async (c) => {
    await c.store.initialize('main', 1_000)
    await c.store.initialize('other', 1_000)
    const request = leaseOf(c)
    await leasing(c).lease(request)
    const holdId = await c.hold(5)
    await c.expectUnchanged('a reused id', async () => {
      const changes = [
        { budget: 'other' },
        { instance: 'b' },
        { least: 2 },
        { most: 9 },
        { ttlMs: 5 },
        { authority: ROOT },
      ]
      for (const change of changes) {
        const answer = await leasing(c).lease({ ...request, ...change })
        expectMatch(answer, { kind: 'refused', reason: 'id_reused' }, JSON.stringify(change))
      }
      const held = await c.store.hold(c.holdRequest(250, { id: request.id, ttlMs: LEASE_MS, onExpire: 'capture' }))
      expectMatch(held, { kind: 'refused', reason: 'id_reused' }, 'a hold')
      expectMatch(await leasing(c).lease(leaseOf(c, { id: holdId })), { reason: 'id_reused' }, 'of a hold')
    })
  }),
  rule('a lease is no hold to those who end holds, and a hold no lease [I4] [I8]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    const holdId = await c.hold(5)
    const unknown = { kind: 'refused', reason: 'unknown_hold' }
    await c.expectUnchanged('the wrong verb', async () => {
      const lines = [{ budget: 'main', amount: 5 }]
      const capture = { id: c.id(), holdId: leaseId, amount: 1, overage: 'cap', lines } as const
      expectMatch(await c.store.capture(capture), unknown, 'capture')
      expectMatch(await c.store.release({ id: c.id(), holdId: leaseId }), unknown, 'release')
      expectMatch(await c.store.extend({ id: c.id(), holdId: leaseId, ttlMs: 1 }), unknown, 'extend')
      for (const id of [holdId, c.charge()]) {
        const request = { id: c.id(), leaseId: id, used: 1 }
        expectMatch(await leasing(c).renew({ ...request, ttlMs: 1 }), unknown, 'renew')
        expectMatch(await leasing(c).settle(request), unknown, 'settle')
        expectMatch(await leasing(c).reconcile(request), unknown, 'reconcile')
      }
    })
  }),
  rule('a lease of a budget with windows is refused, for they would end before it', async (c) => {
    await c.store.initialize('main', 1_000)
    const span = (n: number): [number, number] => {
      const start = c.clock.now() + n * 1_000_000
      return [start, start + 1_000_000]
    }
    const window = { previous: span(-1), current: span(0), next: span(1) }
    await c.hold(1, { lines: [{ budget: 'main', amount: 1, window }] })
    const windowed = { kind: 'refused', reason: 'windowed', remaining: 999 }
    expectMatch(await leasing(c).lease(leaseOf(c)), windowed, 'lease')
    expectMatch(await leasing(c).lease(leaseOf(c, { authority: ROOT })), windowed, 'lease by a token')
    await c.expectUnchanged('what a token does not pay for', async () => {
      // Such a token must not learn what is left, nor that there are windows.
      const made = { budget: 'main', prefixId: 'x', parent: 'other' }
      const forged = leaseOf(c, { authority: { ...ROOT, registrations: [made] } })
      expectMatch(await leasing(c).lease(forged), { reason: 'unknown_budget', remaining: 0 }, 'by one that is not made')
      await (c.store as DelegatingEnforcer).revoke({ id: c.id(), budget: 'main', prefixId: 'root' })
      const revoked = await leasing(c).lease(leaseOf(c, { authority: ROOT }))
      expectMatch(revoked, { kind: 'refused', reason: 'revoked', remaining: 0 }, 'by one that is revoked')
    })
  }),
  rule('what is no request throws and changes nothing [T18]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    const wrong = [
      { least: 0 },
      { least: 5, most: 4 },
      { most: 0.5 },
      { ttlMs: 0 },
      { instance: '' },
      { budget: 'a b' },
    ]
    for (const change of [...wrong, { authority: withMax(ROOT, 'max', 5) }])
      await c.expectThrow(JSON.stringify(change), () => leasing(c).lease(leaseOf(c, change)))
    for (const used of [-1, 0.5, Number.NaN]) {
      const request = { id: c.id(), leaseId, used }
      await c.expectThrow(`settle ${used}`, () => leasing(c).settle(request), 'invalid_credits')
      await c.expectThrow(`reconcile ${used}`, () => leasing(c).reconcile(request), 'invalid_credits')
      await c.expectThrow(`renew ${used}`, () => leasing(c).renew({ ...request, ttlMs: 5 }), 'invalid_credits')
    }
  }),
]

/** How a lease lives on, and comes to its end. */
const LIVING: readonly Rule[] = [
  rule('a lease that is settled is charged what was used, and gives the rest back [I1]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    const request = { id: c.id(), leaseId, used: 60 }
    expectSame(await leasing(c).settle(request), { kind: 'settled', charged: 60, returned: 190 }, 'settle')
    await c.expect('main', { available: 940, held: 0, spent: 60, openHolds: 0 })
    await c.expectUnchanged('the second', async () => {
      expectSame(await leasing(c).settle({ ...request }), { kind: 'settled', charged: 60, returned: 190 }, 'again')
      expectMatch(await leasing(c).settle({ ...request, used: 61 }), { reason: 'id_reused' }, 'another')
      expectMatch(await leasing(c).settle({ ...request, id: c.id() }), { reason: 'hold_ended' }, 'once more')
      expectMatch(await leasing(c).renew({ ...request, ttlMs: 5 }), { reason: 'hold_ended' }, 'renew')
      expectMatch(await leasing(c).reconcile({ ...request, id: c.id() }), { reason: 'hold_ended' }, 'reconcile')
    })
  }),
  rule('a lease that is renewed lives on from then, and never shorter [I8]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    await c.clock.advance(LEASE_MS - 1)
    const expiresAt = c.clock.now() + LEASE_MS
    const renewed = await leasing(c).renew({ id: c.id(), leaseId, used: 10, ttlMs: LEASE_MS })
    expectSame(renewed, { kind: 'renewed', expiresAt, remaining: 750, live: 1, recall: false }, 'renew')
    const shorter = await leasing(c).renew({ id: c.id(), leaseId, used: 10, ttlMs: 1 })
    expectMatch(shorter, { kind: 'renewed', expiresAt }, 'shorter')
    await c.clock.advance(LEASE_MS - 1)
    await c.expect('main', { held: 250, spent: 0 })
  }),
  rule('reports are cumulative: the most that was reported counts, in whatever order they come [I9]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    for (const used of [70, 20, 70]) {
      const answer = await leasing(c).renew({ id: c.id(), leaseId, used, ttlMs: LEASE_MS })
      expectMatch(answer, { kind: 'renewed' }, `renew ${used}`)
    }
    expectMatch(await leasing(c).settle({ id: c.id(), leaseId, used: 50 }), { charged: 70, returned: 180 }, 'settle')
    await c.expect('main', { available: 930, spent: 70 })
  }),
  rule('nobody has used more of a lease than it had [I2]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    const request = { id: c.id(), leaseId, used: 251 }
    await c.expectUnchanged('too much', async () => {
      expectMatch(await leasing(c).renew({ ...request, ttlMs: 5 }), { reason: 'amount_exceeded' }, 'renew')
      expectMatch(await leasing(c).settle(request), { reason: 'amount_exceeded' }, 'settle')
    })
  }),
  rule('a lease is called back when more is out than is left', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c)
    const renew = async () => await leasing(c).renew({ id: c.id(), leaseId, used: 0, ttlMs: LEASE_MS })
    await c.hold(500)
    expectMatch(await renew(), { recall: false, remaining: 250 }, 'as much')
    await c.hold(1)
    expectMatch(await renew(), { recall: true, remaining: 249 }, 'less')
  }),
  rule('a lease of a budget that takes no more calls is not renewed, and gives back what it has [T10]', async (c) => {
    await c.store.initialize('main', 1_000)
    await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 400, create: true })
    const { leaseId } = await lent(c, { budget: 'child' })
    await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    await c.expect('child', { state: 'closing', held: 100, available: 0 })
    const renewed = await leasing(c).renew({ id: c.id(), leaseId, used: 20, ttlMs: LEASE_MS })
    expectMatch(renewed, { kind: 'refused', reason: 'closed' }, 'renew')
    expectMatch(await leasing(c).settle({ id: c.id(), leaseId, used: 30 }), { charged: 30, returned: 70 }, 'settle')
    await c.expect('child', { state: 'closed', held: 0, spent: 30 })
    await c.expect('main', { available: 970 })
  }),
  rule('a lease by a token ends with the token [T10] [L-S42]', async (c) => {
    await c.store.initialize('main', 1_000)
    const { leaseId } = await lent(c, { authority: ROOT })
    const renew = async (authority = ROOT) =>
      await leasing(c).renew({ id: c.id(), leaseId, used: 0, ttlMs: LEASE_MS, authority })
    expectMatch(await renew(), { kind: 'renewed' }, 'renew')
    expectMatch(await renew({ ...ROOT, prefixIds: ['other'] }), { reason: 'unknown_budget' }, 'by another')
    const { kind } = await (c.store as DelegatingEnforcer).revoke({ id: c.id(), budget: 'main', prefixId: 'root' })
    expectThat(kind === 'revoked', 'revoke')
    expectMatch(await renew(), { kind: 'refused', reason: 'revoked' }, 'renew, revoked')
    expectMatch(await leasing(c).lease(leaseOf(c, { authority: ROOT })), { reason: 'revoked' }, 'lease, revoked')
  }),
]

/** Leases, for a store that has them. */
export const LEASES: readonly Rule[] = [...LENDING, ...LIVING, ...RECONCILING]
