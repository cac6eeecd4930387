import { expectMatch, expectSame } from './check.js'
import { rule, type Rule } from './case.js'

const allowed = (remaining: number) => ({ allowed: true, remaining })
const refused = (reason: string, remaining: number) => ({ allowed: false, reason, remaining })

/** `initialize` and `check`. */
const BEGINNINGS: readonly Rule[] = [
  rule('initialize creates a budget with what can be spent', async (c) => {
    await c.store.initialize('main', 10)
    expectSame(await c.store.remaining('main'), 10, 'remaining')
    await c.expect('main', { available: 10, in: 10, held: 0, spent: 0, state: 'open', openHolds: 0, children: [] })
  }),
  rule(
    'initialize with the same amount again changes nothing, and is never a refill [L-S4] [L-P9] [L-P15] [I18]',
    async (c) => {
      await c.store.initialize('main', 10)
      await c.store.spend({ chargeId: c.charge(), budget: 'main', tool: 't', cost: 7 })
      await c.expectUnchanged('initialize', () => c.store.initialize('main', 10))
      expectSame(await c.store.remaining('main'), 3, 'remaining')
    },
  ),
  rule('initialize with another amount is an error, and never a refill [L-P9] [I18]', async (c) => {
    await c.store.initialize('main', 10)
    await c.expectThrow('initialize', () => c.store.initialize('main', 17), 'budget_exists')
    await c.expectThrow('initialize', () => c.store.initialize('main', 0), 'budget_exists')
  }),
  rule('many first initialisations at once create one budget [L-P2]', async (c) => {
    await Promise.all(Array.from({ length: 8 }, async () => c.store.initialize('main', 10)))
    await c.expect('main', { available: 10, in: 10 })
  }),
  rule('a bare name and its full form are one budget', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.spend({ chargeId: c.charge(), budget: 'default/main', tool: 't', cost: 4 })
    expectSame(await c.store.remaining('main'), 6, 'remaining')
    await c.expect('main', { budget: 'default/main' })
  }),
  rule('check says what a spend would, and changes nothing [L-P1]', async (c) => {
    await c.store.initialize('main', 10)
    await c.expectUnchanged('check', async () => {
      expectMatch(await c.store.check('main', 10), allowed(10), 'check(10)')
      expectMatch(await c.store.check('main', 11), refused('insufficient', 10), 'check(11)')
      expectMatch(await c.store.check('main', 0), allowed(10), 'check(0)')
    })
  }),
  rule('an unknown budget is refused by every verb, and never unlimited [L-S1] [L-P2]', async (c) => {
    expectMatch(await c.store.check('nobody', 1), refused('unknown_budget', 0), 'check')
    expectMatch(await c.store.check('nobody', 0), refused('unknown_budget', 0), 'check(0)')
    const spend = { chargeId: c.charge(), budget: 'nobody', tool: 't', cost: 1 }
    expectMatch(await c.store.spend(spend), refused('unknown_budget', 0), 'spend')
    await c.expectThrow('remaining', () => c.store.remaining('nobody'), 'unknown_budget')
    await c.expectThrow('describe', () => c.store.describe('nobody'), 'unknown_budget')
  }),
  rule('a budget of 0 has nothing, and is not unlimited', async (c) => {
    await c.store.initialize('main', 0)
    expectMatch(await c.store.check('main', 1), refused('exhausted', 0), 'check')
    const spend = { chargeId: c.charge(), budget: 'main', tool: 't', cost: 1 }
    expectMatch(await c.store.spend(spend), refused('exhausted', 0), 'spend')
    expectMatch(await c.store.hold(c.holdRequest(1)), { kind: 'refused', reason: 'exhausted', remaining: 0 }, 'hold')
  }),
]

/** `spend`. */
const SPENDS: readonly Rule[] = [
  rule('a spend takes the last credit, and not one more [L-P30]', async (c) => {
    await c.store.initialize('main', 10)
    const spend = (cost: number) => c.store.spend({ chargeId: c.charge(), budget: 'main', tool: 't', cost })
    expectMatch(await spend(11), refused('insufficient', 10), 'one credit short')
    expectMatch(await spend(10), allowed(0), 'an exact fit')
    expectMatch(await spend(1), refused('exhausted', 0), 'nothing left')
    expectMatch(await spend(0), allowed(0), 'what is free')
    await c.expect('main', { available: 0, spent: 10 })
  }),
  rule('a spend that arrives twice is charged once and gets the first answer [I5] [L-P7] [L-P8]', async (c) => {
    await c.store.initialize('main', 10)
    const request = { chargeId: c.charge(), budget: 'main', tool: 't', cost: 4 }
    const first = await c.store.spend(request)
    await c.store.spend({ ...request, chargeId: c.charge() })
    expectSame(await c.store.spend({ ...request }), first, 'the second answer')
    await c.expect('main', { spent: 8 })
  }),
  rule('a spend that was refused stays refused when it arrives again [I5] [L-P8]', async (c) => {
    await c.store.initialize('main', 10)
    const request = { chargeId: c.charge(), budget: 'main', tool: 't', cost: 11 }
    const first = await c.store.spend(request)
    await c.store.grant({ id: c.id(), budget: 'main', amount: 100 })
    expectSame(await c.store.spend({ ...request }), first, 'the second answer')
    await c.expect('main', { spent: 0 })
  }),
  rule('a spend with the id of another is id_reused and charges nothing [I5]', async (c) => {
    await c.store.initialize('main', 10)
    await c.store.initialize('other', 10)
    const request = { chargeId: c.charge(), budget: 'main', tool: 't', cost: 4 }
    await c.store.spend(request)
    await c.expectUnchanged('a reused id', async () => {
      for (const change of [{ cost: 5 }, { tool: 'u' }, { budget: 'other' }]) {
        const answer = await c.store.spend({ ...request, ...change })
        expectMatch(answer, { allowed: false, reason: 'id_reused' }, JSON.stringify(change))
      }
    })
  }),
  rule('spends at once never take more than there is [I2] [L-P1]', async (c) => {
    await c.store.initialize('main', 10)
    const spends = Array.from({ length: 16 }, async () =>
      c.store.spend({ chargeId: c.charge(), budget: 'main', tool: 't', cost: 3 }),
    )
    const answers = await Promise.all(spends)
    expectSame(answers.filter((answer) => answer.allowed).length, 3, 'spends that were allowed')
    await c.expect('main', { available: 1, spent: 9 })
  }),
]

/** `check`, `spend`, `remaining`, `initialize`. */
export const FOUR_VERBS: readonly Rule[] = [...BEGINNINGS, ...SPENDS]
