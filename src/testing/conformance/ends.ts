import { expectMatch, expectSame } from './check.js'
import { rule, type Rule } from './case.js'
import { TTL_MS, type Subject } from './subject.js'
import type { ChargeId } from '../../core/ids.js'

const endings = {
  'a capture': (c: Subject, holdId: ChargeId) => c.store.capture({ id: c.id(), holdId, amount: 4, overage: 'cap' }),
  'a release': (c: Subject, holdId: ChargeId) => c.store.release({ id: c.id(), holdId }),
  'its deadline': (c: Subject) => c.clock.advance(TTL_MS),
}

const seconds = {
  'a capture': endings['a capture'],
  'a release': endings['a release'],
  'an extension': (c: Subject, holdId: ChargeId) => c.store.extend({ id: c.id(), holdId, ttlMs: TTL_MS }),
}

/** Whatever ends a hold, nothing ends it again. */
const ONCE: readonly Rule[] = Object.entries(endings).flatMap(([first, end]) =>
  Object.entries(seconds).map(([second, again]) =>
    rule(`after ${first}, ${second} is hold_ended and changes nothing [I4]`, async (c) => {
      await c.store.initialize('main', 10)
      const holdId = await c.hold(6, { onExpire: 'capture' })
      await end(c, holdId)
      await c.expect('main', { held: 0, openHolds: 0 })
      await c.expectUnchanged(second, async () => {
        expectMatch(await again(c, holdId), { kind: 'refused', reason: 'hold_ended' }, second)
      })
    }),
  ),
)

/** `capture` of an open hold. */
const CAPTURES: readonly Rule[] = [
  rule('a capture charges its amount and returns the rest', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    const answer = await c.store.capture({ id: c.id(), holdId, amount: 4, overage: 'cap' })
    expectMatch(answer, { kind: 'captured', charged: 4, late: false }, 'capture')
    await c.expect('main', { available: 6, held: 0, spent: 4, debt: 0, openHolds: 0 })
  }),
  rule('a capture of 0 charges nothing and ends the hold', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    const answer = await c.store.capture({ id: c.id(), holdId, amount: 0, overage: 'debt' })
    expectMatch(answer, { kind: 'captured', charged: 0, late: false }, 'capture')
    await c.expect('main', { available: 10, held: 0, spent: 0, openHolds: 0 })
  }),
  rule('a capture of more than was held is capped at the hold', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    const answer = await c.store.capture({ id: c.id(), holdId, amount: 9, overage: 'cap' })
    expectMatch(answer, { kind: 'captured', charged: 6 }, 'capture')
    await c.expect('main', { available: 4, held: 0, spent: 6, debt: 0 })
  }),
  rule('a capture of more than was held takes what is available, and the rest is debt', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    const answer = await c.store.capture({ id: c.id(), holdId, amount: 13, overage: 'debt' })
    expectMatch(answer, { kind: 'captured', charged: 13 }, 'capture')
    await c.expect('main', { available: 0, held: 0, spent: 13, debt: 3 })
  }),
  rule('a capture takes nothing that other holds have put aside [I2]', async (c) => {
    await c.store.initialize('main', 10)
    await c.hold(4)
    const holdId = await c.hold(6)
    await c.store.capture({ id: c.id(), holdId, amount: 8, overage: 'debt' })
    await c.expect('main', { available: 0, held: 4, spent: 8, debt: 2 })
  }),
  rule('a capture that arrives twice charges once and gets the first answer [I3] [I5] [L-P8]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    const request = { id: c.id(), holdId, amount: 9, overage: 'debt' } as const
    const first = await c.store.capture(request)
    await c.expectUnchanged('the second', async () => {
      expectSame(await c.store.capture({ ...request }), first, 'the second answer')
    })
  }),
  rule('a capture with the id of another is id_reused and charges nothing [I5]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    const request = { id: c.id(), holdId, amount: 4, overage: 'cap' } as const
    await c.store.capture(request)
    await c.expectUnchanged('a reused id', async () => {
      for (const change of [{ amount: 5 }, { overage: 'debt' as const }]) {
        const answer = await c.store.capture({ ...request, ...change })
        expectMatch(answer, { kind: 'refused', reason: 'id_reused' }, JSON.stringify(change))
      }
    })
  }),
]

/** `release` of an open hold. */
const RELEASES: readonly Rule[] = [
  rule('a release gives back the whole hold [L-S10]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    expectMatch(await c.store.release({ id: c.id(), holdId }), { kind: 'released', returned: 6 }, 'release')
    await c.expect('main', { available: 10, held: 0, spent: 0, openHolds: 0 })
  }),
  rule('a release that arrives twice gives back once and gets the first answer [I5] [L-P8]', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6)
    const request = { id: c.id(), holdId }
    const first = await c.store.release(request)
    await c.expectUnchanged('the second', async () => {
      expectSame(await c.store.release({ ...request }), first, 'the second answer')
    })
  }),
  rule('a release of a hold that was never seen bars its id, so that a late hold is refused [I6] [L-P3]', async (c) => {
    await c.store.initialize('main', 10)
    const request = c.holdRequest(6)
    const release = { id: c.id(), holdId: request.id }
    const first = await c.store.release(release)
    expectMatch(first, { kind: 'released', returned: 0 }, 'release')
    await c.expectUnchanged('the late hold', async () => {
      expectMatch(await c.store.hold(request), { kind: 'refused', reason: 'hold_ended' }, 'hold')
      expectSame(await c.store.release({ ...release }), first, 'the second answer')
    })
  }),
]

/** How a hold ends, and that it ends once. */
export const ENDS: readonly Rule[] = [...ONCE, ...CAPTURES, ...RELEASES]
