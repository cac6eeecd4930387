import { expectMatch, expectSame } from './check.js'
import { rule, type Rule } from './case.js'

/** Deadlines. */
const EXPIRY: readonly Rule[] = [
  rule('a hold is open until its deadline, and given back exactly at it [L-P3]', async (c) => {
    await c.store.initialize('main', 10)
    await c.hold(6, { ttlMs: 1_000, onExpire: 'release' })
    await c.clock.advance(999)
    await c.expect('main', { available: 4, held: 6, openHolds: 1 })
    await c.clock.advance(1)
    await c.expect('main', { available: 10, held: 0, spent: 0, openHolds: 0 })
  }),
  rule('a hold is open until its deadline, and charged exactly at it [I6]', async (c) => {
    await c.store.initialize('main', 10)
    await c.hold(6, { ttlMs: 1_000, onExpire: 'capture' })
    await c.clock.advance(999)
    await c.expect('main', { available: 4, held: 6, spent: 0 })
    await c.clock.advance(1)
    await c.expect('main', { available: 4, held: 0, spent: 6, openHolds: 0 })
  }),
  rule('an expired hold frees its credits for the next hold, without anybody asking first [R2] [L-P3]', async (c) => {
    await c.store.initialize('main', 10)
    await c.hold(10, { ttlMs: 1_000 })
    await c.clock.advance(1_000)
    await c.hold(10)
  }),
  rule('many holds expire each at its own deadline', async (c) => {
    await c.store.initialize('main', 100)
    for (const ttlMs of [5, 100, 100, 70_000, 3_600_000]) await c.hold(1, { ttlMs })
    const open: number[] = []
    for (const ms of [5, 95, 69_899, 1, 3_529_999, 1]) {
      await c.clock.advance(ms)
      open.push((await c.store.describe('main')).openHolds)
    }
    expectSame(open, [4, 2, 2, 1, 1, 0], 'open holds')
  }),
  rule('an extension moves the deadline to its time from now', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6, { ttlMs: 1_000 })
    await c.clock.advance(600)
    const answer = await c.store.extend({ id: c.id(), holdId, ttlMs: 1_000 })
    expectMatch(answer, { kind: 'extended', expiresAt: c.clock.now() + 1_000 }, 'extend')
    await c.clock.advance(999)
    await c.expect('main', { held: 6 })
    await c.clock.advance(1)
    await c.expect('main', { held: 0 })
  }),
  rule('an extension never makes a deadline earlier', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6, { ttlMs: 1_000 })
    const expiresAt = c.clock.now() + 1_000
    const answer = await c.store.extend({ id: c.id(), holdId, ttlMs: 10 })
    expectMatch(answer, { kind: 'extended', expiresAt }, 'extend')
    await c.clock.advance(999)
    await c.expect('main', { held: 6 })
  }),
  ...(['capture', 'release'] as const).map((onExpire) =>
    rule(
      `an extension that says ${onExpire} sets the deadline, earlier too, and what becomes of the hold`,
      async (c) => {
        await c.store.initialize('main', 10)
        const first = onExpire === 'capture' ? 'release' : 'capture'
        const holdId = await c.hold(6, { ttlMs: 60_000, onExpire: first })
        const expiresAt = c.clock.now() + 1_000
        const answer = await c.store.extend({ id: c.id(), holdId, ttlMs: 1_000, onExpire })
        expectMatch(answer, { kind: 'extended', expiresAt }, 'extend')
        await c.clock.advance(999)
        await c.expect('main', { held: 6 })
        await c.clock.advance(1)
        await c.expect('main', { held: 0, spent: onExpire === 'capture' ? 6 : 0 })
      },
    ),
  ),
  rule('a hold that was given back at a deadline that an extension set may be captured late, and once', async (c) => {
    await c.store.initialize('main', 10)
    const holdId = await c.hold(6, { ttlMs: 60_000, onExpire: 'capture' })
    await c.store.extend({ id: c.id(), holdId, ttlMs: 1_000, onExpire: 'release' })
    await c.clock.advance(1_000)
    const capture = { id: c.id(), holdId, amount: 6, overage: 'cap' } as const
    expectMatch(await c.store.capture(capture), { kind: 'captured', charged: 6, late: true }, 'capture')
    expectMatch(await c.store.capture({ ...capture, id: c.id() }), { kind: 'refused', reason: 'hold_ended' }, 'another')
    await c.expect('main', { available: 4, spent: 6 })
  }),
  rule('a hold is the same request after an extension said what becomes of it [I5]', async (c) => {
    await c.store.initialize('main', 10)
    const request = c.holdRequest(6, { onExpire: 'capture' })
    await c.store.hold(request)
    await c.store.extend({ id: c.id(), holdId: request.id, ttlMs: 1_000, onExpire: 'release' })
    expectMatch(await c.store.hold(request), { kind: 'held', holdId: request.id }, 'again')
  }),
  rule('an extension of an unknown hold is unknown_hold', async (c) => {
    const answer = await c.store.extend({ id: c.id(), holdId: c.charge(), ttlMs: 1_000 })
    expectMatch(answer, { kind: 'refused', reason: 'unknown_hold' }, 'extend')
  }),
]

const DAY_MS = 86_400_000

/** Captures of holds that are not there any more, or never were. */
const LATE: readonly Rule[] = [
  rule('a capture after the hold was given back debits once, and says that it is late [I7] [L-P18]', async (c) => {
    await c.store.initialize('main', 10)
    const request = c.holdRequest(6, { ttlMs: 1_000, onExpire: 'release' })
    await c.store.hold(request)
    await c.clock.advance(1_000)
    const capture = { id: c.id(), holdId: request.id, amount: 5, overage: 'cap', lines: request.lines } as const
    const first = await c.store.capture(capture)
    expectMatch(first, { kind: 'captured', charged: 5, late: true }, 'capture')
    await c.expect('main', { available: 5, spent: 5, held: 0 })
    await c.expectUnchanged('the second', async () => {
      expectSame(await c.store.capture({ ...capture }), first, 'the second answer')
      const other = await c.store.capture({ ...capture, id: c.id() })
      expectMatch(other, { kind: 'refused', reason: 'hold_ended' }, 'another capture')
    })
  }),
  rule('a late capture that the budget cannot pay becomes debt, and is never free [I7] [L-P18]', async (c) => {
    await c.store.initialize('main', 10)
    const request = c.holdRequest(6, { ttlMs: 1_000, onExpire: 'release' })
    await c.store.hold(request)
    await c.clock.advance(1_000)
    await c.hold(8)
    const { id: holdId, lines } = request
    const answer = await c.store.capture({ id: c.id(), holdId, amount: 6, overage: 'cap', lines })
    expectMatch(answer, { kind: 'captured', charged: 6, late: true }, 'capture')
    await c.expect('main', { available: 0, held: 8, spent: 6, debt: 4 })
  }),
  rule('a capture of an unknown hold without lines is unknown_hold', async (c) => {
    await c.store.initialize('main', 10)
    const answer = await c.store.capture({ id: c.id(), holdId: c.charge(), amount: 5, overage: 'cap' })
    expectMatch(answer, { kind: 'refused', reason: 'unknown_hold' }, 'capture')
    await c.expect('main', { spent: 0 })
  }),
  rule('a capture of a hold that was never seen debits its lines, once [I5] [I7] [L-P18]', async (c) => {
    await c.store.initialize('main', 10)
    const hold = c.holdRequest(6)
    const capture = { id: c.id(), holdId: hold.id, amount: 5, overage: 'cap', lines: hold.lines } as const
    const first = await c.store.capture(capture)
    expectMatch(first, { kind: 'captured', charged: 5, late: true }, 'capture')
    await c.expect('main', { available: 5, held: 0, spent: 5 })
    await c.expectUnchanged('what comes later', async () => {
      expectSame(await c.store.capture({ ...capture }), first, 'the second answer')
      const other = await c.store.capture({ ...capture, id: c.id() })
      expectMatch(other, { kind: 'refused', reason: 'hold_ended' }, 'another capture')
      expectMatch(await c.store.release({ id: c.id(), holdId: hold.id }), { reason: 'hold_ended' }, 'a release')
      expectMatch(await c.store.hold(hold), { kind: 'refused', reason: 'hold_ended' }, 'the hold itself')
    })
  }),
  rule('a capture of a hold that was never seen obeys its overage [I7]', async (c) => {
    await c.store.initialize('main', 10)
    const lines = [{ budget: 'main', amount: 4 }]
    const late = { amount: 9, lines }
    const capped = await c.store.capture({ id: c.id(), holdId: c.charge(), overage: 'cap', ...late })
    expectMatch(capped, { charged: 4, late: true }, 'cap')
    const owed = await c.store.capture({ id: c.id(), holdId: c.charge(), overage: 'debt', ...late })
    expectMatch(owed, { charged: 9, late: true }, 'debt')
    await c.expect('main', { available: 0, spent: 13, debt: 3 })
  }),
  rule(
    'a capture of a hold that was refused debits its lines, for the call ran all the same [I6] [L-P18]',
    async (c) => {
      await c.store.initialize('main', 10)
      const hold = c.holdRequest(12)
      const refused = await c.store.hold(hold)
      expectMatch(refused, { kind: 'refused', reason: 'insufficient' }, 'hold')
      const capture = { id: c.id(), holdId: hold.id, amount: 12, overage: 'debt', lines: hold.lines } as const
      const first = await c.store.capture(capture)
      expectMatch(first, { kind: 'captured', charged: 12, late: true }, 'capture')
      await c.expect('main', { available: 0, spent: 12, debt: 2 })
      await c.expectUnchanged('what comes later', async () => {
        expectSame(await c.store.capture({ ...capture }), first, 'the capture again')
        expectSame(await c.store.hold({ ...hold }), refused, 'the hold again')
      })
    },
  ),
  rule('a charge that was made and forgotten is not made again [I3]', async (c) => {
    await c.store.initialize('main', 10)
    const hold = c.holdRequest(6)
    const capture = { id: c.id(), holdId: hold.id, amount: 5, overage: 'cap', lines: hold.lines } as const
    await c.store.hold(hold)
    await c.store.capture(capture)
    await c.clock.advance(DAY_MS)
    // Something else ends, so that a store that forgets as it goes has had its chance.
    await c.store.release({ id: c.id(), holdId: await c.hold(1) })
    await c.expectUnchanged('the captures', async () => {
      await c.store.capture({ ...capture })
      expectMatch(await c.store.capture({ ...capture, id: c.id() }), { kind: 'refused' }, 'another capture')
    })
  }),
  rule('a capture of a hold whose id says no time is refused when it is not known [I3]', async (c) => {
    await c.store.initialize('main', 10)
    const lines = [{ budget: 'main', amount: 6 }]
    for (const holdId of ['7', 'one-of-mine', '__proto__']) {
      const answer = await c.store.capture({ id: c.id(), holdId, amount: 5, overage: 'cap', lines })
      expectMatch(answer, { kind: 'refused', reason: 'unknown_hold' }, holdId)
    }
  }),
  rule('a late capture on an unknown budget is refused and creates none [L-P2]', async (c) => {
    const lines = [{ budget: 'nobody', amount: 6 }]
    const answer = await c.store.capture({ id: c.id(), holdId: c.charge(), amount: 5, overage: 'cap', lines })
    expectMatch(answer, { kind: 'refused', reason: 'unknown_budget' }, 'capture')
    await c.expectThrow('describe', () => c.store.describe('nobody'), 'unknown_budget')
  }),
  rule('a late capture across tenants is refused and debits nothing', async (c) => {
    await c.store.initialize('one/main', 10)
    await c.store.initialize('two/main', 10)
    const lines = ['one/main', 'two/main'].map((budget) => ({ budget, amount: 1 }))
    await c.expectUnchanged('the capture', async () => {
      const answer = await c.store.capture({ id: c.id(), holdId: c.charge(), amount: 1, overage: 'cap', lines })
      expectMatch(answer, { kind: 'refused', reason: 'cross_partition' }, 'capture')
    })
  }),
]

/** How long answers are remembered: ten minutes from the end. */
const MEMORY: readonly Rule[] = [
  rule('a repeated request gets its first answer for ten minutes [I5] [L-P8]', async (c) => {
    await c.store.initialize('main', 10)
    const hold = c.holdRequest(4)
    const capture = { id: c.id(), holdId: hold.id, amount: 4, overage: 'cap' } as const
    const spend = { chargeId: c.charge(), budget: 'main', tool: 't', cost: 1 }
    const grant = { id: c.id(), budget: 'main', amount: 1 }
    const ask = async () => [
      await c.store.hold(hold),
      await c.store.capture(capture),
      await c.store.spend(spend),
      await c.store.grant(grant),
    ]
    const first = await ask()
    await c.clock.advance(599_999)
    // Something else ends meanwhile, so that a store that forgets as it goes has had its chance.
    await c.store.release({ id: c.id(), holdId: await c.hold(1) })
    await c.expectUnchanged('the second', async () => {
      expectSame(await ask(), first, 'the second answers')
    })
  }),
]

/** What time does to holds. */
export const TIME: readonly Rule[] = [...EXPIRY, ...LATE, ...MEMORY]
