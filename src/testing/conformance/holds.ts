import { expectMatch, expectSame } from './check.js'
import { rule, type Rule } from './case.js'

const refused = (reason: string, budget: string, remaining: number) => ({ kind: 'refused', reason, budget, remaining })

/** Placing one line. */
const SINGLE: readonly Rule[] = [
  rule('a hold takes the last credit, and not one more [L-P30]', async (c) => {
    await c.store.initialize('main', 10)
    const short = await c.store.hold(c.holdRequest(11))
    expectMatch(short, refused('insufficient', 'default/main', 10), 'one credit short')
    const fits = c.holdRequest(10)
    const held = { kind: 'held', holdId: fits.id, remaining: 0, debt: 0 }
    expectMatch(await c.store.hold(fits), held, 'an exact fit')
    await c.expect('main', { available: 0, held: 10, spent: 0, openHolds: 1 })
    expectMatch(await c.store.hold(c.holdRequest(1)), refused('exhausted', 'default/main', 0), 'nothing left')
  }),
  rule('a hold of 0 is held, even on an empty budget', async (c) => {
    await c.store.initialize('main', 0)
    expectMatch(await c.store.hold(c.holdRequest(0)), { kind: 'held', remaining: 0, debt: 0 }, 'hold')
    await c.expect('main', { held: 0, openHolds: 1 })
  }),
  rule('what is held cannot be held or spent again [I2] [L-P1]', async (c) => {
    await c.store.initialize('main', 10)
    await c.hold(6)
    expectMatch(await c.store.hold(c.holdRequest(5)), refused('insufficient', 'default/main', 4), 'hold')
    const spend = { chargeId: c.charge(), budget: 'main', tool: 't', cost: 5 }
    expectMatch(await c.store.spend(spend), { allowed: false, reason: 'insufficient', remaining: 4 }, 'spend')
  }),
  rule('holds at once never take more than there is [I2] [L-P1] [L-P2]', async (c) => {
    await c.store.initialize('main', 10)
    const answers = await Promise.all(Array.from({ length: 16 }, async () => c.store.hold(c.holdRequest(3))))
    expectSame(answers.filter((answer) => answer.kind === 'held').length, 3, 'holds that were placed')
    await c.expect('main', { available: 1, held: 9, openHolds: 3 })
  }),
  rule('a hold on an unknown budget is refused, and creates none [L-S1] [L-P2]', async (c) => {
    expectMatch(await c.store.hold(c.holdRequest(1)), refused('unknown_budget', 'default/main', 0), 'hold')
    await c.expectThrow('describe', () => c.store.describe('main'), 'unknown_budget')
  }),
]

/** Placing several lines. */
const LINES: readonly Rule[] = [
  rule('a hold places all lines or none [L-S24] [L-S26] [L-P16]', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('small', 3)
    const lines = [
      { budget: 'main', amount: 5 },
      { budget: 'small', amount: 4 },
    ]
    await c.expectUnchanged('a refused hold', async () => {
      const answer = await c.store.hold(c.holdRequest(0, { lines }))
      expectMatch(answer, refused('insufficient', 'default/small', 3), 'the second line does not fit')
      const turned = await c.store.hold(c.holdRequest(0, { lines: lines.toReversed() }))
      expectMatch(turned, refused('insufficient', 'default/small', 3), 'the first line does not fit')
      const unknown = [...lines, { budget: 'nobody', amount: 0 }]
      const answered = await c.store.hold(c.holdRequest(0, { lines: unknown }))
      expectMatch(answered, refused('unknown_budget', 'default/nobody', 0), 'a line is unknown')
    })
  }),
  rule('a hold of several lines answers with the least that is left', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('small', 6)
    const lines = [
      { budget: 'main', amount: 5 },
      { budget: 'small', amount: 4 },
    ]
    expectMatch(await c.store.hold(c.holdRequest(0, { lines })), { kind: 'held', remaining: 2 }, 'hold')
    await c.expect('main', { available: 5, held: 5 })
    await c.expect('small', { available: 2, held: 4 })
  }),
  rule('a hold across tenants is refused whatever is in them', async (c) => {
    await c.store.initialize('one/main', 10)
    await c.store.initialize('two/main', 10)
    for (const amount of [1, 100]) {
      const lines = ['one/main', 'two/main', 'two/nobody'].map((budget) => ({ budget, amount }))
      await c.expectUnchanged('a refused hold', async () => {
        const answer = await c.store.hold(c.holdRequest(0, { lines }))
        expectMatch(answer, { kind: 'refused', reason: 'cross_partition' }, `lines of ${amount}`)
      })
    }
  }),
  rule('a budget may stand in a hold once, by either of its names', async (c) => {
    await c.store.initialize('main', 10)
    for (const again of ['main', 'default/main']) {
      const lines = ['main', again].map((budget) => ({ budget, amount: 1 }))
      await c.expectThrow(`main and ${again}`, () => c.store.hold(c.holdRequest(0, { lines })))
    }
  }),
  rule('a line of another unit is charged as it was held, whatever the call cost', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('calls', 3)
    const lines = [
      { budget: 'main', amount: 8 },
      { budget: 'calls', amount: 1, unit: 'calls' },
    ]
    const holdId = await c.hold(0, { lines })
    const answer = await c.store.capture({ id: c.id(), holdId, amount: 5, overage: 'cap' })
    expectMatch(answer, { kind: 'captured', charged: 5, late: false }, 'capture')
    await c.expect('main', { available: 5, spent: 5, held: 0 })
    await c.expect('calls', { available: 2, spent: 1, held: 0 })
  }),
]

/** The same request again. */
const REPEATS: readonly Rule[] = [
  rule('a hold that arrives twice is placed once and gets the first answer [I5] [L-P8]', async (c) => {
    await c.store.initialize('main', 10)
    const request = c.holdRequest(6)
    const first = await c.store.hold(request)
    await c.hold(1)
    expectSame(await c.store.hold({ ...request, lines: [...request.lines] }), first, 'the second answer')
    await c.expect('main', { held: 7, openHolds: 2 })
  }),
  rule(
    'a hold that arrives again after its end gets the first answer and holds nothing [I4] [I5] [L-P8]',
    async (c) => {
      await c.store.initialize('main', 10)
      const request = c.holdRequest(6)
      const first = await c.store.hold(request)
      await c.store.release({ id: c.id(), holdId: request.id })
      await c.expectUnchanged('a late copy', async () => {
        expectSame(await c.store.hold({ ...request }), first, 'the second answer')
      })
    },
  ),
  rule('a hold that was refused stays refused when it arrives again [I5] [L-P8]', async (c) => {
    await c.store.initialize('main', 10)
    const request = c.holdRequest(11)
    const first = await c.store.hold(request)
    await c.store.grant({ id: c.id(), budget: 'main', amount: 100 })
    expectSame(await c.store.hold({ ...request }), first, 'the second answer')
    await c.expect('main', { held: 0, openHolds: 0 })
  }),
  rule('a hold with the id of another is id_reused and holds nothing [I5]', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('other', 10)
    const request = { ...c.holdRequest(4), meta: { tool: 't' } }
    await c.store.hold(request)
    const others = [
      { lines: [{ budget: 'main', amount: 5 }] },
      { lines: [{ budget: 'other', amount: 4 }] },
      { lines: [...request.lines, { budget: 'other', amount: 4 }] },
      { ttlMs: 1 },
      { onExpire: 'capture' },
      { overdraft: true },
      { meta: { tool: 'u' } },
    ] as const
    await c.expectUnchanged('a reused id', async () => {
      for (const change of others) {
        const answer = await c.store.hold({ ...request, ...change })
        expectMatch(answer, { kind: 'refused', reason: 'id_reused' }, JSON.stringify(change))
      }
    })
  }),
  rule('the two names of a budget make the same request [I5]', async (c) => {
    await c.store.initialize('main', 10)
    const request = c.holdRequest(4)
    const first = await c.store.hold(request)
    const lines = [{ budget: 'default/main', amount: 4 }]
    expectSame(await c.store.hold({ ...request, lines }), first, 'the second answer')
    await c.expect('main', { held: 4 })
  }),
]

/** `hold`. */
export const HOLDS: readonly Rule[] = [...SINGLE, ...LINES, ...REPEATS]
