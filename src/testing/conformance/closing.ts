import { expectMatch, expectSame } from './check.js'
import { rule, type Rule } from './case.js'
import type { Subject } from './subject.js'

/** `main` with 100, of which `child` got 40, of which `grandchild` got 10. */
async function family(c: Subject): Promise<void> {
  await c.store.initialize('main', 100)
  await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 40, create: true })
  await c.store.transfer({ id: c.id(), from: 'child', to: 'grandchild', amount: 10, create: true })
}

const on = (budget: string, amount: number) => ({ lines: [{ budget, amount }] })

/** Where the credits go. */
const RETURNS: readonly Rule[] = [
  rule('close returns what is available to the parent, exactly [I11] [L-P10]', async (c) => {
    await family(c)
    await c.store.spend({ chargeId: c.charge(), budget: 'grandchild', tool: 't', cost: 3 })
    const answer = await c.store.close({ id: c.id(), budget: 'grandchild', why: 'closed' })
    expectMatch(answer, { kind: 'closed', returned: 7 }, 'close')
    await c.expect('child', { available: 37 })
    await c.expect('grandchild', { available: 0, spent: 3, out: 7, state: 'closed' })
  }),
  rule('close burns what has no ancestor to go to', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.close({ id: c.id(), budget: 'main', why: 'closed' })
    await c.expect('main', { available: 0, burned: 10, out: 0, state: 'closed' })
  }),
  rule('close cascades, and all goes to the nearest open ancestor [I11] [L-S42]', async (c) => {
    await family(c)
    const answer = await c.store.close({ id: c.id(), budget: 'child', why: 'revoked' })
    expectMatch(answer, { kind: 'closed', returned: 40 }, 'close')
    await c.expect('main', { available: 100, state: 'open' })
    await c.expect('child', { available: 0, state: 'closed' })
    await c.expect('grandchild', { available: 0, state: 'closed' })
  }),
  rule('close of a root burns what its whole family has', async (c) => {
    await family(c)
    await c.store.close({ id: c.id(), budget: 'main', why: 'expired' })
    const views = Object.values(await c.views())
    expectSame(views.map(({ state }) => state).join(), 'closed,closed,closed', 'states')
    expectSame(
      views.reduce((sum, { burned }) => sum + burned, 0),
      100,
      'burned',
    )
  }),
  rule('credits repay an ancestor’s debt on their way back', async (c) => {
    await family(c)
    await c.hold(52, { overdraft: true })
    await c.hold(11, { overdraft: true })
    await c.expect('main', { available: 0, debt: 3 })
    await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    await c.expect('main', { available: 37, debt: 0 })
  }),
]

/** Holds that are open while their budget closes. */
const OPEN_HOLDS: readonly Rule[] = [
  rule('an open hold of a closing budget is captured, and the rest goes to the ancestor [L-P15]', async (c) => {
    await family(c)
    const holdId = await c.hold(0, on('child', 20))
    const closed = await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    expectMatch(closed, { kind: 'closed', returned: 20 }, 'close')
    await c.expect('child', { state: 'closing', held: 20, available: 0, openHolds: 1 })
    await c.expect('grandchild', { state: 'closed' })
    const answer = await c.store.capture({ id: c.id(), holdId, amount: 15, overage: 'cap' })
    expectMatch(answer, { kind: 'captured', charged: 15, late: false }, 'capture')
    await c.expect('child', { state: 'closed', held: 0, spent: 15, available: 0 })
    await c.expect('main', { available: 85 })
  }),
  rule('an open hold of a closing budget is released to the ancestor [L-P15]', async (c) => {
    await family(c)
    const holdId = await c.hold(0, on('grandchild', 10))
    await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    expectMatch(await c.store.release({ id: c.id(), holdId }), { kind: 'released', returned: 10 }, 'release')
    await c.expect('grandchild', { state: 'closed', held: 0, available: 0 })
    await c.expect('main', { available: 100 })
  }),
  rule('an open hold of a closing budget expires, and its credits go to the ancestor [R2]', async (c) => {
    await family(c)
    await c.hold(0, { ...on('grandchild', 10), ttlMs: 1_000, onExpire: 'release' })
    await c.store.close({ id: c.id(), budget: 'child', why: 'expired' })
    await c.clock.advance(1_000)
    await c.expect('grandchild', { state: 'closed', held: 0, available: 0 })
    await c.expect('main', { available: 100 })
  }),
  rule('an open hold of a closing budget can be extended', async (c) => {
    await family(c)
    const holdId = await c.hold(0, { ...on('child', 20), ttlMs: 1_000 })
    await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    expectMatch(await c.store.extend({ id: c.id(), holdId, ttlMs: 5_000 }), { kind: 'extended' }, 'extend')
    await c.clock.advance(4_999)
    await c.expect('child', { held: 20 })
  }),
  rule('a capture beyond the hold of a closing budget is debt, and takes nothing from the ancestor', async (c) => {
    await family(c)
    const holdId = await c.hold(0, on('child', 20))
    await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    await c.store.capture({ id: c.id(), holdId, amount: 25, overage: 'debt' })
    await c.expect('child', { spent: 25, debt: 5, held: 0 })
    await c.expect('main', { available: 80 })
  }),
  rule('a late capture on a closed budget is debt: a known spend is never dropped [I7] [L-P18]', async (c) => {
    await family(c)
    const request = c.holdRequest(0, { ...on('child', 20), ttlMs: 1_000 })
    await c.store.hold(request)
    await c.clock.advance(1_000)
    await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    const { id: holdId, lines } = request
    const answer = await c.store.capture({ id: c.id(), holdId, amount: 20, overage: 'cap', lines })
    expectMatch(answer, { kind: 'captured', charged: 20, late: true }, 'capture')
    await c.expect('child', { spent: 20, debt: 20, available: 0 })
    await c.expect('main', { available: 100 })
  }),
]

/** What a closed budget still does. */
const AFTERWARDS: readonly Rule[] = [
  rule('a closed budget takes no more calls and no more credits [L-S42]', async (c) => {
    await family(c)
    await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
    await c.expectUnchanged('what is refused', async () => {
      for (const budget of ['child', 'grandchild']) {
        const closed = { kind: 'refused', reason: 'closed' }
        expectMatch(await c.store.check(budget, 0), { allowed: false, reason: 'closed' }, 'check')
        const spend = { chargeId: c.charge(), budget, tool: 't', cost: 0 }
        expectMatch(await c.store.spend(spend), { allowed: false, reason: 'closed' }, 'spend')
        expectMatch(await c.store.hold(c.holdRequest(0, on(budget, 0))), closed, 'hold')
        const overdraft = c.holdRequest(0, { ...on(budget, 5), overdraft: true })
        expectMatch(await c.store.hold(overdraft), closed, 'hold with overdraft')
        expectMatch(await c.store.grant({ id: c.id(), budget, amount: 1 }), closed, 'grant')
        const to = { id: c.id(), from: 'main', to: budget, amount: 1, create: true }
        expectMatch(await c.store.transfer(to), closed, 'transfer to it')
        const from = { id: c.id(), from: budget, to: 'main', amount: 1 }
        expectMatch(await c.store.transfer(from), closed, 'transfer from it')
        const again = { id: c.id(), budget, why: 'closed' } as const
        expectMatch(await c.store.close(again), closed, 'close')
      }
    })
    expectSame(await c.store.remaining('child'), 0, 'remaining')
  }),
  rule('initialize does not open a closed budget again [L-S4] [L-P9]', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.close({ id: c.id(), budget: 'main', why: 'closed' })
    await c.expectUnchanged('initialize', async () => {
      try {
        await c.store.initialize('main', 10)
      } catch {
        // An error is as good: what counts is that nothing is opened or refilled.
      }
    })
  }),
  rule('a close that arrives twice gets the first answer [I5] [L-P8]', async (c) => {
    await family(c)
    const request = { id: c.id(), budget: 'child', why: 'closed' } as const
    const first = await c.store.close(request)
    await c.expectUnchanged('the second', async () => {
      expectSame(await c.store.close({ ...request }), first, 'the second answer')
    })
  }),
  rule('a close with the id of another is id_reused and closes nothing [I5]', async (c) => {
    await family(c)
    const request = { id: c.id(), budget: 'grandchild', why: 'closed' } as const
    await c.store.close(request)
    await c.expectUnchanged('a reused id', async () => {
      for (const change of [{ budget: 'main' }, { why: 'revoked' as const }]) {
        const answer = await c.store.close({ ...request, ...change })
        expectMatch(answer, { kind: 'refused', reason: 'id_reused' }, JSON.stringify(change))
      }
    })
  }),
  rule('a close of an unknown budget is refused, and stays so when it arrives again [I5] [L-P8]', async (c) => {
    const request = { id: c.id(), budget: 'main', why: 'closed' } as const
    const first = await c.store.close(request)
    expectMatch(first, { kind: 'refused', reason: 'unknown_budget' }, 'close')
    await c.store.initialize('main', 10)
    expectSame(await c.store.close({ ...request }), first, 'the second answer')
    await c.expect('main', { state: 'open', available: 10 })
  }),
]

/** `close`. */
export const CLOSING: readonly Rule[] = [...RETURNS, ...OPEN_HOLDS, ...AFTERWARDS]
